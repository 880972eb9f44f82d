#!/usr/bin/env bash
# The client against the real Mistral: submit, status, watch, logs, cancel, resume, resubmit, a schedule; what it says
# of a site that lacks something, and of a plan that was compiled anew.
#   client.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
export HOLDFAST_TEST_CRON=true
start_mistral
patience=60
seen() { cat watched 2>/dev/null; on status; }

# Of a schedule: its trigger is stored with the workflow, and starts it in the next minute, while all else here goes on.
ids=$(seq -f d%02g 30)
noop="trace = $dir/trace" disks a b c $ids
mv n.graph.yaml all.graph.yaml
sed -i 's,n.graph.yaml,all.graph.yaml,' providers.d/p.conf
part_of_graph() { # PLAN DISKS
  grep -v 'id: ' all.graph.yaml >"$1.graph.yaml"
  grep "id: \($2\)," all.graph.yaml >>"$1.graph.yaml"
}
part_of_graph s c
part_of_graph cut 'd[0-9]*'
part_of_graph n '[ab]'
printf 'name: s\nprovider: p\nresources: ["X::Disk#c"]\npolicy: {drift: ignore}\nschedule: {cron: "* * * * *", timezone: Etc/UTC}\n' >s.yaml
compiled scheduled.yaml protect s.yaml --kind template
[ "$(code_of said on submit scheduled.yaml --schedule)" = 0 ] && grep -q 'stored the cron trigger s-protect: \* \* \* \* \* UTC' said || fail "$(cat said)"
[ "$(code_of said on submit scheduled.yaml --schedule)" = 0 ] && grep -q 'there is already the cron trigger s-protect' said || fail "$(cat said)"
cp scheduled.yaml bad.yaml; cp -r scheduled.bundle bad.bundle
for never in '99 * * * *' '0 0 31 2 *'; do
  sed "s/\"\* \* \* \* \*\"/\"$never\"/" scheduled.schedule.yaml >bad.schedule.yaml
  [ "$(code_of said on submit bad.yaml --schedule)" = 3 ] && grep -q "^bad.schedule.yaml:8:10: 'pattern': " said || fail "$never: $(cat said)"
done
# What only Mistral knows: another one starts the same, as often, at the same times.
at='"9 * * * *"\nfirst_execution_time: "2099-01-01 02:30"\nremaining_executions: 3'
sed "s/\"\* \* \* \* \*\"/$at/" scheduled.schedule.yaml >bad.schedule.yaml
PYTHONPATH=$scene PYTHONDONTWRITEBYTECODE=1 python3 -c 'import api, sys, yaml
trigger = yaml.safe_load(open("bad.schedule.yaml")) | {"name": "other"}
status, answer = api.Api(sys.argv[1]).call("POST", "/cron_triggers", trigger)
assert status == 201, answer' "$API" || fail "another trigger"
[ "$(code_of said on submit bad.yaml --schedule)" != 0 ] && grep -q 'the one that was there is stored again' said || fail "$(cat said)"
[ "$(code_of said on submit scheduled.yaml --schedule)" = 0 ] && grep -q 'there is already' said || fail "$(cat said)"

# One that ends, in its place.
PYTHONPATH=$scene PYTHONDONTWRITEBYTECODE=1 python3 -c 'import api, sys, yaml
mistral = api.Api(sys.argv[1])
trigger = yaml.safe_load(open("scheduled.schedule.yaml")) | {"remaining_executions": 2, "workflow_params": "{\"env\": \"holdfast\"}", "workflow_input": "{}"}
assert mistral.call("DELETE", "/cron_triggers/s-protect")[0] == 204
status, answer = mistral.call("POST", "/cron_triggers", trigger)
assert status == 201, answer' "$API" || fail "a trigger that ends"
[ "$(code_of said on submit scheduled.yaml --schedule)" = 0 ] && grep -q '^changed the cron trigger s-protect' said || fail "$(cat said)"
[ "$(code_of said on submit scheduled.yaml --schedule --parameter record=x)" = 2 ] && grep -q 'no record to go on with' said || fail "$(cat said)"

