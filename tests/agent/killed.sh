#!/usr/bin/env bash
# The agent is killed where it matters: after a step is on the disk and before Mistral hears that, after its outcome is, after
# Mistral has taken that. Started again, it runs what Mistral still waits for, once, and reports once; a file that is torn is
# reported as lost. With a stand-in for Mistral: its states are chosen.
#   killed.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
patience=10
seen() { cat calls asked agent.log; }
step_program
: >asked
echo RUNNING >task
python3 "$here/fake_mistral.py" "$dir" &
engine="$engine $!"
soon test -s mistral.port
OS_MISTRAL_URL=http://127.0.0.1:$(cat mistral.port)/v2
begin() { start --step-program="$dir/step"; }
idle() { [ "$(steps)" = '{"steps":[]}' ]; }
reported() { grep -c "PUT /v2/action_executions/$id$1" asked || true; } # NUMBER: how often
killed() { # FAILPOINT NUMBER STEP
  HOLDFAST_FAILPOINT=$1 begin
  post "$2" "$3" >status
  code=0; wait $agent 2>/dev/null || code=$?
  [ $code = 137 ] || fail "$1: it ends with $code"
}

# Mistral has not heard that it was accepted, and still waits.
killed accept:after-keep 1 one-pre
[ "$(cat status)" = 000 ] || fail "it has answered: $(cat status)"
begin
soon idle
[ "$(called one-pre)" = 1 ] && [ "$(reported 1)" = 1 ] || fail "$(seen)"
ends_with 0

# Nobody waits for it any more: what might begin a rest is not run, of which Mistral is told as its action goes on; what ends
# one is run.
killed accept:after-keep 2 two-pre
echo ERROR >task
killed accept:after-keep 3 three-post
begin
soon idle
[ "$(called two-pre)" = 0 ] && [ "$(reported 2)" = 1 ] || fail "$(seen)"
[ "$(called three-post)" = 1 ] && [ "$(reported 3)" = 1 ] || fail "$(seen)"
ends_with 0
echo RUNNING >task

# Its outcome is on the disk: it is not run again.
killed ended:after-keep 4 four-copy
begin
soon idle
[ "$(called four-copy)" = 1 ] && [ "$(reported 4)" = 1 ] || fail "$(seen)"
ends_with 0

# Mistral has taken it: it is found to be known.
killed report:after-put 5 five-copy
begin
soon idle
[ "$(called five-copy)" = 1 ] && [ "$(reported 5)" = 2 ] || fail "$(seen)"
grep -q 'has the outcome of this step already' agent.log || fail "$(seen)"
ends_with 0

# A disk that was full, or broke.
echo '{"format":1' >"state/jobs/${id}6.json"
begin
soon idle
[ "$(reported 6)" = 1 ] && [ -e "state/jobs/broken/${id}6.json" ] || fail "$(seen)"
ends_with 0

# Mistral is away: what might begin a rest waits until it can be asked.
killed accept:after-keep 7 seven-pre
there=$OS_MISTRAL_URL
OS_MISTRAL_URL=http://127.0.0.1:1/v2
begin
waits() { steps | grep -q '"state":"accepted","step":"seven-pre","trouble":"Mistral, which is to be asked'; }
soon waits
[ "$(called seven-pre)" = 0 ] || fail "$(seen)"
ends_with 0
OS_MISTRAL_URL=$there
begin
soon idle
[ "$(called seven-pre)" = 1 ] || fail "$(seen)"
ends_with 0
