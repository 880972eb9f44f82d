#!/usr/bin/env bash
# One small object of one checkpoint that cannot be read is that checkpoint's trouble alone: lists, status,
# `latest`, gc and deletion go on with the others and say which it is; it never counts as good, and can go.
#   damaged_record.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
disks a
cp n.graph.yaml m.graph.yaml
for plan in n m; do
  printf 'name: %s\nprovider: p\nresources: [X::Disk#a]\nparameters: {X::Disk: {parallel_data: 1 KiB}}\n' $plan >$plan.yaml
  holdfast -q compile protect $plan.yaml
done
made() { # PLAN ID
  holdfast -q run "$1-protect.yaml" --run-id "$2" >run.out 2>&1 || fail "$(cat run.out)"
}
made m other
made n old
checkpoints=bank/t/local/checkpoints
cp -r bank good

damage() { # ID OBJECT TEXT: in a bank that is whole but for that; TEXT "gone" removes the object
  rm -rf bank
  cp -r good bank
  made n "$1"
  local file=$checkpoints/$1/$2
  chmod u+w "$file"
  if [ "$3" = gone ]; then rm -f "$file"; else printf '%s' "$3" >"$file"; fi
}

said() { # FILE WORDS
  grep -q -- "$2" "$1" || fail "$what: expected '$2' in: $(cat "$1")"
}
n=0
for case in "plan garbage" "plan gone" "plan {}" "state/000002 garbage" "graph garbage" "graph gone" 'graph {"format":1}'; do
  read -r object text <<<"$case"
  n=$((n + 1))
  what="$case"
  damage "new-$n" "$object" "$text"
  id=new-$n

  [ "$(code_of list.out holdfast checkpoints list)" = 0 ] || fail "$what: list: $(cat list.out)"
  said list.out "^$id *damaged *n "
  said list.out "^old *available *n "
  said list.out "^other *available *m "
  said list.out "checkpoint $id of plan n is of no use, for it is damaged: .*$id/$object"
  holdfast --json checkpoints list 2>/dev/null | python3 -c '
import json, sys
one = next(d for d in map(json.loads, sys.stdin) if d.get("id") == sys.argv[1])
assert one["state"] == "damaged" and sys.argv[2] in one["damage"], one' "$id" "$id/$object" || fail "$what: --json list"

  # It is no good checkpoint: of its plan the one before counts, and that is said.
  [ "$(code_of status.out holdfast checkpoints status --max-age 1h --prometheus metrics)" = 0 ] || fail "$what: status: $(cat status.out)"
  said status.out "^n *old .* fresh$"
  said status.out "^m *other .* fresh$"
  said metrics "^holdfast_damaged_checkpoints 1$"
  said status.out "warning: checkpoint $id of plan n does not count, for it is damaged: .*$id/$object"
  [ "$(code_of latest.out holdfast compile restore latest --plan n -o r.yaml)" = 0 ] || fail "$what: latest: $(cat latest.out)"
  said latest.out "warning: checkpoint $id of plan n is not taken as the latest, for it is damaged: .*$id/$object"
  rm -rf r.yaml r.bundle

  # It names its object wherever it is asked for itself.
  for command in "checkpoints show $id" "show $id" "checkpoints verify $id" "compile restore $id -o r.yaml"; do
    [ "$(code_of one.out holdfast $command)" = 12 ] || fail "$what: $command: $(cat one.out)"
    said one.out "$id/$object"
  done
  [ ! -e r.yaml ] || fail "$what: a restore was compiled"

  # gc does the others' work: what a lost attempt left is removed.
  mkdir -p "$checkpoints/old/data/X@3A@3ADisk/a/lost"
  echo lost >"$checkpoints/old/data/X@3A@3ADisk/a/lost/000001"
  [ "$(code_of gc.out holdfast gc)" = 5 ] || fail "$what: gc: $(cat gc.out)"
  said gc.out "^FAILED *checkpoint $id: is damaged: .*$id/$object"
  said gc.out "^did *checkpoint old: remove 1 object of the lost attempt"
  [ -d "$checkpoints/$id/data" ] || fail "$what: gc removed data of what is damaged"

  # Its bundle still says what its plugins have to act on.
  [ "$(code_of delete.out holdfast checkpoints delete "$id")" = 0 ] || fail "$what: delete: $(cat delete.out)"
  said delete.out "warning: checkpoint $id is damaged, and is deleted as its bundle says: .*$id/$object"
  [ "$(code_of list.out holdfast checkpoints list)" = 0 ] || fail "$what: list: $(cat list.out)"
  ! grep -q "$id" list.out || fail "$what: it is still there: $(cat list.out)"
  [ "$(code_of latest.out holdfast compile restore latest --plan n -o r.yaml)" = 0 ] || fail "$what: $(cat latest.out)"
  ! grep -q "$id" latest.out || fail "$what: what was deleted is warned of: $(cat latest.out)"
  rm -rf r.yaml r.bundle
  [ "$(code_of gc.out holdfast gc)" = 0 ] || fail "$what: gc afterwards: $(cat gc.out)"
done

# A large graph is not read for a list, but before anything relies on it.
what="large graph"
damage large graph "$(head -c 70000 /dev/zero | tr '\0' x)"
[ "$(code_of list.out holdfast checkpoints list)" = 0 ] || fail "$what: list: $(cat list.out)"
[ "$(code_of status.out holdfast checkpoints status --max-age 1h --prometheus metrics)" = 0 ] || fail "$what: $(cat status.out)"
said status.out "^n *old .* fresh$"
said metrics "^holdfast_damaged_checkpoints 1$"
[ "$(code_of latest.out holdfast checkpoints show latest --plan n)" = 0 ] || fail "$what: $(cat latest.out)"
said latest.out "^checkpoint old: available"
said latest.out "warning: checkpoint large of plan n is not taken as the latest"

