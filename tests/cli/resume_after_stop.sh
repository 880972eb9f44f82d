#!/usr/bin/env bash
# Ctrl-C ends a run: `--resume` goes on with its record in a new run, and what was finished is kept. Where
# there is nothing to go on with, it says so and what to do.
#   resume_after_stop.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
noop="trace = $dir/trace" disks fast slow
cat >n.yaml <<END
name: n
provider: p
resources: [X::Disk#fast, X::Disk#slow]
parameters:
  "X::Disk#slow": {parallel_sleep: 2s}
END
holdfast -q compile protect n.yaml
code=0
holdfast -q run n-protect.yaml --resume >none.out 2>&1 || code=$?
[ "$code" = 10 ] || fail "resuming nothing ended with $code: $(cat none.out)"

holdfast -q run n-protect.yaml -j 4 >run.out 2>&1 &
engine=$!
done_and_working() { # the fast one is done, the slow one is at its work
  grep -q '"finished".*fast-[^"]*post' n-protect.yaml.run/*/state.jsonl 2>/dev/null &&
    grep '"begin"' trace | grep -q 'parallel.*#slow'
}
for _ in $(seq 1000); do
  done_and_working && break
  kill -0 $engine 2>/dev/null || fail "the run ended before it could be stopped: $(cat run.out)"
  sleep 0.01
done
kill -TERM $engine # as Ctrl-C does; a shell lets its background processes ignore that
code=0
wait $engine || code=$?
engine=""
[ "$code" = 6 ] || fail "the stopped run ended with $code: $(cat run.out)"
id=$(holdfast checkpoints list | awk 'NR == 2 {print $1}')

holdfast run n-protect.yaml --resume >resumed.out 2>resumed.err || fail "--resume ended with $?: $(cat resumed.out resumed.err)"
grep -q "a new run goes on with its record, as with --record $id" resumed.err || fail "$(cat resumed.err)"
grep -q "^checkpoint $id: available" resumed.out || fail "$(cat resumed.out)"
[ "$(grep -c '"begin".*#fast' trace)" = 3 ] || fail "what was finished was done again: $(cat trace)"
[ "$(holdfast checkpoints list | grep -c available)" = 1 ] || fail "$(holdfast checkpoints list)"

# Where the bank is gone there is nothing to go on with, and no empty one takes its place.
mv bank away
for how in --resume "--record $id" "--parameter record=$id"; do
  code=0
  holdfast run n-protect.yaml $how >gone.out 2>&1 || code=$?
  [ "$code" = 10 ] && grep -q "is not there yet" gone.out || fail "$how without the bank ended with $code: $(cat gone.out)"
  [ ! -e bank ] || fail "$how made an empty bank"
done
mv away bank

# All is done: nothing to resume, and no second checkpoint by accident.
code=0
holdfast run n-protect.yaml --resume >again.out 2>&1 || code=$?
[ "$code" = 3 ] || fail "resuming what is done ended with $code: $(cat again.out)"
grep -q "its checkpoint $id is available: there is nothing to resume" again.out || fail "$(cat again.out)"
[ "$(holdfast checkpoints list | grep -c available)" = 1 ] || fail "$(holdfast checkpoints list)"
