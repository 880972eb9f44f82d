#!/usr/bin/env bash
# Of two starts of one run id, each from a work folder of its own, one goes to its verdict as if there were no other; the
# other is refused, and neither its `end` nor what comes after it ends, gives back or marks failed anything of the first.
#   same_run_id.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
application "echo quiesce >>$dir/hooks; touch $dir/frozen; while [ -e $dir/hold ]; do sleep 0.02; done" \
  "echo resume >>$dir/hooks; rm -f $dir/frozen"
two_providers local-application local-directory
holdfast -q plan discover app.yaml
holdfast -q compile protect app.yaml -o app-protect.yaml

run() { holdfast run app-protect.yaml --run-id "$1" --run-dir "$2" "${@:3}"; }
state_of() { holdfast checkpoints list --all -p p | awk -v id="$1" '$1 == id { print $2 }'; }
available() { holdfast --json checkpoints show "$1" -p p | grep -q '"state": *"available"'; }

# While the first is at work.
touch hold
run one first >first.out 2>&1 &
engine=$!
soon test -e frozen
code=$(code_of second.out run one second)
[ "$code" = 11 ] || fail "the second start ended with $code: $(cat second.out)"
grep -q "^the run did not begin: run one was started already, by .*@" second.out || fail "$(cat second.out)"
# Neither is anything of the first its own when it is to go on.
code=$(code_of resumed.out run one second --resume)
[ "$code" != 0 ] || fail "what never began was resumed: $(cat resumed.out)"
grep -q "without having begun" resumed.out || fail "$(cat resumed.out)"
[ -e frozen ] && [ "$(cat hooks)" = quiesce ] || fail "the second start touched the application: $(cat hooks)"
rm hold
wait $engine || fail "the first start failed: $(cat first.out)"
engine=""
available one || fail "$(cat first.out)"

# After it, too: its id is used up, and its record stays as it is.
code=$(code_of third.out run one third)
[ "$code" = 11 ] || fail "a start of an id that is used up ended with $code: $(cat third.out)"
grep -q "was started already" third.out || fail "$(cat third.out)"
available one || fail "the checkpoint is no longer available"

# One whose engine was killed goes on in its own folder, and in no other.
touch hold
rm -f hooks
run two first >killed.out 2>&1 &
engine=$!
soon test -e frozen
kill -STOP $engine
kill -9 $(ps -o pid= --ppid $engine)
kill -9 $engine
wait $engine 2>/dev/null || true # it was killed
engine=""
rm hold
code=$(code_of second.out run two second --new)
[ "$code" = 11 ] || fail "a second start after a killed one ended with $code: $(cat second.out)"
code=$(code_of resumed.out run two first --resume)
[ "$code" = 0 ] || fail "the first start was not resumed: $(cat resumed.out)"
available two || fail "$(cat resumed.out)"

# At once.
for n in $(seq 12); do
  run "at-once-$n" left >left.out 2>&1 &
  left=$!
  run "at-once-$n" right >right.out 2>&1 &
  right=$!
  codes=""
  for each in $left $right; do
    code=0
    wait $each || code=$?
    codes="$codes $code"
  done
  case "$codes" in
    " 0 11" | " 11 0") ;;
    *) fail "round $n: the two ended with$codes: $(cat left.out right.out)" ;;
  esac
  available "at-once-$n" || fail "round $n: $(holdfast checkpoints list --all -p p)"
done
[ -z "$(find bank -path '*/indices/unfinished/*' -type f)" ] || fail "something is unfinished"
[ ! -e frozen ] || fail "the application is at rest"

# Steps that are not told which start they work for, as in a container that passes no variable on: their run is known all
# the same, and is resumed; but a second start of its id that does nothing is no success of that.
mkdir -p wrapped/bin
cp "$build/bin/holdfast" wrapped/bin/
cp -r "$build/share" wrapped/
printf '#!/bin/sh\nexec env -u HOLDFAST_START %s/bin/holdfast-step "$@"\n' "$build" >wrapped/bin/holdfast-step
chmod 755 wrapped/bin/holdfast-step
PATH=$dir/wrapped/bin:$PATH HOLDFAST_MODULE_DIR=$build/lib/holdfast
export HOLDFAST_MODULE_DIR
[ "$(code_of said run untold first)" = 0 ] || fail "$(cat said)"
available untold || fail "$(cat said)"
[ "$(code_of said run untold second)" != 0 ] || fail "a second start of one id did nothing, and was a success: $(cat said)"
[ "$(code_of said run untold third -q)" != 0 ] && [ -s said ] || fail "nothing says that it failed: $(cat said)"
available untold || fail "$(cat said)"
mv data elsewhere
[ "$(code_of said run failing fourth)" = 5 ] || fail "$(cat said)"
mv elsewhere data
[ "$(code_of said run failing fourth --resume)" = 0 ] || fail "it is not gone on with: $(cat said)"
available failing || fail "$(cat said)"