# Where the bundle is damaged, too, no plugin can act: it can be erased, which says what that leaves.
what="bundle garbage"
damage last plan garbage
[ "$(code_of erase.out holdfast checkpoints delete old --without-plugins)" = 3 ] || fail "what is whole was erased: $(cat erase.out)"
said erase.out "old is not damaged"
bundle=bank/t/local/bundles/$(python3 -c 'import json; print(json.load(open("bank/t/local/runs/last"))["bundle"])')/bundle.json
chmod u+w "$bundle"
echo garbage >"$bundle"
[ "$(code_of delete.out holdfast checkpoints delete last)" = 12 ] || fail "$what: delete: $(cat delete.out)"
said delete.out "last/plan"
said delete.out "checkpoints delete --without-plugins"
[ "$(code_of erase.out holdfast checkpoints delete last --without-plugins)" = 0 ] || fail "$what: erase: $(cat erase.out)"
said erase.out "no plugin was asked"
[ "$(code_of list.out holdfast checkpoints list)" = 0 ] || fail "$what: list: $(cat list.out)"
! grep -q last list.out || fail "$what: it is still there: $(cat list.out)"
[ -z "$(find bank/t/local/indices -name '*last*')" ] && [ ! -d bank/t/local/checkpoints/last/data ] || fail "$what: not all is gone"

# An old lease that is damaged matters to nobody; of the newest one nobody knows who has it.
what="lease garbage"
rm -rf bank
cp -r good bank
made n first
made n second
for lease in first/000001 second/000002; do
  chmod u+w "bank/t/local/leases/$lease"
  echo garbage >"bank/t/local/leases/$lease"
done
[ "$(code_of delete.out holdfast checkpoints delete first)" = 0 ] || fail "$what: delete: $(cat delete.out)"
[ "$(code_of gc.out holdfast gc)" = 5 ] || fail "$what: gc: $(cat gc.out)"
said gc.out "^FAILED *checkpoint second: is damaged: .*leases/second/000002"
[ "$(code_of delete.out holdfast checkpoints delete second)" = 12 ] || fail "$what: delete: $(cat delete.out)"
said delete.out "checkpoints delete --without-plugins"
[ "$(code_of erase.out holdfast checkpoints delete second --without-plugins)" = 0 ] || fail "$what: erase: $(cat erase.out)"
[ "$(code_of gc.out holdfast gc)" = 0 ] || fail "$what: gc afterwards: $(cat gc.out)"

# The newest is gone as a whole, and the indices still name it: it is missed by all that look for the newest.
what="folder gone"
rm -rf bank
cp -r good bank
made n newest
chmod -R u+w "$checkpoints/newest"
rm -rf "$checkpoints/newest"
[ "$(code_of list.out holdfast checkpoints list)" = 0 ] || fail "$what: list: $(cat list.out)"
said list.out "^newest *damaged *n "
[ "$(code_of status.out holdfast checkpoints status --max-age 1h --prometheus metrics)" = 0 ] || fail "$what: status: $(cat status.out)"
said status.out "^n *old .* fresh$"
said metrics "^holdfast_damaged_checkpoints 1$"
said status.out "warning: checkpoint newest of plan n does not count, for it is damaged: the indices name it"
[ "$(code_of restore.out holdfast compile restore latest --plan n -o restore.yaml)" = 0 ] || fail "$what: restore: $(cat restore.out)"
said restore.out "warning: checkpoint newest of plan n is not taken as the latest"
[ "$(code_of erase.out holdfast checkpoints delete newest --without-plugins)" = 0 ] || fail "$what: erase: $(cat erase.out)"
[ "$(code_of list.out holdfast checkpoints list)" = 0 ] || fail "$what: list: $(cat list.out)"
! grep -q newest list.out || fail "$what: it is still there: $(cat list.out)"

# One entry of one index is lost: the checkpoint is there, and in the others.
for index in by-date by-plan/n; do
  what="$index lost"
  rm -rf bank
  cp -r good bank
  made n indexed-$n
  rm -f bank/t/local/indices/$index/*-indexed-$n
  [ "$(code_of status.out holdfast checkpoints status --max-age 1h)" = 0 ] || fail "$what: status: $(cat status.out)"
  said status.out "^n *indexed-$n .* fresh$"
  [ "$(code_of restore.out holdfast compile restore latest --plan n -o restore.yaml)" = 0 ] || fail "$what: restore: $(cat restore.out)"
  grep -q "\"checkpoint\": \"indexed-$n\"" restore.bundle/bundle.json || fail "$what: latest is another one"
  n=$((n + 1))
done

# A deletion that failed has taken what it could; without its states it would be available again.
what="states gone"
rm -rf bank
cp -r good bank
made n halved
printf '{"X::Disk": {"parallel_fail": true}}\n' >fail.yaml
[ "$(code_of delete.out holdfast checkpoints delete halved --parameters fail.yaml)" = 5 ] || fail "$what: delete: $(cat delete.out)"
[ -e $checkpoints/halved/state/000003 ] && [ -z "$(find bank/t/local/indices/unfinished -name "halved*")" ] || fail "$what: not as a failed deletion leaves it"
chmod -R u+w $checkpoints/halved/state
rm -f $checkpoints/halved/state/000003
[ "$(code_of status.out holdfast checkpoints status --max-age 1h)" = 0 ] || fail "$what: status: $(cat status.out)"
said status.out "^n *old .* fresh$"
said status.out "warning: checkpoint halved of plan n does not count, for it is damaged: no index names it"
[ "$(code_of delete.out holdfast checkpoints delete halved)" = 0 ] || fail "$what: delete again: $(cat delete.out)"
