#!/usr/bin/env bash
# A cluster that runs the real steps: the journal in the bank says why one failed, the record is shown at the end, and what a
# resumed run has finished is kept.
#   real_steps.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
fast_and_slow 'parallel_fail: true'
start_cluster --run-steps "$dir/file.yaml"
apply "$scene/../../../templates/argo/holdfast-steps.yaml"

[ "$(code_of said holdfast submit file.yaml --watch)" = 5 ] || fail "$(cat said)"
grep -q '^FAILED     X::Disk slow: parallel: ' said || fail "$(cat said)"
! grep -q '^FAILED .*main: Error' said || fail "why it failed is in the journal: $(cat said)"
grep -q '^done       X::Disk fast' said || fail "$(cat said)"
grep -q '^checkpoint [0-9a-f-]*: error' said || fail "the record is not shown: $(cat said)"
name=$(grep -o 'n-protect-[a-z0-9]\{5\}' said | head -1)
grep -q "^  holdfast resume $name$" said || fail "$(cat said)"
step=$(holdfast step list file.yaml | awk '/slow/ && /parallel/ { print $1; exit }')
holdfast -q logs "$name" "$step" | grep -q '"level":"error"' || fail "$(holdfast -q logs "$name" "$step")"

# Any step of it here, with nothing but its name: what was compiled is in the cluster and in the bank.
mkdir elsewhere && cd elsewhere
diff <(holdfast step list "$dir/file.yaml") <(holdfast step list --from-cluster "$name") || fail "other steps than the file's"
run=$(holdfast --json status "$name" | field run run)
diff <(holdfast step show "$dir/file.yaml" "$step" --run-id "$run") <(holdfast step show --from-cluster "$name" "$step") || fail "another command"
[ "$(code_of said holdfast step run --from-cluster "$name" "$step" --dry-run)" = 11 ] && grep -q "run $run has ended" said || fail "$(cat said)"
[ "$(code_of said holdfast step run --from-cluster "$name" nothing)" = 10 ] || fail "$(cat said)"
[ "$(code_of said holdfast step list file.yaml --from-cluster "$name")" = 2 ] || fail "$(cat said)"
[ "$(code_of said holdfast step list)" = 2 ] && grep -q 'file is missing' said || fail "$(cat said)"
[ -z "$(ls "$TMPDIR")" ] || fail "something stays behind: $(ls "$TMPDIR")"
cd ..

# What may not be read is not found to be bad: a verification says so by its exit code, as on the local engine.
compiled
[ "$(code_of said holdfast --json submit file.yaml --watch)" = 0 ] || fail "$(cat said)"
run=$(field run-submitted run <said)
for denied in a 'a b'; do
  # Of b something else is amiss at first.
  printf '"X::Disk#a": {parallel_fail: true, parallel_error: denied}\n"X::Disk#b": {parallel_fail: true%s}\n' \
    "$([ "$denied" = a ] || echo ', parallel_error: denied')" >what.yaml
  holdfast -q compile verify "$run" --parameters what.yaml -o file.yaml
  [ "$(code_of said holdfast --json submit file.yaml --watch)" = "$([ "$denied" = a ] && echo 5 || echo 13)" ] || fail "$denied: $(cat said)"
  [ "$(field run-ended exit_code <said)" = "$([ "$denied" = a ] && echo 5 || echo 13)" ] || fail "$denied: $(cat said)"
done

# Stopped while it copies: what is owed is cleaned up, the record can be gone on with.
copying() { # SECONDS, another number each time: another bundle. [PARAMETER] Sets name and run.
  fast_and_slow "parallel_sleep: ${1}s${2:+, $2}"
  rm -f trace
  name=$(holdfast -q submit file.yaml)
  run=$(holdfast --json status "$name" | field run run)
  until grep -qs 'protect.parallel.*"begin".*#slow' trace; do sleep 0.05; done
}
copying 30
holdfast watch "$name" >watched 2>&1 &
watcher=$!
[ "$(code_of said holdfast stop "$name")" = 0 ] || fail "$(cat said)"
code=0; wait $watcher || code=$?
[ $code = 6 ] || fail "$code: $(cat watched)"
grep -q "^checkpoint $run: error" watched || fail "$(cat watched)"
grep 'post' trace | grep -q '#slow' || fail "the clean-up that was owed: $(cat trace)"
grep -q "^  holdfast resume $name$" watched || fail "$(cat watched)"

# The same file with another length of sleep would be another bundle: the record is that of this one.
before=$(grep -c '#fast' trace)
holdfast --json resume "$name" >resumed 2>&1 || fail "$(cat resumed)"
again=$(field run-submitted workflow <resumed)
[ "$(field run-submitted record <resumed)" = "$run" ] || fail "$(cat resumed)"
until holdfast --json status "$again" | grep '"node"' | grep "\"step\":\"$step\"" | grep -q Running; do sleep 0.05; done
holdfast -q stop "$again" 2>/dev/null || fail "the second stop"
[ "$(grep -c '#fast' trace)" = "$before" ] || fail "what was finished was done again: $(cat trace)"