# A whole life of a checkpoint, in the words of a user.
printf 'name: n\nprovider: p\nresources: ["X::Disk#a", "X::Disk#b"]\npolicy: {drift: ignore}\n' >n.yaml
compiled protect.yaml protect n.yaml
[ "$(code_of said on submit protect.yaml --dry-run=server)" = 0 ] && grep -q "takes protect.yaml; nothing was made" said || fail "$(cat said)"
[ "$(code_of said on submit protect.yaml --watch)" = 0 ] || fail "$(cat said)"
grep -q '^stored workflow n-protect$' said && grep -q '^done  *X::Disk a' said && grep -q '^the run succeeded$' said || fail "$(cat said)"
[ "$(code_of said on submit protect.yaml --watch)" = 0 ] || fail "$(cat said)"
! grep -q '^stored\|^changed' said || fail "the same definition is stored again: $(cat said)"
first=$(sed -n 's/^submitted run \([^ ]*\) .*/\1/p' said) # the trigger's run makes one, too
for operation in verify restore delete; do
  compiled $operation.yaml $operation $first
  [ "$(code_of said on submit $operation.yaml --watch)" = 0 ] || fail "$operation: $(cat said)"
done
on status >said || fail "status"
[ "$(grep -c '^n-.* succeeded' said)" = 5 ] || fail "five runs: $(cat said)"

# A step that fails: the verdict, why, its log, and how to go on.
printf 'name: n\nprovider: p\nresources: ["X::Disk#a", "X::Disk#b"]\npolicy: {drift: ignore}\nparameters:\n  "X::Disk#b": {parallel_fail: true}\n' >n.yaml
compiled protect.yaml protect n.yaml
[ "$(code_of said on submit protect.yaml --watch)" = 5 ] || fail "$(cat said)"
grep -q '^changed workflow n-protect$' said && grep -q '^FAILED  *X::Disk b: parallel: noop was told to fail' said || fail "$(cat said)"
run=$(sed -n 's/^submitted run \([^ ]*\) .*/\1/p' said)
grep -q "^  holdfast logs $run --engine mistral$" said && grep -q "^  holdfast resume $run --engine mistral$" said || fail "$(cat said)"
on status $run >said || fail "$(cat said)"
grep -q "^run $run (workflow n-protect, record $run): failed" said && grep -qE '^b-[0-9a-f]+-par +Failed .*noop was told to fail' said || fail "$(cat said)"
bad=$(awk '/^b-.*-par / { print $1 }' said)
on logs $run $bad >log.said 2>where || fail "$(cat log.said where)"
grep -q 'noop was told to fail' log.said && grep -q "^the whole log is .*:$dir/log/$run/$bad.log$" where || fail "$(cat log.said where)"
[ "$(on --json status $run | field run exit_code)" = 5 ] || fail "$(on --json status $run)"
[ "$(code_of said on watch n-protect)" = 5 ] && grep -q "watching run $run" said || fail "by the workflow's name, its newest run: $(cat said)"

