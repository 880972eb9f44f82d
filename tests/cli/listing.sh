#!/usr/bin/env bash
# `checkpoints ls` shows what a directory held as `ls -l` does, whatever the names are made of, and
# what it shows can be restored alone.
#   listing.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
mkdir -p data/sub
echo hello >data/sub/plain
odd=$(printf 'caf\xe9')
echo odd >"data/$odd"
ln data/sub/plain data/twin
ln -s sub/plain data/link
chmod 4755 data/sub/plain
touch -d 2024-02-03T04:05:06Z data/sub/plain
printf 'directories:\n  - {id: data, path: %s}\n' "$dir/data" >inventory.yaml
provider local-directory <<END
[local]
inventory = $dir/inventory.yaml
END
printf 'name: data\nprovider: p\nresources: ["Local::Directory#data"]\n' >data.yaml
holdfast -q plan discover data.yaml
holdfast -q compile protect data.yaml
holdfast -q run data-protect.yaml >/dev/null
holdfast checkpoints ls latest >listing
grep -qE '^-rwsr-xr-x .* 6 2024-02-03T04:05:06Z (sub/plain|twin)' listing || fail "no line of the file with its mode and time"
grep -qE ' link -> sub/plain$' listing || fail "no line of the link with its target"
grep -qE ' (twin = sub/plain|sub/plain = twin)$' listing || fail "no line of the hard link"
grep -qF 'caf\xE9' listing || grep -qF 'caf\xe9' listing || fail "no line of the name that is not UTF-8"

# The odd name as --json shows it, and restored alone by that.
base64=$(holdfast --json checkpoints ls latest | python3 -c 'import json, sys
print(*[d["path_base64"] for d in map(json.loads, sys.stdin) if "path_base64" in d])')
printf 'Local::Directory:\n  target: %s\n  only_base64: %s\n' "$dir/back" "$base64" >only.yaml
holdfast -q compile restore latest --parameters only.yaml -o only-restore.yaml
holdfast -q run only-restore.yaml --run-id one-file >run.out
[ "$(cat "back/$odd")" = odd ] || fail "the file with the odd name did not come back"
[ "$(ls -A back)" = "$odd" ] || fail "more than the one file came back: $(ls -A back)"

# A restore of one file does not look like one of everything.
part='only caf\xe9 of Local::Directory'
grep -q '^Local::Directory#data *done, only caf\\xe9 ' run.out || fail "the table does not say it: $(cat run.out)"
grep -qxF "  $part" run.out || fail "the head does not say it: $(cat run.out)"
holdfast restores show one-file >show.out
cmp run.out show.out || fail "restores show says something else: $(cat show.out)"
holdfast restores list >list.out
grep '^one-file ' list.out | grep -qF "$part" || fail "the list does not say it: $(cat list.out)"
holdfast --json restores list | python3 -c 'import json, sys
[d] = [d for d in map(json.loads, sys.stdin) if d["message_type"] == "restore"]
assert d["only"] == [{"of": "Local::Directory", "path": "caf\\xe9"}], d'
rm -r back
printf 'Local::Directory: {target: %s}\n' "$dir/back" >all.yaml
holdfast -q compile restore latest --parameters all.yaml -o all-restore.yaml
holdfast -q run all-restore.yaml --run-id everything >run.out
! grep -q only run.out || fail "a restore of everything says: $(cat run.out)"
! holdfast restores list | grep '^everything ' | grep -q only || fail "$(holdfast restores list)"
