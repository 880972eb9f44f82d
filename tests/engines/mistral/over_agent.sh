#!/usr/bin/env bash
# The real Mistral runs compiled workflows through holdfast-agent, with no sshd, and one thread for actions: protect, verify,
# restore and delete end well; a failure fails the run, and what was owed is cleaned up; an agent that is killed and a
# Mistral that is away lose no step; who has no token is refused; long steps hold no thread of Mistral.
# A step of a run that was cancelled meanwhile is not begun.
#   over_agent.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
export HOLDFAST_TEST_EXECUTOR_THREADS=1
start_mistral
"$scene/mistral.sh" sshd "$dir/mistral" stop
site_with_agent
start_agent --jobs=12

begun() { api run "$1" >run 2>&1 & runner=$!; } # WORKFLOW
succeeds() {
  wait $runner || { api tasks "$(cut -d' ' -f1 run | head -1)"; cat "$dir/agent.log" >&2; fail "$1: $(cat run)"; }
}
fails() {
  wait $runner && fail "$1 succeeded: $(cat run)"
  grep -q 'ERROR$' run || fail "$1 did not end: $(cat run)"
  run=$(cut -d' ' -f1 run | head -1)
}
seen() { cat trace agent.log; }
plan() { # PARAMETERS-OF-b [POLICY]
  printf 'name: n\nprovider: p\nresources: ["X::Disk#a", "X::Disk#b"]\npolicy: {drift: ignore%s}\nparameters:\n  "X::Disk#b": {%s}\n' "${2:-}" "$1" >n.yaml
}
working() { grep -q 'protect.parallel".*"begin".*Disk#b' trace; }
logged() { grep -q "$1" "$dir/agent.log"; }
nothing_left() {
  soon idle
  [ -z "$(ls -A agent/jobs)" ] || fail "the agent keeps what is done: $(ls agent/jobs)"
}
idle() { [ "$(agent_steps /v1/steps)" = '{"steps":[]}' ]; }

# A whole life of a checkpoint.
noop="trace = $dir/trace" disks a b
plan ''
stored protect.yaml protect n.yaml
begun n-protect; succeeds protect
holdfast checkpoints list | grep -q available || fail "no checkpoint is available: $(holdfast checkpoints list 2>&1)"
for operation in verify restore delete; do
  stored $operation.yaml $operation latest
  begun n-$operation; succeeds $operation
done
holdfast checkpoints list 2>&1 | grep -q available && fail "the checkpoint is still there"
nothing_left

# A failure in an activity: the run fails, its task says why, the clean-ups are made.
: >trace
plan 'parallel_fail: true'
stored protect.yaml protect n.yaml
begun n-protect; fails protect
api tasks "$run" >tasks
grep -q 'b-.*-par ERROR ".*noop was told to fail' tasks || fail "no task says why: $(cat tasks)"
for disk in a b; do
  grep -q "protect.post\".*\"end\".*Disk#$disk" trace || fail "$disk has not been cleaned up: $(cat trace)"
done

# The agent is killed while a step is at work, which dies with it; started again, it runs the step again.
: >trace
plan 'parallel_sleep: 5s'
stored protect.yaml protect n.yaml
begun n-protect
soon working
kill -KILL $agent_pid
wait $agent_pid 2>/dev/null || true
none_at_work() { ! pgrep -f "holdfast-step .*--log-dir=$dir/log" >/dev/null; }
soon none_at_work
start_agent --jobs=12
logged '"a step of before is run again"' || fail "no step is run again: $(cat agent.log)"
succeeds "protect with an agent that was killed"
nothing_left

# Told to end, it ends its steps, and goes on with them afterwards.
: >trace
begun n-protect
soon working
kill -TERM $agent_pid
code=0; wait $agent_pid || code=$?
[ $code = 0 ] || fail "the agent ends with $code: $(cat agent.log)"
none_at_work || fail "a step outlives the agent"
start_agent --jobs=12
succeeds "protect with an agent that was ended"
nothing_left

