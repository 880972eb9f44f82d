#!/usr/bin/env bash
# `checkpoints copy`: a checkpoint in the bank of a second provider, with another key and other segments, restored byte for
# byte once the first bank is gone; what is killed goes on; what cannot be is said before anything is written.
#   copy.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
mkdir -p data/tree
echo "plainwords of a file" >data/tree/file
head -c 5500000 /dev/urandom >data/tree/noise
echo "directories: [{id: tree, path: $dir/data/tree}]" >inventory.yaml
holdfast -q bank key new keys1 >/dev/null
holdfast -q bank key new keys2 >/dev/null
# provider NAME ID BANK SEGMENT_SIZE [KEY_FILE]
provider_on() {
  mkdir -p "$3"
  {
    printf '[provider]\nname = %s\nid = %s\nbank = filesystem\nplugin = local-directory\n' "$1" "$2"
    [ $# -lt 5 ] || echo "key_file = $dir/$5"
    printf '[filesystem]\npath = %s/%s\nsegment_size = %s\n[local]\ninventory = %s/inventory.yaml\n' "$dir" "$3" "$4" "$dir"
  } >"providers.d/$1.conf"
}
id1=0b0f6b1e-53f6-4f5c-9d0e-0f0a6d1d7a01
id2=0b0f6b1e-53f6-4f5c-9d0e-0f0a6d1d7a02
provider_on near $id1 bank "1 MiB"
provider_on far $id2 bank2 "4 MiB" keys2
provider_on plain 0b0f6b1e-53f6-4f5c-9d0e-0f0a6d1d7a03 bank3 "1 MiB"
ends() { # CODE WORDS COMMAND...
  local code
  code=$(code_of out "${@:3}")
  [ "$code" = "$1" ] || fail "${*:3}: exit $code, not $1: $(cat out)"
  grep -qF -- "$2" out || fail "${*:3}: expected '$2' in: $(cat out)"
}
copy() { holdfast checkpoints copy "$@"; } # a function: `ends` and `code_of` call it, too
printf 'name: night\nprovider: near\nresources: ["Local::Directory#tree"]\n' >night.yaml
holdfast -q plan discover night.yaml
holdfast -q compile protect night.yaml -o protect.yaml
for run in one two; do holdfast -q run protect.yaml --run-id $run >out 2>&1 || fail "$(cat out)"; done
# All that the first bank holds; the bundles of deletions that were refused are gc's.
there() { find bank -type f | grep -v /bundles/ | sort; }
there >before

# What is wrong is said, and nothing is written.
ends 2 "to-provider" copy one -p near
ends 2 "what is to be copied?" copy -p near --to-provider far
ends 2 "a copy is for another provider" copy one -p near --to-provider near
ends 10 "there is no checkpoint none" copy none -p near --to-provider far
ends 10 "no provider" copy one -p near --to-provider nowhere
sed "s/$id2/0b0f6b1e-53f6-4f5c-9d0e-0f0a6d1d7a04/; s/^name = .*/name = same/; s,/bank2\$,/bank," providers.d/far.conf >providers.d/same.conf
ends 2 "have the same bank" copy one -p near --to-provider same
# The same folder by another name; said once for all, and also where there is nothing to copy.
ln -s bank other-name
sed -i "s,/bank\$,/other-name," providers.d/same.conf
grep -q '/other-name$' providers.d/same.conf || fail "$(cat providers.d/same.conf)"
ends 2 "have the same bank" copy one -p near --to-provider same
for how in --all "--plan nothing" "--all --dry-run"; do
  ends 2 "have the same bank" copy $how -p near --to-provider same
  ends 2 "a copy is for another provider" copy $how -p near --to-provider near
  ! grep -q "there already" out || fail "copy $how goes on: $(cat out)"
done
rm providers.d/same.conf other-name
ends 0 "would copy one" copy one -p near --to-provider far --dry-run
[ -z "$(find bank2 -type f)" ] || fail "a dry run wrote $(find bank2 -type f)"
# A bank that is not there is not made for that, nor for a copy that is refused.
rmdir bank2
ends 0 "would copy one" copy one -p near --to-provider far --dry-run
ends 0 "would copy 2, 0 there already" copy --all -p near --to-provider far --dry-run
ends 10 "there is no checkpoint none" copy none -p near --to-provider far
mv keys2 away
ends 13 "keys2" copy one -p near --to-provider far
mv away keys2
[ ! -e bank2 ] || fail "a bank was made for nothing"
mkdir bank2

# What the original lacks is damage of it, and no checkpoint that there is none of.
segment=$(find bank/t/local/checkpoints/one/data -name '*tree.1' -type f | head -1)
[ -n "$segment" ] || fail "no segment: $(find bank/t/local/checkpoints/one)"
mv "$segment" lost
ends 12 "the object ${segment#bank/} is missing" copy one -p near --to-provider far
grep -q "checkpoints verify" out || fail "what to do: $(cat out)"
mv lost "$segment"

# Killed where it matters, and the same command again: never a half one, and it goes on.
for point in copy:after-lease copy:after-manifest copy:before-state copy:after-state "copy:after-indices"; do
  chmod -R u+w bank2
  rm -rf bank2
  mkdir bank2
  code=$(HOLDFAST_FAILPOINT=$point code_of out holdfast checkpoints copy one -p near --to-provider far)
  [ "$code" = 137 ] || fail "$point: not killed but $code: $(cat out)"
  holdfast --json checkpoints list -p far >list
  case $point in
    *after-state | *after-indices) grep -q '"state":"available"' list || fail "$point: $(cat list)" ;;
    *) ! grep -q '"checkpoint"' list || fail "$point: a half one is shown: $(cat list)" ;;
  esac
  [ $point = copy:after-lease ] || [ $point = copy:after-state ] || [ $point = copy:after-indices ] || ends 11 "works on the checkpoint one" holdfast checkpoints delete one -p near
  ends 0 "one" copy one -p near --to-provider far
  holdfast checkpoints verify one -p far >out 2>&1 || fail "$point: $(cat out)"
  holdfast gc -p far >out 2>&1 || fail "$point: gc: $(cat out)"
