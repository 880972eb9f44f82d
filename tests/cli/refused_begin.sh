#!/usr/bin/env bash
# A run whose begin is refused says why on the terminal, also with -q; and one that a killed deletion keeps
# from its checkpoint says which run that is, until when its lease lasts, and the command that ends it.
#   refused_begin.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
disks a
cat >n.yaml <<END
name: n
provider: p
resources: [X::Disk#a]
parameters:
  X::Disk: {parallel_data: 1 MiB}
END
holdfast -q compile protect n.yaml
holdfast -q run n-protect.yaml >run.out
id=$(holdfast checkpoints list | awk 'NR == 2 {print $1}')

# The deletion is killed while it works; its steps go with it, its lease stays.
echo 'X::Disk: {parallel_sleep: 3s}' >slow.yaml
holdfast -q checkpoints delete "$id" --parameters slow.yaml >delete.out 2>&1 &
engine=$!
for _ in $(seq 1000); do
  [ "$(holdfast checkpoints list | awk 'NR == 2 {print $2}')" = deleting ] && break
  kill -0 $engine 2>/dev/null || fail "the deletion ended before it could be killed: $(cat delete.out)"
done
kill -9 $engine
wait $engine 2>/dev/null || true # it was killed
engine=""

refused() { # EXIT_CODE FILE COMMAND...
  local code=0
  "${@:3}" >"$2" 2>&1 || code=$?
  [ "$code" = "$1" ] || fail "'${*:3}' ended with $code: $(cat "$2")"
  grep -q 'is being worked on by run .*, started by .*@.*; its lease lasts until 2' "$2" || fail "'${*:3}' says: $(cat "$2")"
  grep -q 'holdfast gc --run ' "$2" || fail "'${*:3}' says not what to do: $(cat "$2")"
}
left=$(ls tmp | wc -l) # of the deletion that was killed
refused 11 again.out holdfast -q checkpoints delete "$id"
grep -q '^the run did not begin: ' again.out || fail "$(cat again.out)"
refused 3 verify.out holdfast -q checkpoints verify "$id"
code=0
holdfast --json checkpoints delete "$id" >again.json 2>/dev/null || code=$?
[ "$code" = 11 ] || fail "with --json it ended with $code"
grep -q '"message_type":"error"' again.json || fail "$(cat again.json)"
grep '"message_type":"step-ended"' again.json | grep -q '"reason":".*is being worked on by run' || fail "$(cat again.json)"
# What did not begin leaves no logs that nobody could need.
[ "$(ls tmp | wc -l)" = "$left" ] || fail "a refused operation leaves a folder: $(ls tmp)"

# What it says works.
run=$(sed -n 's/.*holdfast gc --run \([0-9a-f-]*\).*/\1/p' again.out | head -n 1)
holdfast gc --run "$run" >gc.out
grep -q 'carried the deletion on' gc.out || fail "$(cat gc.out)"
holdfast checkpoints list --all | grep -q "^$id *deleted " || fail "the checkpoint is still there"

# Refused for any other reason: the same.
mkdir other
holdfast -q run n-protect.yaml --run-dir other/one >two.out
holdfast -q compile delete latest -o delete.yaml
holdfast -q run delete.yaml --run-dir other/two >three.out
code=0
holdfast -q run delete.yaml --run-dir other/three >four.out 2>&1 || code=$?
[ "$code" = 3 ] || fail "deleting it twice ended with $code: $(cat four.out)"
grep -q '^the run did not begin: the checkpoint .* was deleted' four.out || fail "$(cat four.out)"