# Mistral is away when a step ends: the report waits for it, also in an agent that is started meanwhile.
: >trace
begun_at_mistral() { run=$(python3 -c 'import sys; sys.path.insert(0, sys.argv[1]); import api; print(api.Api(sys.argv[2]).start("n-protect", {}))' "$scene" "$API"); }
plan 'parallel_sleep: 15s'
stored protect.yaml protect n.yaml
begun_at_mistral
soon working
# What Mistral hands out at that moment would be lost with it: nothing else is on its way.
soon grep -q 'protect.post".*"end".*Disk#a' trace
alone() { [ "$(agent_steps /v1/steps | grep -o '"id"' | wc -l)" = 1 ]; }
soon alone
sleep 1
"$scene/mistral.sh" engine "$dir/mistral" stop
soon logged '"a report waits'
agent_steps /v1/steps | grep -q '"state":"reporting"' || fail "no report waits: $(agent_steps /v1/steps)"
kill -KILL $agent_pid
wait $agent_pid 2>/dev/null || true
start_agent --jobs=12
logged '"a step of before is reported"' || fail "no report is taken over: $(cat agent.log)"
"$scene/mistral.sh" engine "$dir/mistral" start
ended() { python3 -c 'import sys; sys.path.insert(0, sys.argv[1]); import api; sys.exit(api.Api(sys.argv[2]).call("GET", "/executions/" + sys.argv[3])[1]["state"] != "SUCCESS")' "$scene" "$API" "$run"; }
for _ in $(seq 60); do ended && break; sleep 1; done
ended || { api tasks "$run" >&2; fail "the report has not arrived: $(cat agent.log)"; }
nothing_left