done
there | grep -v /leases/copy- | diff before - || fail "something of the copy stayed where it came from"
ends 0 "copied from provider near" holdfast checkpoints show one -p far
grep -q "encrypted with key" out || fail "$(cat out)"
! grep -rqa plainwords bank2 || fail "plain in the second bank"

# Never again: an operator says so, and gc clears it.
code=$(HOLDFAST_FAILPOINT=copy:after-manifest code_of out holdfast checkpoints copy two -p near --to-provider far)
[ "$code" = 137 ] || fail "not killed: $(cat out)"
ends 0 "works on it, or is dead" holdfast gc -p far --dry-run
run=$(holdfast --json gc -p far --dry-run | field gc-action run)
ends 0 "did" holdfast gc -p far --run "$run"
ends 0 "of a record that never was" holdfast gc -p far
[ ! -e bank2/t/local/checkpoints/two ] || fail "it is still there: $(find bank2/t/local/checkpoints/two)"
ends 0 "did" holdfast gc -p near --run "$run"
there | grep -v /runs/copy- | grep -v /leases/copy- | diff before - || fail "the marker is still there"

# All of a plan that are not there yet; once more there is nothing to do.
ends 0 "copied 1, 1 there already" copy --plan night -p near --to-provider far
ends 0 "copied 0, 2 there already" copy --plan night -p near --to-provider far
ends 0 "copied 0, 1 there already" copy --all --last 1 -p near --to-provider far
ends 0 "there already one" copy one -p near --to-provider far
[ "$(holdfast --json checkpoints copy --all -p near --to-provider far | field copy-summary there_already)" = 2 ] || fail "--json"

