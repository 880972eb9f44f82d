#!/usr/bin/env bash
# Random graphs with failures in every activity, run by the real Mistral: what really happened (journal, trace) is held to the definition of
# order, gates, clean-ups and verdict, as random_run_test does with the local engine. The first half of them goes over ssh, the other
# one through an agent.
#   random_runs.sh BUILD_FOLDER      HOLDFAST_MISTRAL_RUNS: how many graphs (10); HOLDFAST_RANDOM_SEED=n: this one alone, both ways;
#                                    HOLDFAST_MISTRAL_WIRE=ssh|agent: all of them that way
. "$(dirname "$0")/scene.sh"
start_mistral
# Each case has a folder of its own for providers, which the test gives the program in its environment.
sed -i "s,--provider-config-dir=[^ ]*,," environment.yaml
export ENVIRONMENT=$dir/environment.yaml HOLDFAST=$build/bin/holdfast HOLDFAST_RANDOM_PROGRAM=$scene/holdfast_over_mistral.py
export HOLDFAST_RANDOM_RUNS=${HOLDFAST_MISTRAL_RUNS:-10}
over() { # ssh|agent FILTER
  [ -n "$2" ] || return 0
  if [ "$1" = agent ]; then
    # No step can go the other way.
    "$scene/mistral.sh" sshd "$dir/mistral" stop
    site_with_agent
  fi
  HOLDFAST_TEST_WIRE=$1 "$build/tests/random_run_test" --gtest_filter="$2" --gtest_brief=1 || fail "over $1: see above"
}
seeds() { seq -f 'Seeds/*/Seed%.0f' -s : "$1" "$2"; } # FIRST LAST: as a filter; none: nothing
half=$(((HOLDFAST_RANDOM_RUNS + 1) / 2))
first=$(seeds 1 $half) second=$(seeds $((half + 1)) "$HOLDFAST_RANDOM_RUNS")
[ -z "${HOLDFAST_RANDOM_SEED:-}" ] || first='Seeds/*' second='Seeds/*'
case ${HOLDFAST_MISTRAL_WIRE:-both} in
  both)
    over ssh "$first"
    over agent "$second"
    ;;
  ssh | agent) over "$HOLDFAST_MISTRAL_WIRE" 'Seeds/*' ;;
  *) fail "HOLDFAST_MISTRAL_WIRE is ssh or agent, not '$HOLDFAST_MISTRAL_WIRE'" ;;
esac