# A run that is cancelled while the agent is away: its copy is not begun again, and what is owed is left to `holdfast cancel`.
: >trace
begun_at_mistral
soon working
soon grep -q 'protect.post".*"end".*Disk#a' trace
kill -KILL $agent_pid
wait $agent_pid 2>/dev/null || true
python3 -c 'import sys; sys.path.insert(0, sys.argv[1]); import api; print(api.Api(sys.argv[2]).call("PUT", "/executions/" + sys.argv[3], {"state": "CANCELLED"}))' "$scene" "$API" "$run" >said
start_agent --jobs=12
soon logged 'is not run: nobody in Mistral waits for it any more'
nothing_left
[ "$(grep -c 'protect.parallel".*"begin".*Disk#b' trace)" = 1 ] || fail "a copy of a cancelled run is begun again: $(cat trace)"
holdfast cancel "$run" --engine mistral >said 2>&1 || fail "$(cat said)"
grep -q 'protect.post".*"end".*Disk#b' trace || fail "b has not been cleaned up: $(cat said trace)"

# Its begin has made the record, and the report is lost with the agent: what the bank says counts. Mistral hears of it, too.
printf '#!/bin/sh\n[ "$1" != begin ] || { %s/bin/holdfast-step "$@" >begun; mv begun begun.all; sleep 600; }\nexec %s/bin/holdfast-step "$@"\n' "$build" "$build" >step-without-report
chmod +x step-without-report
kill -TERM $agent_pid
wait $agent_pid || fail "the agent ends with $?"
start_agent --jobs=12 --step-program="$dir/step-without-report"
begun_at_mistral
soon test -e begun.all
kill -KILL $agent_pid
wait $agent_pid 2>/dev/null || true
timeout 60 holdfast cancel "$run" --engine mistral >said 2>&1 || fail "$?: $(cat said)"
start_agent --jobs=12
soon logged 'is not run: nobody in Mistral waits for it any more'
nothing_left
begin_is_told() { holdfast status "$run" --engine mistral | grep -q '^begin  *Failed .*the agent has not run it, or not again'; }
soon begin_is_told
holdfast resume "$run" --engine mistral --watch >said 2>&1 || fail "$?: $(cat said)"

# More steps at work at once than Mistral has threads for actions. How far they are the agent says at once, and those who read the
# bank when the claims are renewed.
: >trace
ids="c d e f g h i j"
noop="trace = $dir/trace
poll_interval = 1s
poll_interval_max = 1s" disks $ids
printf 'name: n\nprovider: p\nresources: [%s]\npolicy: {drift: ignore}\nparameters:\n  "X::Disk": {parallel_yields: 40}\n' "$(printf '"X::Disk#%s", ' $ids)" >n.yaml
stored protect.yaml protect n.yaml
begun n-protect
all_at_work() { [ "$(grep -c 'protect.parallel".*"begin"' trace)" = 8 ] && [ "$(grep -c 'protect.parallel".*"end"' trace)" = 0 ]; }
soon all_at_work
[ "$(agent_steps /v1/steps | grep -o '"state":"running"' | wc -l)" = 8 ] || fail "eight steps at once: $(agent_steps /v1/steps)"
holdfast watch n-protect --engine mistral >watched 2>&1 &
watcher=$!
tells() { [ "$(agent_steps /v1/steps | grep -o '"progress":"[0-9]*/40"' | wc -l)" = 8 ]; }
soon tells
shown() { holdfast status n-protect --engine mistral >said 2>&1; grep -q '^[c-j]-.*-par  *Running .* [0-9]*/40 ' said; }
patience=60
soon shown
succeeds "protect of eight"
wait $watcher || fail "watch: $(cat watched)"
grep -q '^running  *X::Disk [c-j]: parallel [0-9]*/40$' watched || fail "watch does not say how far they are: $(cat watched)"
nothing_left
[ -z "$(ls agent/progress)" ] || fail "the progress of what is done is kept: $(ls agent/progress)"

# The wrong token: the step is refused, and the task says so; nothing has run, and nobody's token is shown.
noop="trace = $dir/trace" disks a b
: >trace
plan '' ', retries: 0'
stored protect.yaml protect n.yaml
# What starts an execution may give its variables any value: it arrives as it is, and is refused.
api run n-protect 'record=a"b\c;$(touch '"$dir"'/interpreted) '"'"'<% 1/0 %>{{7*7}}' >run 2>&1 && fail "a record of any name: $(cat run)"
grep -q "holdfast-agent 400 .record." run || fail "$(cat run)"
[ ! -e interpreted ] || fail "a shell has run a name"

site_with_agent another-token-that-is-wrong
begun n-protect; fails protect
api tasks "$run" >tasks
grep -q "begin ERROR .*unknown encoding: holdfast-agent 401 this takes the agent's bearer token" tasks || fail "$(cat tasks)"
[ ! -s trace ] || fail "something has run: $(cat trace)"
! grep -rqF "$agent_token" agent agent.log log tasks || fail "the token is somewhere: $(grep -rlF "$agent_token" agent agent.log log tasks)"
holdfast status "$run" --engine mistral >said 2>&1 || fail "$(cat said)"
grep -q "the agent has refused the step: 401 this takes the agent's bearer token" said || fail "$(cat said)"

# No agent.
site_with_agent
kill -TERM $agent_pid
wait $agent_pid || fail "the agent ends with $?"
begun n-protect; fails protect
holdfast status "$run" --engine mistral >said 2>&1 || fail "$(cat said)"
grep -q 'Mistral could not reach the agent: ' said || fail "$(cat said)"
! grep -qF "$agent_token" said || fail "the token is shown: $(cat said)"

# Over TLS, which Mistral checks.
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=agent -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem 2>said || fail "$(cat said)"
chmod 600 key.pem
start_agent --tls-certificate=cert.pem --tls-key=key.pem
site_with_agent "$agent_token" https://127.0.0.1:8779
begun n-protect; fails protect
holdfast status "$run" --engine mistral >said 2>&1 || fail "$(cat said)"
grep -qi 'Mistral could not reach the agent: .*certificate' said || fail "$(cat said)"
site_with_agent "$agent_token" https://127.0.0.1:8779 "$dir/cert.pem"
begun n-protect; succeeds "protect over TLS"
echo "all went well"