# One that is deleted there is copied again when it is named, not with the others.
ends 0 "" holdfast checkpoints delete one -p far
ends 0 "deleted there" copy --plan night -p near --to-provider far
ends 0 "copied one" copy one -p near --to-provider far

# A copy that has lost something, or that a verification has found damaged, is not "there already": it is said, and nothing is
# written. Deleted and copied again it is whole; what was found before counts no more.
tree=$(find bank2/t/local/checkpoints/one/data -name '*tree.1' -type f | head -1)
[ -n "$tree" ] || fail "no segment: $(find bank2/t/local/checkpoints/one)"
cp -p "$tree" lost
find bank2 -type f | sort >there2
rm -f "$tree"
ends 12 DAMAGED holdfast bank fsck -p far --quick --dry-run
for how in "" --dry-run; do
  ends 12 "the copy of the checkpoint one in the bank of provider far is damaged" copy one -p near --to-provider far $how
  grep -qF "Local::Directory#tree: the object ${tree#bank2/} is missing" out || fail "which object: $(cat out)"
  grep -qF "holdfast checkpoints delete one --provider far" out || fail "what to do: $(cat out)"
done
ends 5 "not copied, as is said above: one" copy --all -p near --to-provider far
grep -q "copied 0, 1 there already" out || fail "the other one: $(cat out)"
head -c 100 lost >"$tree"
ends 12 "has 100 bytes" copy one -p near --to-provider far
rm -f "$tree"
cp -p lost "$tree"
ends 0 "there already one" copy one -p near --to-provider far
chmod u+w "$tree"
printf x | dd of="$tree" bs=1 seek=500 conv=notrunc status=none
ends 5 "" holdfast checkpoints verify one -p far
ends 12 "the last verification of the copy of the checkpoint one in the bank of provider far failed" copy one -p near --to-provider far
ends 0 "" holdfast checkpoints delete one -p far
ends 0 "copied one" copy one -p near --to-provider far
ends 0 "there already one" copy one -p near --to-provider far
ends 0 "not verified yet" holdfast checkpoints show one -p far

# Encrypted does not become plain by accident; without its key nothing is read.
ends 13 "its copy would be plain" copy two -p far --to-provider plain
ends 0 "stored in plain" copy two -p far --to-provider plain --decrypt
mv keys2 away
ends 13 "key_file" copy one -p far --to-provider plain --decrypt
mv away keys2

# A store that is full, or forbids it.
if [ "$(id -u)" != 0 ]; then
  chmod a-w bank3 && ends 13 "" copy one -p near --to-provider plain && chmod u+w bank3
fi
# What is not what was written stays where it is.
cp -r bank good
segment=$(find bank/t/local/checkpoints/one/data -name '*.1' -type f | head -1)
chmod u+w "$segment"
printf x | dd of="$segment" bs=1 seek=500 conv=notrunc status=none
ends 12 "not those that were written" copy one -p near --to-provider plain
[ "$(holdfast --json checkpoints list -p plain | field checkpoint id)" = two ] || fail "$(holdfast checkpoints list -p plain)"

# The first bank, plan and workflow are gone; restored from the copies, byte for byte.
chmod -R u+w bank good
rm -rf bank good protect.* night.* providers.d/near.conf
for provider in far plain; do
  ends 0 "two" holdfast checkpoints list -p $provider
  mkdir back
  printf 'Local::Directory: {target: %s/back/tree}\n' "$dir" >where.yaml
  holdfast -q compile restore latest -p $provider --parameters where.yaml -o restore.yaml >out 2>&1 || fail "$(cat out)"
  holdfast -q run restore.yaml >out 2>&1 || fail "$(cat out)"
  diff -r data/tree back/tree || fail "the tree is another one"
  rm -rf back restore.*
done
# And kept as any other.
ends 0 "deleted 1, kept 1" holdfast checkpoints prune -p far --plan night --keep-last 1
ends 0 "available" holdfast checkpoints list -p far
