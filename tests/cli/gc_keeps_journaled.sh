#!/usr/bin/env bash
# What a journaled success names is no data of a lost attempt: of a step of several resources that was killed
# before its manifests, gc takes nothing, and the record can be resumed.
#   gc_keeps_journaled.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
disks a b
printf 'name: n\nprovider: p\nresources: ["X::Disk#a", "X::Disk#b"]\nparameters: {"X::Disk": {parallel_aggregate: k, parallel_data: 1 MiB}}\n' >n.yaml
holdfast -q compile protect n.yaml
step() { holdfast step run n-protect.yaml "$1" --run-id one >>run.out 2>&1; }
mapfile -t steps < <(holdfast --json step list n-protect.yaml | python3 -c 'import json, sys
for s in map(json.loads, sys.stdin):
    if s["message_type"] == "step" and s.get("activities"): print(s["name"])')
step begin || fail "$(cat run.out)"
for name in "${steps[@]}"; do
  case $name in
  *-pre) step "$name" || fail "$(cat run.out)" ;;
  *-par) parallel=$name ;;
  esac
done
code=0
HOLDFAST_FAILPOINT=before:manifest step "$parallel" || code=$?
[ $code = 137 ] || fail "it was not killed before its manifests: $code"
holdfast gc --run one >gc.out 2>&1 || true # it says what it ended by its exit code, too
holdfast gc >>gc.out 2>&1 || fail "nothing is left to be ended: $(cat gc.out)"
! grep -q 'lost attempt' gc.out || fail "$(cat gc.out)"
holdfast run n-protect.yaml --record one >run.out 2>&1 || fail "$(cat run.out)"
grep -q '^checkpoint one: available' run.out || fail "$(cat run.out)"
holdfast -q checkpoints verify one >run.out 2>&1 || fail "$(cat run.out)"