# A clean-up that fails is no success of the stop either.
copying 29 'post_fail: true'
[ "$(code_of said holdfast stop "$name")" = 5 ] || fail "$(cat said)"
grep -q '^warning: the run was stopped, and not all that was owed is cleaned up: X::Disk#slow was not cleaned up: its post failed' said || fail "$(cat said)"
grep -q "^  holdfast gc --run $run$" said && grep -q "^  holdfast resume $name$" said || fail "$(cat said)"

# A workflow whose steps others run (child workflows): what the journal says of them stands in for what it does not list.
fast_and_slow 'parallel_fail: true'
behave '{"hold": ["shards"], "said": ["shards"]}'
holdfast submit file.yaml --dry-run=client | python3 -c 'import json, sys
o = json.load(sys.stdin)
o["metadata"]["name"] = "parent"
tasks = o["spec"]["templates"][0]["dag"]["tasks"]
tasks[1:] = [{"name": "shards", "templateRef": {"name": "holdfast-steps", "template": "step"}}]
json.dump(o, open("parent.json", "w"))'
holdfast -q publish file.yaml
curl -sS --fail-with-body -o said -X POST -H "Authorization: Bearer token-of-the-test" --data-binary @parent.json \
  "http://127.0.0.1:$port/apis/argoproj.io/v1alpha1/namespaces/backups/workflows" || fail "$(cat said)"
holdfast watch parent >watched 2>&1 &
watcher=$!
until grep -qs '^running    shards' watched; do sleep 0.05; done
run=$(holdfast --json status parent | field run run)
for each in $(holdfast step list file.yaml | awk '$1 ~ /^(fast|slow)-/ { print $1 }'); do
  holdfast step run file.yaml "$each" --run-id "$run" >/dev/null 2>&1 || true # one of slow fails, as it is told to
done
behave '{}'
code=0; wait $watcher || code=$?
grep -q '^done       X::Disk fast' watched && grep -q '^FAILED     X::Disk slow: parallel: ' watched || fail "$code: $(cat watched)"

# Argo may call a stopped run failed before its exit handler has begun; nobody is told then that something is owed, or to clean it up.
behave '{"early": 2}'
copying 31
holdfast watch "$name" >watched 2>&1 &
watcher=$!
[ "$(code_of said holdfast stop "$name")" = 0 ] || fail "$(cat said)"
grep 'post' trace | grep -q '#slow' || fail "stop did not wait for the clean-up: $(cat said trace)"
code=0; wait $watcher || code=$?
[ $code = 6 ] || fail "$code: $(cat watched)"
grep -q "^checkpoint $run: error" watched || fail "$(cat watched)"
! grep -q 'holdfast gc' said watched || fail "advice to clean up what is being cleaned up: $(cat said watched)"

# Who does not wait for it is not told that it was done, and a script not that all is well.
behave '{"early": 1000}'
copying 32
given_up() { # SIGNAL CODE COMMAND...
  : >said # what it said before is not what it says now
  holdfast "${@:3}" >said 2>&1 &
  local waiting=$! code=0
  until grep -q '^waiting    end: Argo calls the run ended' said; do sleep 0.05; done
  kill -"$1" $waiting
  wait $waiting || code=$?
  [ $code = "$2" ] && grep -q "^  holdfast watch $name$" said || fail "$3 ends with $code: $(cat said)"
  ! grep -qE 'cleaned up by its|holdfast (gc|resume)' said || fail "advice about what is yet to be done: $(cat said)"
}
given_up INT 130 stop "$name"
given_up TERM 143 watch "$name"
holdfast --json checkpoints show "$run" | grep -q '"state":"protecting"' || fail "$(holdfast checkpoints show "$run")"

# Nor is who waited in vain told to clean up beside it at once, or to resume.
export HOLDFAST_ARGO_END_SECONDS=1
code=0; holdfast watch "$name" >said 2>&1 || code=$?
[ $code = 6 ] && grep -q '^the run is ended; once its last step has begun, this waits for it:$' said || fail "$code: $(cat said)"
[ "$(grep -n 'holdfast gc --run' said | cut -d: -f1)" = $(($(grep -n 'once it is known that it never will' said | cut -d: -f1) + 1)) ] || fail "$(cat said)"
! grep -q 'holdfast resume' said || fail "$(cat said)"
holdfast --json watch "$name" >said 2>/dev/null || true
[ "$(field run-ended awaits_last_step <said)" = True ] || fail "$(cat said)"
[[ "$(field run-ended next <said)" = "['"*"holdfast watch $name']" ]] || fail "$(cat said)"
copying 33
[ "$(code_of said holdfast --json stop "$name")" = 75 ] && [ "$(field run-ended awaits_last_step <said)" = True ] || fail "$(cat said)"

# The file for a container's last words is another container's where somebody types in a pod.
holdfast step show --from-cluster "$name" "$step" >said && ! grep HOLDFAST_TERMINATION_LOG said || fail "$(cat said)"
