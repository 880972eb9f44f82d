#!/usr/bin/env bash
# Random graphs with failures in every activity, run by the real Mistral: what really happened (journal, trace) is held to the definition of
# order, gates, clean-ups and verdict, as random_run_test does with the local engine. The first half of them goes over ssh, the other
# one through an agent. Each kind of activity really fails, either way (with 10 graphs, or 50 and more).
#   random_runs.sh BUILD_FOLDER      HOLDFAST_MISTRAL_RUNS: how many graphs (10); HOLDFAST_RANDOM_SEED=n: this one alone, both ways;
#                                    HOLDFAST_MISTRAL_WIRE=ssh|agent: all of them that way
. "$(dirname "$0")/scene.sh"
start_mistral
# Each case has a folder of its own for providers, which the test gives the program in its environment.
sed -i "s,--provider-config-dir=[^ ]*,," environment.yaml
export ENVIRONMENT=$dir/environment.yaml HOLDFAST=$build/bin/holdfast HOLDFAST_RANDOM_PROGRAM=$scene/holdfast_over_mistral.py
export HOLDFAST_RANDOM_RUNS=${HOLDFAST_MISTRAL_RUNS:-10} HOLDFAST_RANDOM_FAILURES=$dir/failures
over() { # ssh|agent SEEDS: none: nothing
  [ -n "$2" ] || return 0
  if [ "$1" = agent ]; then
    # No step can go the other way.
    "$scene/mistral.sh" sshd "$dir/mistral" stop
    site_with_agent
  fi
  : >failures
  local filter
  filter=$(printf 'Seeds/*/Seed%s:' $2)
  case $2 in *all*) filter='Seeds/*' ;; esac
  HOLDFAST_TEST_WIRE=$1 "$build/tests/random_run_test" --gtest_filter="$filter" --gtest_brief=1 || fail "over $1: see above"
  $whole || return 0
  for kind in pre pre_finish parallel post; do
    grep -qx "$kind failed" failures || fail "over $1 no $kind has failed: $(sort failures | uniq -c)"
  done
}
case $HOLDFAST_RANDOM_RUNS in
  # Few of the first ones fail: in these, each activity does, either way. And they are among the smaller ones.
  10) first="2 3 15 37 84" second="6 19 40 71 98" HOLDFAST_RANDOM_RUNS=100 whole=true ;;
  *)
    half=$(((HOLDFAST_RANDOM_RUNS + 1) / 2))
    first=$(seq $half) second=$(seq $((half + 1)) "$HOLDFAST_RANDOM_RUNS") whole=false
    [ "$HOLDFAST_RANDOM_RUNS" -lt 50 ] || whole=true
    # In those from 26 to 50 no pre_finish fails: the last one of the half gives its place to one that has that.
    if $whole && [ "$HOLDFAST_RANDOM_RUNS" -lt 71 ]; then
      second="$(seq $((half + 1)) $((HOLDFAST_RANDOM_RUNS - 1))) 71" HOLDFAST_RANDOM_RUNS=80
    fi
    ;;
esac
[ -z "${HOLDFAST_RANDOM_SEED:-}" ] || first=all second=all whole=false
case ${HOLDFAST_MISTRAL_WIRE:-both} in
  both)
    over ssh "$first"
    over agent "$second"
    ;;
  ssh | agent) over "$HOLDFAST_MISTRAL_WIRE" "$first $second" ;;
  *) fail "HOLDFAST_MISTRAL_WIRE is ssh or agent, not '$HOLDFAST_MISTRAL_WIRE'" ;;
esac
