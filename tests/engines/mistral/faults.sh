#!/usr/bin/env bash
# What dies while a run is at work: a step, sshd, the whole of Mistral, the agent. The run ends right, if need be after a cancel
# and a resume: nothing that was finished is done again, and what is restored in the end is what was there.
#   faults.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
start_mistral
seen() { cat trace; }
plan() { # PARAMETERS OF b
  printf 'name: n\nprovider: p\nresources: ["X::Disk#a", "X::Disk#b"]\npolicy: {drift: ignore}\nparameters:\n  "X::Disk#b": {%s}\n' "$1" >n.yaml
  compiled protect.yaml protect n.yaml
}
begun() { grep -q "protect.$2\".*\"begin\".*Disk#$1\"" trace; } # DISK ACTIVITY
times() { grep -c "protect.$2\".*\"$3\".*Disk#$1\"" trace || true; } # DISK ACTIVITY EVENT
once() { # DISK...: each of its activities has ended once
  for disk in "$@"; do
    for kind in pre parallel post; do
      [ "$(times "$disk" $kind end)" = 1 ] || fail "$kind of $disk has ended $(times "$disk" $kind end) times: $(cat trace)"
    done
  done
}
noop="trace = $dir/trace" disks a b
touch trace

# A step is killed in the middle: its connection ends without a report, and the next try does it again.
plan 'parallel_sleep: 5s'
run=$(on -q submit protect.yaml) || fail "submit"
soon begun b parallel
pkill -KILL -f "holdfast-step run .*--run=$run.*--step=b-" || fail "there is no step to kill"
[ "$(code_of said on watch $run)" = 0 ] || fail "$(cat said)"
[ "$(times b parallel begin)" = 2 ] || fail "it was not done again: $(cat trace)"
once a b
holdfast checkpoints list | grep -q "$run.*available" || fail "$(holdfast checkpoints list)"

# sshd is away for a while: a step that cannot be started is tried again.
: >trace
plan 'parallel_sleep: 1s'
"$scene/mistral.sh" sshd "$dir/mistral" stop
run=$(on -q submit protect.yaml) || fail "submit"
sleep 4
on status $run >said || fail "$(cat said)"
grep -q '^begin .*Mistral could not run it over ssh on 127.0.0.1' said || fail "$(cat said)"
"$scene/mistral.sh" sshd "$dir/mistral" start
[ "$(code_of said on watch $run)" = 0 ] || fail "$(cat said)"
once a b

# Mistral is restarted while a step is at work: nobody waits for that one's result any more (until Mistral gives it up, after five
# minutes: below). Once the step has done its work, what is missing are posts: cancelled, the run is brought to its end, and its
# checkpoint is whole.
: >trace
plan 'parallel_sleep: 5s'
run=$(on -q submit protect.yaml) || fail "submit"
soon begun b parallel
"$scene/mistral.sh" restart "$dir/mistral"
on status $run >said || fail "after the restart: $(cat said)"
grep -q "^run $run .*running" said || fail "$(cat said)"
ended() { [ "$(times b parallel end)" = 1 ]; }
soon ended
[ "$(code_of said on cancel $run)" = 0 ] || fail "$(cat said)"
grep -q '^the run was cancelled, and nothing is owed' said || fail "$(cat said)"
once a b
holdfast checkpoints list | grep -q "$run.*available" || fail "$(holdfast checkpoints list)"

# Cancelled before that, the step finds that it has lost the run, and gives up.
: >trace
plan 'parallel_sleep: 600s'
run=$(on -q submit protect.yaml) || fail "submit"
soon begun b parallel
"$scene/mistral.sh" restart "$dir/mistral"
[ "$(code_of said on cancel $run)" = 0 ] || fail "$(cat said)"
[ "$(times b post end)" = 1 ] || fail "the post of b: $(cat trace)"
gone() { ! pgrep -f "holdfast-step run .*--run=$run" >/dev/null; }
soon gone
[ "$(times b parallel end)" = 0 ] || fail "it has ended: $(cat trace)"

# The same with data, to the restore. The copy goes slowly enough to be met in the middle.
. "$scene/slow_copy.sh"

begin_copy
signal KILL
ends_well "a step that was killed"
is_restored "a step that was killed"

"$scene/mistral.sh" sshd "$dir/mistral" stop
begin_copy unseen
sleep 4
"$scene/mistral.sh" sshd "$dir/mistral" start
ends_well "sshd that was away"
is_restored "sshd that was away"

# Of Mistral, killed and started again, nobody knows that a step is still at work: `resume` says what is to be done before.
begin_copy
signal STOP # so that the copy is at work however long a start of Mistral takes
kill -KILL "$(cat mistral/mistral.pid)"
"$scene/mistral.sh" restart "$dir/mistral"
[ "$(code_of said on resume $run)" = 3 ] && grep -q "has not ended$" said && grep -q "'holdfast cancel $run --engine mistral' ends it" said || fail "$(cat said)"
on cancel $run >said 2>&1 &
cancelling=$!
soon grep -q '^running    end' said
signal CONT
code=0; wait $cancelling || code=$?
[ $code = 0 ] && grep -q "^  holdfast resume $run --engine mistral$" said || fail "$code: $(cat said)"
[ "$(code_of said on resume $run --watch)" = 0 ] || fail "$(cat said)"
is_restored "Mistral that was killed"

# Nobody cancels it: Mistral misses the heartbeats of its executor, after five minutes if it is not told otherwise, and tries the
# step again. That one waits for the copy that is still at work, and takes its result.
printf '[action_heartbeat]\ncheck_interval = 2\nmax_missed_heartbeats = 5\nfirst_heartbeat_timeout = 20\n' >>mistral/mistral.conf
begin_copy
kill -KILL "$(cat mistral/mistral.pid)"
"$scene/mistral.sh" restart "$dir/mistral"
ends_well "Mistral that was killed, and left to itself"
is_restored "Mistral that was killed, and left to itself"

# The agent in the place of sshd. It knows its steps again, and Mistral waits for them: that ends right by itself.
"$scene/mistral.sh" sshd "$dir/mistral" stop
site_with_agent
start_agent
begin_copy
kill -KILL $agent_pid
wait $agent_pid 2>/dev/null || true
soon eval '! at_work'
start_agent
ends_well "an agent that was killed"
is_restored "an agent that was killed"

begin_copy
kill -KILL "$(cat mistral/mistral.pid)"
"$scene/mistral.sh" restart "$dir/mistral"
ends_well "Mistral that was killed, with an agent"
is_restored "Mistral that was killed, with an agent"
echo "all went well"
