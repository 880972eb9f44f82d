#!/usr/bin/env bash
# Two machines have plans of one name, and copies of both are in one bank: each one's are a series of their own, for
# prune, for status and for latest; a machine that is no more is ended by deleting its last one.
#   copies_of_several.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
# provider_at NAME ID BANK
provider_at() {
  printf '[noop]\ntypes = X::Disk\ngraph = %s/n.graph.yaml\n' "$dir" | provider_called "$1" "$2" noop
  sed -i "s,^path = .*,path = $dir/$3," "providers.d/$1.conf"
  mkdir -p "$3"
}
disks d
rm providers.d/p.conf
id1=0b0f6b1e-53f6-4f5c-9d0e-0f0a6d1d7a01
id2=0b0f6b1e-53f6-4f5c-9d0e-0f0a6d1d7a02
provider_at web1 $id1 bank
provider_at web2 $id2 bank2
provider_at far 0b0f6b1e-53f6-4f5c-9d0e-0f0a6d1d7a03 bank3
provider_at vault 0b0f6b1e-53f6-4f5c-9d0e-0f0a6d1d7a04 bank4
for name in web1 web2; do
  printf 'name: data\nprovider: %s\nresources: ["X::Disk#d"]\n' $name >$name.yaml
  holdfast -q compile protect $name.yaml --graph n.graph.yaml -o $name-protect.yaml