# Resumed: the same record, what was finished is not done again.
[ "$(code_of said on resume $run --watch)" = 5 ] || fail "$(cat said)"
second=$(sed -n 's/^submitted run \([^ ]*\) .*/\1/p' said)
[ "$(on --json status $second | field run record)" = "$run" ] || fail "$(on --json status $second)"
[ "$(grep -c 'protect.parallel".*"begin".*'"$run"'.*Disk#a' trace)" = 1 ] || fail "$(cat trace)"
[ "$(grep -c 'protect.parallel".*"begin".*'"$run"'.*Disk#b' trace)" = 2 ] || fail "$(cat trace)"

# Compiled anew meanwhile: an old run cannot go on with what is there now.
printf 'name: n\nprovider: p\nresources: ["X::Disk#a", "X::Disk#b"]\npolicy: {drift: ignore}\n' >n.yaml
compiled again.yaml protect n.yaml
[ "$(code_of said on submit again.yaml --watch)" = 0 ] || fail "$(cat said)"
[ "$(code_of said on resume $run)" = 3 ] && grep -q "has been compiled anew since run $run" said || fail "$(cat said)"
[ "$(code_of said on resume n-protect)" = 3 ] && grep -q 'has succeeded: there is nothing to resume' said || fail "$(cat said)"
[ "$(code_of said on resubmit n-protect --watch)" = 0 ] || fail "$(cat said)"

# Cancelled in the middle: nothing further starts, what is at work gives up, what is owed is cleaned up, and it can go on.
: >trace
printf 'name: n\nprovider: p\nresources: ["X::Disk#a", "X::Disk#b"]\npolicy: {drift: ignore}\nparameters:\n  "X::Disk#b": {parallel_sleep: 600s}\n' >n.yaml
compiled protect.yaml protect n.yaml
run=$(on -q submit protect.yaml) || fail "submit"
on watch $run >watched 2>&1 &
watcher=$!
soon grep -q '^running  *X::Disk b: parallel' watched
[ "$(code_of said on resume $run)" = 3 ] && grep -q 'has not ended' said || fail "$(cat said)"
[ "$(code_of said on cancel $run)" = 0 ] || fail "$(cat said)"
grep -q '^the run was cancelled, and what was owed is cleaned up' said || fail "$(cat said)"
[ "$(grep -c 'protect.post".*"end".*Disk#b' trace)" = 1 ] || fail "the post of b: $(cat trace)"
code=0; wait $watcher || code=$?
[ $code = 6 ] && grep -q '^the run was stopped' watched || fail "$code: $(cat watched)"
[ "$(code_of said on cancel $run)" = 0 ] || fail "again: $(cat said)"
[ "$(code_of said holdfast checkpoints show $run)" = 0 ] && grep -q error said || fail "$(cat said)"

# Cut into sub-workflows: their steps stand below the run; those of another cut go beside them, and they are cancelled with it.
printf 'name: cut\nprovider: p\nresources: [%s]\npolicy: {drift: ignore}\nparameters:\n  "X::Disk#d17": {parallel_sleep: 600s}\n' "$(printf '"X::Disk#%s", ' $ids)" >cut.yaml
compiled cut-1.yaml protect cut.yaml --max-tasks-per-template 30
sed -i 's/, *parallel_sleep: 600s//; s/{parallel_sleep: 600s}/{parallel_fail: true}/' cut.yaml
compiled cut-2.yaml protect cut.yaml --max-tasks-per-template 28
run=$(on -q submit cut-1.yaml) || fail "submit"
on watch $run >watched 2>&1 &
watcher=$!
soon grep -q '^running  *X::Disk d17: parallel' watched
second=$(on submit cut-2.yaml 2>said) && grep -q "^run $run of cut-protect is at work: .* of an earlier compile are left for it" said || fail "$(cat said)"
on cancel $second >said 2>&1 || true # its begin may have been refused
on status $run >said && grep -qE '^d[0-9a-z-]+\.d17-[0-9a-f]+-par +Running' said || fail "$(cat said)"
[ "$(code_of said on cancel $run)" = 0 ] && grep -q '^the run was cancelled, and what was owed is cleaned up' said || fail "$(cat said)"
code=0; wait $watcher || code=$?
[ $code = 6 ] || fail "$code: $(cat watched)"
[ "$(code_of said on submit cut-2.yaml --watch)" = 5 ] || fail "$(cat said)"
grep -q '^[0-9]* parts of an earlier compile are left: of the last hour' said && grep -q '^FAILED  *X::Disk d17: parallel: noop was told to fail' said || fail "$(cat said)"
! grep -q 'task_ex_id' said || fail "what Mistral says of each task: $(cat said)"
[ "$(grep -c '^done  *X::Disk' said)" = 29 ] || fail "a line for each resource: $(cat said)"

# The run that the trigger has started.
started() { on status | grep -q '^s-protect '; }
soon started
[ "$(code_of said on watch s-protect)" = 0 ] || fail "$(cat said)"

# Whatever Mistral says, a run without its last step is none that succeeded, and is cleaned up.
call() { # METHOD TARGET [JSON]
  curl -sf -o answer -X "$1" -H 'Content-Type: application/json' ${3:+-d "$3"} "$API$2" || fail "$1 $2"
}
: >trace
compiled protect.yaml protect n.yaml
run=$(on -q submit protect.yaml) || fail "submit"
on watch $run >watched 2>&1 &
watcher=$!
soon grep -q 'protect.parallel".*"begin".*Disk#b' trace
call PUT /executions/$run '{"state": "SUCCESS"}'
code=0; wait $watcher || code=$?
[ $code = 5 ] && grep -q "^  holdfast cancel $run --engine mistral$" watched || fail "$code: $(cat watched)"
grep -q 'somebody has called it a success' watched || fail "$(cat watched)"
on status | grep -q "^n-protect  *$run  *failed" || fail "$(on status)"
[ "$(code_of said on resume $run)" != 3 ] || ! grep -q 'nothing to resume' said || fail "$(cat said)"
on cancel $run >said 2>&1 || fail "$(cat said)"
[ "$(grep -c 'protect.post".*"end".*Disk#b' trace)" = 1 ] || fail "the post of b: $(cat said trace)"

# Cancelled while its begin is on its way: that is refused when it comes, and another run can go on.
begins_with() { # COMMANDS: before the step program, for begin
  printf '#!/bin/sh\n[ "$1" != begin ] || { %s; }\nexec %s/bin/holdfast-step "$@"\n' "$1" "$build" >slow-step
}
begins_with 'sleep 6'
chmod +x slow-step
sed "s,holdfast_program: .*,holdfast_program: $dir/slow-step,; s,^name: .*,name: slow," environment.yaml >slow.yaml
api environment slow.yaml
run=$(on -q submit protect.yaml --environment slow) || fail "submit"
sleep 2
[ "$(code_of said on cancel $run)" = 0 ] && grep -q 'nothing is owed: the begin of this run was refused or never ran' said || fail "$(cat said)"
refused() { grep -qs "run $run has ended" log/$run/begin.log; }
soon refused
[ "$(code_of said holdfast checkpoints show $run)" = 10 ] || fail "begin came after the end: $(cat said)"
# The record is made, and the report is lost: Mistral calls that begin at work for ever, and the bank knows better.
leaves_no_report() { # [FAILPOINT]: at which it is killed
  rm -f begun go
  begins_with "HOLDFAST_FAILPOINT=${1:-} $build/bin/holdfast-step \"\$@\" >$dir/report; touch $dir/begun; until [ -e $dir/go ]; do sleep 1; done"
  run=$(on -q submit protect.yaml --environment slow) || fail "submit"
  soon test -e begun
}
leaves_no_report
code=0; timeout 60 holdfast cancel $run --engine mistral >said 2>&1 || code=$?
[ $code = 0 ] && grep -q '^the run was cancelled, and what was owed is cleaned up' said || fail "$code: $(cat said)"
on status $run | grep -q '^begin  *Running' || fail "the report is not lost: $(on status $run)"
[ "$(code_of said on cancel $run)" = 0 ] || fail "again: $(cat said)"
touch go
second=$(on -q resume $run --environment holdfast) || fail "resume"
on cancel $second >said 2>&1 || fail "$(cat said)"
# It is killed half-way, and nobody says so: after a while that does not matter.
leaves_no_report begin:after-run
code=0; timeout 180 holdfast cancel $run --engine mistral >said 2>&1 || code=$?
[ $code = 0 ] && grep -q '^waiting    begin: it is half-way' said || fail "$code: $(cat said)"
touch go
begins_with 'sleep 6'
run=$(on -q resume $run) || fail "resume"
on cancel $run >said 2>&1 || fail "$(cat said)"
# Resumed, it goes where it went.
[ "$(code_of said on resubmit $run)" = 0 ] || fail "$(cat said)"
second=$(sed -n 's/^submitted run \([^ ]*\) .*/\1/p' said)
call GET /executions/$second
grep -q 'holdfast_environment.*slow' answer || fail "$(cat answer)"
on cancel $second >said 2>&1 || fail "$(cat said)"

# Paused by somebody, it says so; and its parts are left for it.
run=$(on -q submit cut-2.yaml) || fail "submit"
call PUT /executions/$run '{"state": "PAUSED"}'
soon eval 'on status | grep -q "^cut-protect  *'$run'  *paused"'
second=$(on submit cut-1.yaml 2>said) && grep -q "^run $run of cut-protect is at work: .* parts of an earlier compile are left for it" said || fail "$(cat said)"
for each in $run $second; do on cancel $each >said 2>&1 || fail "$(cat said)"; done
# Somebody else's execution is left alone, and a file without its parts.
printf "version: '2.0'\nother:\n  tasks:\n    a: {action: std.noop, wait-before: 60}\n" >other.yaml
api create workflows other.yaml
call POST /executions '{"workflow_name": "other"}'
other=$(python3 -c 'import json; print(json.load(open("answer"))["id"])')
[ "$(code_of said on cancel $other)" = 3 ] && grep -q 'is none of ours' said || fail "$(cat said)"
call GET /executions/$other
grep -q RUNNING answer || fail "it is cancelled: $(cat answer)"
# A file is Mistral's however its keys are written.
sed 's/^version:/"version":/' again.yaml >quoted.yaml
cp -r again.bundle quoted.bundle
[ "$(code_of said on submit quoted.yaml --dry-run=client)" = 0 ] || fail "$(cat said)"
mv cut-1.children kept
[ "$(code_of said on submit cut-1.yaml --dry-run=server)" = 10 ] && grep -q 'is in no file of cut-1.children' said || fail "$(cat said)"
mv kept cut-1.children
[ "$(code_of said holdfast submit protect.yaml --schedule)" = 2 ] || fail "$(cat said)"

# After a begin that is refused only what may help is offered; and of a clean-up that failed, what tries it again.
offered() { sed -n 's/^  holdfast \([a-z]*\) .*/\1/p' said | tr '\n' ' '; }
says() { [ "$(offered)" = "$1" ] && grep -q "$2" said || fail "not '$1' is offered, or not '$2' said: $(cat said)"; } # COMMANDS WHY
submitted() { sed -n 's/^submitted run \([^ ]*\) .*/\1/p' said; }
: >trace
run=$(on -q submit protect.yaml) || fail "submit"
soon grep -q 'protect.parallel".*"begin".*Disk#b' trace
[ "$(code_of said on cancel $run --terminate)" = 0 ] || fail "$(cat said)"
# A record that a run holds is not gone on with: what is to come first is said.
refused_by() { # WORDS HINT RUN: of the run that is to be resumed
  [ "$(code_of out on resume $3)" = 11 ] && grep -q "$1, and still holds the record " out && grep -q "^help: $2" out || fail "$(cat out)"
}
ended="run $run was ended, and what it owes is not cleaned up"
refused_by "$ended" "first 'holdfast cancel $run --engine mistral', then 'holdfast resume $run --engine mistral'" $run
[ "$(code_of said on submit protect.yaml --record $run --watch)" = 11 ] || fail "$(cat said)"
says 'logs resume ' '^the run did not begin: .* is being worked on by run .*once what is in its way has ended, again:$'
second=$(submitted)
[ "$(code_of said on logs $second begin)" = 0 ] && grep -q "holdfast gc --run $run" said || fail "what it says in full: $(cat said)"
refused_by "$ended" "first 'holdfast cancel $run --engine mistral', then 'holdfast resume $second --engine mistral'" $second
[ "$(code_of said on cancel $run)" = 0 ] || fail "$(cat said)"
# The same of a run that was ended with another program than ours.
for state in CANCELLED ERROR; do
  : >trace
  run=$(on -q submit protect.yaml) || fail "submit"
  soon grep -q 'protect.parallel".*"begin".*Disk#b' trace
  call PUT /executions/$run '{"state": "'$state'"}'
  refused_by "run $run was ended, and what it owes is not cleaned up" "first 'holdfast cancel $run " $run
  [ "$(code_of said on cancel $run)" = 0 ] || fail "$state: $(cat said)"
  [ "$(grep -c 'protect.post".*"end".*Disk#b' trace)" = 1 ] || fail "$state: the post of b: $(cat said trace)"
done
second=$(on -q resume $run) || fail "resume"
second_begins() { [ "$(grep -c 'protect.parallel".*"begin".*Disk#b' trace)" = 2 ]; }
soon second_begins
refused_by "run $second has not ended" "'holdfast watch $second .*'holdfast cancel $second " $run
# Deleted in Mistral, it is gone for 'cancel': gc cleans up after it.
call DELETE "/executions/$second?force=true"
refused_by "run $second is gone from Mistral at http://127.0.0.1:8989" "if none of its steps is at work any more, first 'holdfast gc --run $second', then 'holdfast resume $run " $run
for command in resume cancel watch status; do
  [ "$(code_of said on $command $second)" = 10 ] && grep -q "'holdfast gc --run $second' cleans up .*'holdfast submit FILE --engine mistral --record RECORD'" said || fail "$command: $(cat said)"
done
[ "$(code_of said holdfast gc)" = 0 ] && grep -q '^waits ' said || fail "gc: $(cat said)"
[ "$(code_of said holdfast gc --run $second)" = 0 ] && grep -q '^did  *checkpoint ' said || fail "gc --run: $(cat said)"
[ "$(grep -c 'protect.post".*"end".*Disk#b' trace)" = 2 ] || fail "the post of b: $(cat said trace)"
plan() { # PARAMETERS OF b, RETRIES
  printf 'name: n\nprovider: p\nresources: ["X::Disk#a", "X::Disk#b"]\npolicy: {drift: ignore, retries: %s}\nparameters:\n  "X::Disk#b": {%s}\n' "${2:-5}" "$1" >n.yaml
  compiled other.yaml protect n.yaml
}
plan 'parallel_fail_times: 1'
[ "$(code_of said on submit other.yaml --watch)" = 5 ] || fail "$(cat said)"
says 'logs resume ' '; to go on:$'
run=$(submitted)
[ "$(code_of said on resume $run --watch)" = 0 ] || fail "$(cat said)"
[ "$(code_of said on resume $run --watch)" = 3 ] || fail "$(cat said)"
says 'logs ' 'there is nothing to resume .*refused again, until that is mended'
[ "$(on --json watch $(submitted) 2>/dev/null | field run-ended next)" = "['holdfast logs $(submitted) begin --engine mistral']" ] || fail "$(on --json watch $(submitted))"
# Killed half-way, it keeps everybody away with its lease.
printf '#!/bin/sh\n[ "$1" != begin ] || export HOLDFAST_FAILPOINT=begin:after-run\nexec %s/bin/holdfast-step "$@"\n' "$build" >slow-step
plan '' 0
[ "$(code_of said on submit other.yaml --environment slow --watch)" = 5 ] || fail "$(cat said)"
says 'gc resubmit ' '; to go on:$'
run=$(submitted)
[ "$(code_of out holdfast gc --run $run)" = 0 ] && grep -q "^did  *checkpoint $run" out || fail "what is offered does nothing: $(cat out)"
[ "$(code_of out on resume $run --environment holdfast --watch)" = 0 ] || fail "$(cat out)"
[ "$(code_of out on watch $run)" = 5 ] && ! grep -q '^  holdfast gc' out || fail "what was given back is to be given back: $(cat out)"
# All is done, and one report is lost: it is red, and nothing is to be done again.
printf '#!/bin/sh\ncase "$*" in *--step=b-*-par*) %s/bin/holdfast-step "$@" >/dev/null; exit ;; esac\nexec %s/bin/holdfast-step "$@"\n' "$build" "$build" >slow-step
[ "$(code_of said on submit other.yaml --environment slow --watch)" = 5 ] || fail "$(cat said)"
grep -q '^FAILED  *end: checkpoint .* is available; all that the run was to do is done, and Mistral calls it failed because it has no report of that from b-[0-9a-f]*-par' said || fail "$(cat said)"
says 'logs ' '^the run failed.*; all the same its record is whole, and nothing is to be done again'
plan 'post_fail: true'
[ "$(code_of said on submit other.yaml --watch)" = 5 ] || fail "$(cat said)"
says 'gc logs resume ' 'was not cleaned up'
[ "$(code_of out holdfast gc --run "$(submitted)")" = 5 ] && grep -q 'the clean-up failed' out || fail "what is offered does nothing: $(cat out)"
# So it is when a cancel makes it: also when it is asked again.
: >trace
plan 'parallel_sleep: 600s, post_fail: true'
run=$(on -q submit other.yaml) || fail "submit"
soon grep -q 'protect.parallel".*"begin".*Disk#b' trace
for _ in 1 2; do
  [ "$(code_of said on cancel $run)" = 5 ] || fail "$(cat said)"
  says 'gc resume ' '^warning: the run was cancelled, and not all that was owed is cleaned up: X::Disk#b was not cleaned up: its post failed'
done
code=0; on --json cancel $run >said || code=$?
[ $code = 5 ] && [ "$(field run-ended exit_code <said)" = 5 ] || fail "$code: $(cat said)"
# Once gc has cleaned up nothing is owed, and once another run goes on with the record that one is to be cancelled.
: >trace
plan 'parallel_sleep: 600s, post_fail_times: 1'
run=$(on -q submit other.yaml) || fail "submit"
soon grep -q 'protect.parallel".*"begin".*Disk#b' trace
[ "$(code_of said on cancel $run)" = 5 ] || fail "$(cat said)"
[ "$(code_of said holdfast gc --run $run)" = 0 ] || fail "$(cat said)"
[ "$(code_of said on cancel $run)" = 0 ] && grep -q 'nothing is owed: run gc-.* has brought its record to its end' said || fail "$(cat said)"
: >trace
second=$(on -q resume $run) || fail "resume"
soon grep -q 'protect.parallel".*"begin".*Disk#b' trace
[ "$(code_of said on cancel $run)" = 0 ] && grep -q "nothing is owed: run $second has taken its record over" said || fail "$(cat said)"
[ "$(code_of said on watch $run)" = 6 ] && ! grep -q 'is yet to clean up' said || fail "$(cat said)"
says 'watch ' "; run $second has taken its record over, and goes on with it:$"
grep -q "^  holdfast watch $second " said || fail "$(cat said)"
[ "$(code_of said on cancel $second)" = 0 ] && grep -q 'what was owed is cleaned up' said || fail "$(cat said)"
# While a deletion has its checkpoint nothing of a run is owed, and nobody waits for it.
compiled delete.yaml delete $run
[ "$(code_of said holdfast step run delete.yaml begin --run-id deletion)" = 0 ] || fail "$(cat said)"
[ "$(code_of said on watch $run)" = 6 ] && ! grep -q 'is yet to clean up' said || fail "$(cat said)"
says 'gc ' '; run deletion deletes its checkpoint, and nothing else is owed; if that is dead:$'
[ "$(code_of said on cancel $run)" = 0 ] && grep -q "nothing is owed: run deletion deletes its checkpoint (if that is dead, 'holdfast gc --run deletion' brings" said || fail "$(cat said)"
[ "$(code_of said holdfast gc --run deletion)" = 0 ] && grep -q '^did ' said || fail "what is offered does nothing: $(cat said)"
# A checkpoint that was deleted is not called whole.
[ "$(code_of said on cancel $run)" = 0 ] && grep -q 'nothing is owed: run gc-.* has brought its record to its end' said || fail "$(cat said)"
code_of said on watch $run >code
! grep -q 'its record is whole' said && says 'resubmit ' 'deleted' || fail "$(cat code said)"
rm -r "$dir"/bank/t/*/bundles
[ "$(code_of said on resubmit $run --watch)" = 10 ] || fail "$(cat said)"
says 'logs ' 'is not in the bank .*refused again, until that is mended'

# A site that lacks something, and a Mistral that is not there.
[ "$(code_of said on submit again.yaml --environment nowhere)" = 10 ] && grep -q 'has no environment nowhere' said || fail "$(cat said)"
[ "$(code_of said env -u OS_MISTRAL_URL holdfast status --engine mistral)" = 3 ] && grep -q 'OS_MISTRAL_URL=http' said || fail "$(cat said)"
[ "$(code_of said on status $second --namespace x)" = 2 ] || fail "$(cat said)"
[ "$(code_of said on status 00000000-0000-4000-8000-000000000000)" = 10 ] || fail "$(cat said)"
# Of what is no Mistral it is not said that it has no run, no action or no workflow.
for command in status "status $second" "watch $second" "watch n-protect" "cancel $second" "resume $second" "resubmit $second" "logs $second begin" \
  "submit again.yaml" "submit again.yaml --dry-run=server" "submit scheduled.yaml --schedule"; do
  [ "$(code_of said env OS_MISTRAL_URL=http://127.0.0.1:8989/wrong holdfast $command --engine mistral)" = 3 ] || fail "$command: $(cat said)"
  grep -q "http://127.0.0.1:8989/wrong/v2 does not speak version 2 of Mistral's API" said && grep -q '^help: OS_MISTRAL_URL is where' said || fail "$command: $(cat said)"
done
# Nor that it may answer later; of what is away just that is said.
wrong_address() { # URL WORDS HINT
  [ "$(code_of said env OS_MISTRAL_URL=$1 holdfast status --engine mistral)" = 3 ] && grep -qF "$2" said && grep -q "^help: $3" said || fail "$1: $(cat said)"
}
for below in workflows executions actions/x; do
  wrong_address http://127.0.0.1:8989/v2/$below "/v2/$below/v2 does not speak version 2" "OS_MISTRAL_URL is where .*: http://127.0.0.1:8989/v2$"
done
for scheme in http https; do wrong_address $scheme://127.0.0.1:22/v2 "does not speak HTTP: it says 'SSH-" 'OS_MISTRAL_URL is where .*: http://HOST:8989/v2'; done
wrong_address https://127.0.0.1:8989/v2 'speaks HTTP without TLS' 'http://127.0.0.1:8989$'
[ "$(code_of said env OS_MISTRAL_URL=http://127.0.0.1:1/v2 holdfast status --engine mistral)" = 75 ] || fail "$(cat said)"
holdfast -q compile protect n.yaml --engine argo -o argo.yaml 2>/dev/null
[ "$(code_of said on submit argo.yaml)" = 3 ] && grep -q 'is a workflow for Argo' said || fail "$(cat said)"
echo "all went well"
