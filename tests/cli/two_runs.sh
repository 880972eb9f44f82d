#!/usr/bin/env bash
# Two runs never bring one application to rest at once: the second one is refused, touches nothing and says what
# to do; that is so beside a run that lives, and after one whose engine was killed (`run --new`). The commands
# that it prints work as they stand, in their order, and nothing stays at rest.
#   two_runs.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
# What brings it to rest takes as long as there is a file `hold`; every call leaves a line.
application "echo quiesce >>$dir/hooks; touch $dir/frozen; while [ -e $dir/hold ]; do sleep 0.02; done" \
  "echo resume >>$dir/hooks; rm -f $dir/frozen"
two_providers local-application local-directory
holdfast -q plan discover app.yaml
holdfast -q compile protect app.yaml -o a.yaml
holdfast -q compile protect app.yaml -o 'b b.yaml'

# Starts it and returns when the application is at rest.
start() { # RUN FILE
  touch hold
  holdfast -q run "$2" --run-id "$1" >"$1.out" 2>&1 &
  engine=$!
  for _ in $(seq 3000); do
    [ ! -e frozen ] || return 0
    kill -0 $engine 2>/dev/null || fail "it ended before it was at rest: $(cat "$1.out")"
    sleep 0.01
  done
  fail "it never came to rest"
}
refused() { # BY COMMAND...
  local code=0
  cp hooks hooks.before
  "${@:2}" >run.out 2>run.err || code=$?
  [ "$code" = 11 ] || fail "'${*:2}' ended with $code: $(cat run.out run.err)"
  grep -q "^the run did not begin: run $1, started by .*@.*, brings Local::Application#app to rest, too" run.err || fail "$(cat run.err)"
  cmp -s hooks hooks.before && [ -e frozen ] || fail "'${*:2}' touched the application: $(cat hooks)"
  sed -n 's/^  \(holdfast .*\)/\1/p' run.err >said
  [ "$(wc -l <said)" = 2 ] || fail "'${*:2}' prints not two commands: $(cat run.err)"
}
unfinished() { find bank -path '*/indices/unfinished/*' -type f; }

# Beside one that lives.
start lives a.yaml
refused lives holdfast run 'b b.yaml' --run-id beside
# Nothing but leases that are given back: none is ever removed.
left=$(find bank -path '*beside*' -not -path '*/leases/*')
[ -z "$left" ] || fail "the refused run leaves: $left"
grep -q '"released":true' "$(find bank -path '*/leases/beside/*' | sort | tail -1)" || fail "it holds its lease"
rm hold
wait $engine || fail "the first run failed: $(cat lives.out)"
engine=""
[ ! -e frozen ] || fail "the application is still at rest"
tail -n 1 said >again
bash -c "$(cat again)" >did 2>&1 || fail "'$(cat again)' ended with $?: $(cat did)"

# After one whose engine was killed: a new run is no way past it, also of the same file.
start dead a.yaml
kill -STOP $engine
kill -9 $(ps -o pid= --ppid $engine) # its step, which would let the application go on
kill -9 $engine
wait $engine 2>/dev/null || true # it was killed
engine=""
refused dead holdfast run 'b b.yaml'
refused dead holdfast run a.yaml --new
while read -r command; do
  rm -f hold
  bash -c "$command" >did 2>&1 || fail "'$command' ended with $?: $(cat did)"
  [ ! -e frozen ] || fail "after '$command' the application is still at rest"
done <said
[ -z "$(unfinished)" ] || fail "something is unfinished: $(unfinished)"
[ "$(grep -c quiesce hooks)" = 4 ] || fail "it was brought to rest otherwise than four times: $(cat hooks)"
[ "$(holdfast checkpoints list -p p | grep -c ' available ')" = 3 ] || fail "$(holdfast checkpoints list --all -p p)"
