#!/usr/bin/env bash
# `checkpoints status --prometheus` has a value for every plan there is, above all for one without a good
# checkpoint: a monitor must be able to tell "none" from "nobody wrote this".
#   status_metrics.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
disks a
cp n.graph.yaml bad.graph.yaml
printf 'name: n\nprovider: p\nresources: [X::Disk#a]\n' >n.yaml
printf 'name: bad\nprovider: p\nresources: [X::Disk#a]\nparameters: {X::Disk: {parallel_fail: true}}\n' >bad.yaml
holdfast -q compile protect n.yaml
holdfast -q compile protect bad.yaml

status() { # EXIT_CODE ARGUMENT...: writes metrics
  local code=0
  holdfast checkpoints status --max-age 1h --prometheus metrics "${@:2}" >status.out 2>status.err || code=$?
  [ "$code" = "$1" ] || fail "status ${*:2} ended with $code: $(cat status.out status.err)"
}
has() { grep -qxF "$1" metrics || fail "there is no '$1' in: $(cat metrics)"; }

# No plan has anything; one that is asked for by name is there all the same.
status 7
has 'holdfast_plans 0'
status 7 --plan n
has 'holdfast_plan_has_checkpoint{plan="n"} 0'
has 'holdfast_newest_checkpoint_timestamp_seconds{plan="n"} 0'
has 'holdfast_checkpoint_fresh{plan="n"} 0'

# A plan whose only checkpoint is in error is the one that a monitor is for.
holdfast -q run n-protect.yaml >run.out
code=0
holdfast -q run bad-protect.yaml >bad.out 2>&1 || code=$?
[ "$code" = 5 ] || fail "the run that is to fail ended with $code"
status 7
has 'holdfast_plans 2'
has 'holdfast_plan_has_checkpoint{plan="bad"} 0'
has 'holdfast_plan_has_checkpoint{plan="n"} 1'
has 'holdfast_checkpoint_fresh{plan="bad"} 0'
has 'holdfast_checkpoint_fresh{plan="n"} 1'
has 'holdfast_checkpoint_warnings{plan="n"} 0'
has 'holdfast_checkpoint_verified_timestamp_seconds{plan="n"} 0'
has 'holdfast_checkpoint_verification_failed{plan="n"} 0'
grep -qE '^bad +none +- +- +NOT FRESH$' status.out || fail "$(cat status.out)"
status 0 --plan n
[ "$(grep -c '^# TYPE' metrics)" = "$(grep '^# TYPE' metrics | sort -u | wc -l)" ] || fail "a metric has two heads: $(cat metrics)"

# What was deleted is gone on purpose.
holdfast -q checkpoints delete "$(holdfast checkpoints list --plan bad | awk 'NR == 2 {print $1}')" >delete.out
status 0
has 'holdfast_plans 1'