done
ends() { # CODE WORDS COMMAND...
  local code
  code=$(code_of out "${@:3}")
  [ "$code" = "$1" ] || fail "${*:3}: exit $code, not $1: $(cat out)"
  [ -z "$2" ] || grep -qE -- "$2" out || fail "${*:3}: expected '$2' in: $(cat out)"
}
night() { # MACHINE ID [TIME]
  holdfast -q run "$1-protect.yaml" --run-id "$2" >out 2>&1 || fail "$(cat out)"
  [ $# = 2 ] || made_at "$2" "$3"
  ends 0 "copied $2" holdfast checkpoints copy "$2" -p "$1" --to-provider far
}
# web1 has stopped; web2 goes on.
night web1 a1 2024-10-25T10:00:00Z
night web1 a2 2024-10-26T10:00:00Z
for id in b1 b2 b3; do night web2 $id; done
checkpoints() { holdfast checkpoints "$@" -p far; }
there() { checkpoints list | awk 'NR > 1 {print $1}' | sort | tr '\n' ' '; }

# Whose each one is.
ends 0 '^CHECKPOINT +STATE +PLAN +ORIGIN +CREATED' checkpoints list
grep -qE '^a2 +available +data +web1 ' out && grep -qE '^b3 +available +data +web2 ' out || fail "whose: $(cat out)"
ends 0 '^a1 +' checkpoints list --origin web1
! grep -q '^b' out || fail "of the other one: $(cat out)"
[ "$(holdfast --json checkpoints list -p far --origin $id1 | field checkpoint origin_id | sort -u)" = $id1 ] || fail "$(cat out)"
ends 10 "called mail.*" checkpoints list --origin mail
grep -q "web1 ($id1), web2 ($id2)" out || fail "which there are: $(cat out)"

# One that is late is seen beside one that is not.
ends 7 "^PLAN +ORIGIN +CHECKPOINT" checkpoints status --max-age 26h --prometheus metrics
grep -qE '^data +web1 +a2 .*NOT FRESH$' out && grep -qE '^data +web2 +b3 .* fresh$' out || fail "status: $(cat out)"
grep -qxF "holdfast_checkpoint_fresh{plan=\"data\",origin=\"web1\",origin_id=\"$id1\"} 0" metrics || fail "$(cat metrics)"
grep -qxF "holdfast_checkpoint_fresh{plan=\"data\",origin=\"web2\",origin_id=\"$id2\"} 1" metrics || fail "$(cat metrics)"
ends 7 "NOT FRESH" checkpoints status --max-age 26h --plan data --origin web1
ends 0 "fresh" checkpoints status --max-age 26h --plan data --origin web2
[ "$(holdfast --json checkpoints status --max-age 26h -p far --origin web2 | field plan-status origin)" = web2 ] || fail "--json"

# Nothing is taken that may be another machine's.
for command in "checkpoints show" "checkpoints verify" "checkpoints delete" "checkpoints pin" "compile restore"; do
  for plan in "" "--plan data"; do
    ends 3 "several providers made those that are there" holdfast $command latest -p far $plan
    grep -qF "web1 ($id1), newest a2 of 2024-10-26T10:00:00" out || fail "$command: $(cat out)"
    grep -qF "web2 ($id2), newest b3 of " out && grep -qF -- "--origin PROVIDER" out || fail "$command: $(cat out)"
  done
done
ends 0 "^checkpoint a2: available" checkpoints show latest --plan data --origin web1
ends 0 "^checkpoint b3: available" checkpoints show latest --origin $id2
ends 0 "" holdfast -q compile restore latest -p far --plan data --origin web1 -o restore.yaml
ends 0 "" checkpoints verify latest --origin web1
ends 0 "" holdfast bank fsck -p far --checkpoint latest --origin web1 --dry-run
ends 3 "several providers made" holdfast bank fsck -p far --checkpoint latest --dry-run

# A copy of copies keeps them apart; the newest so many are those of each.
ends 0 "would copy 2, " holdfast checkpoints copy --all --last 1 --dry-run -p far --to-provider vault
ends 0 "copied 2, " holdfast checkpoints copy --plan data --last 1 -p far --to-provider vault
ends 0 "^a2 +available +data +web1 " holdfast checkpoints list -p vault
ends 0 "made by provider web1 \\($id1\\)" holdfast checkpoints show a2 -p vault

# The rules are applied to each as if it were alone.
ends 0 "^would delete 3, and keep 2$" checkpoints prune --plan data --keep-last 1 --dry-run
grep -qE '^CHECKPOINT +ORIGIN +CREATED' out && grep -qE '^a2 +web1 .* stays ' out && grep -qE '^b3 +web2 .* stays ' out || fail "prune: $(cat out)"
ends 0 "^would delete 1, and keep 1$" checkpoints prune --plan data --keep-last 1 --origin web1 --dry-run
[ "$(holdfast --json checkpoints prune -p far --plan data --keep-last 1 --dry-run | field retention origin | tr '\n' ' ')" = "web1 web1 web2 web2 web2 " ] || fail "--json"
ends 0 "^deleted 3, kept 2$" checkpoints prune --plan data --keep-last 1
[ "$(there)" = "a2 b3 " ] || fail "there are: $(there)"

# A rename changes what it is called, not whose they are.
sed -i 's/^name = web2/name = shop/' providers.d/web2.conf
mv providers.d/web2.conf providers.d/shop.conf
sed -i 's/^provider: web2/provider: shop/' web2.yaml
holdfast -q compile protect web2.yaml --graph n.graph.yaml -o shop-protect.yaml
night shop b4
ends 0 '^b4 +available +data +shop ' checkpoints list --origin web2
ends 7 '^data +shop +b4 .* fresh$' checkpoints status --max-age 26h
[ "$(grep -c '^data' out)" = 2 ] || fail "status: $(cat out)"
ends 0 "^deleted 1, kept 1$" checkpoints prune --plan data --keep-last 1 --origin shop

# Two machines may call their providers the same: then the ids are shown.
sed -i 's/^name = shop/name = web1/' providers.d/shop.conf
mv providers.d/web1.conf web1.conf
mv providers.d/shop.conf providers.d/web1.conf
sed -i 's/^provider: shop/provider: web1/' web2.yaml
holdfast -q compile protect web2.yaml --graph n.graph.yaml -o web1-protect.yaml
night web1 b5
ends 0 "^b5 +available +data +web1 \\($id2\\) " checkpoints list
grep -qE "^a2 +available +data +web1 \\($id1\\) " out || fail "$(cat out)"
ends 3 "several .*called web1: web1 \\($id1\\), web1 \\($id2\\)" checkpoints list --origin web1

# web1 is no more: with its last checkpoint the series ends, and nothing is late.
ends 0 "" checkpoints delete latest --plan data --origin $id1
ends 0 "fresh" checkpoints status --max-age 26h
! grep -q a2 out || fail "status: $(cat out)"
ends 0 "^checkpoint b5: available" checkpoints show latest --plan data
