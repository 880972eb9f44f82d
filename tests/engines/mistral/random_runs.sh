#!/usr/bin/env bash
# Random graphs with failures in every activity, run by the real Mistral: what really happened (journal, trace) is held to the definition of
# order, gates, clean-ups and verdict, as random_run_test does with the local engine.
#   random_runs.sh BUILD_FOLDER      HOLDFAST_MISTRAL_RUNS: how many graphs (10); HOLDFAST_RANDOM_SEED=n: this one alone
. "$(dirname "$0")/scene.sh"
start_mistral
# Each case has a folder of its own for providers, which the test gives the program in its environment.
sed -i "s,--provider-config-dir=[^ ]*,," environment.yaml
export ENVIRONMENT=$dir/environment.yaml HOLDFAST=$build/bin/holdfast HOLDFAST_RANDOM_PROGRAM=$scene/holdfast_over_mistral.py
export HOLDFAST_RANDOM_RUNS=${HOLDFAST_MISTRAL_RUNS:-10}
"$build/tests/random_run_test" --gtest_filter='Seeds/*' --gtest_brief=1 || fail "see above"
