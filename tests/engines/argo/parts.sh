#!/usr/bin/env bash
# A large run whose parts are child Workflows: what the client says of them, and of the run by them. They are no runs.
#   parts.sh BUILD_FOLDER [server]      with `server`: over the Argo server
. "$(dirname "$0")/scene.sh"
disks $(seq -f d%02g 1 30)
printf 'name: n\nprovider: p\nresources: [%s]\npolicy: {drift: ignore}\nparameters:\n  "X::Disk#d17": {parallel_fail: true}\n' \
  "$(seq -s ', ' -f '"X::Disk#d%02g"' 1 30)" >n.yaml
holdfast -q compile protect n.yaml -o file.yaml --max-tasks-per-template 20 --max-tasks-per-workflow 40
start_cluster --run-steps "$dir/file.yaml"
apply "$scene/../../../templates/argo/holdfast-steps.yaml"
for child in file.children/[0-9a-f]*.yaml; do apply "$child"; done
[ "${2:-}" != server ] || over_argo_server
named() { holdfast step list file.yaml | awk -v disk="^$1-" '$1 ~ disk && /parallel/ { print $1; exit }'; } # DISK
bad=$(named d17) slow=$(named d20)
part_of_step() { holdfast --json status "$parent" | python3 -c 'import json, sys
for line in sys.stdin:
    o = json.loads(line)
    if o.get("step") == sys.argv[1]: print(o.get("workflow", ""))' "$1"; }

behave "{\"hold\": [\"$slow\"]}"
parent=$(holdfast -q submit file.yaml)
run=$(holdfast --json status "$parent" | field run run)
holdfast watch "$parent" >watched 2>&1 &
watcher=$!
seen() { cat watched; holdfast status "$parent"; }
runs() { holdfast status "$parent" | grep -q "\.$slow  *Running"; }
soon runs

# A line for each resource while the parts still run, with why one failed; although the run's own Workflow does not change.
soon grep -q "^running    X::Disk d20: parallel" watched
grep -q '^FAILED     X::Disk d17: parallel: noop was told to fail' watched || fail "why a step of a part failed: $(cat watched)"

# The list has them below their run, with its id.
holdfast status >said || fail "status"
part=$(part_of_step "$slow")
[[ "$part" = "$run"-* ]] || fail "which part runs a step: '$part'"
sed -n 2p said | grep -q "^$parent  *$run  *running" || fail "$(cat said)"
grep -q "^  $part  *$run  " said || fail "$(cat said)"
[ "$(awk 'NR > 1' said | grep -vc "^  $run-.* $run ")" = 1 ] || fail "a part is taken for a run: $(cat said)"
holdfast --json status | python3 -c 'import json, sys
run, part = sys.argv[1:]
runs = {o["workflow"]: o for o in map(json.loads, sys.stdin) if o["message_type"] == "run"}
assert runs[part]["part_of"] == runs[part]["run"] == runs[part]["record"] == run, runs[part]
assert [o["run"] for o in runs.values() if "part_of" not in o] == [run], runs' "$run" "$part" || fail "$(holdfast --json status)"

# By the run's name: the steps of its parts, why one failed, and what it wrote.
failed_part=$(part_of_step "$bad")
for name in "$parent" "$failed_part"; do
  holdfast status "$name" >said 2>&1 || fail "$(cat said)"
  grep -qE "(^|\.)$bad  *Failed .*noop was told to fail" said || fail "status $name: $(cat said)"
  holdfast -q logs "$name" "$bad" | grep -q '"level":"error"' || fail "logs $name: $(holdfast -q logs "$name" "$bad")"
done
[ "$(code_of said holdfast logs "$parent" nothing)" = 10 ] || fail "$(cat said)"
holdfast status "$part" | head -1 | grep -q "^part of run $run (workflow $part, record $run): running" || fail "$(holdfast status "$part")"

# What is done with a run is not done with a part of it.
for command in resume resubmit; do
  [ "$(code_of said holdfast $command "$failed_part")" = 3 ] || fail "$command: $(cat said)"
  grep -q "is a part of run $run" said && grep -q "holdfast $command $parent'" said || fail "$(cat said)"
done
diff <(holdfast step show --from-cluster "$parent" "$bad") <(holdfast step show --from-cluster "$failed_part" "$bad") || fail "another run"
holdfast --json watch "$failed_part" >said 2>/dev/null && fail "a part that failed: $(cat said)"
[ "$(field run-ended run <said) $(field run-ended part_of <said)" = "$run $run" ] || fail "$(cat said)"
code=0; holdfast watch "$failed_part" >said 2>&1 || code=$?
[ $code = 5 ] && grep -q '^the part failed.*; the whole run:$' said && grep -q "^  holdfast watch $parent$" said || fail "$code: $(cat said)"
! grep -qE 'holdfast (resume|resubmit|gc)' said || fail "advice that fails: $(cat said)"
grep -q '^FAILED     X::Disk d17: parallel: noop was told to fail' said && ! grep -q 'Disk d20' said || fail "of another part: $(cat said)"

# Stopped alone, it is not the run that ended.
[ "$(code_of said holdfast stop "$part")" = 0 ] || fail "$(cat said)"
grep -q "^this part of run $run is ended, not the run" said && grep -q "^  holdfast stop $parent$" said || fail "$(cat said)"
! grep -qE 'holdfast (resume|gc)' said || fail "$(cat said)"
code=0; wait $watcher || code=$?
[ $code = 5 ] && grep -q "^  holdfast resume $parent$" watched || fail "$code: $(cat watched)"
[ "$(grep -c '^done  ' watched)" -ge 20 ] || fail "a line for each resource: $(cat watched)"
