#!/usr/bin/env bash
# `make soak`: what is too long for every change (hours on 2 cores), cheapest first: formatting, headers,
# all tests with full counts, those on a cluster that runs pods, all tests with the address sanitizer, thread sanitizer, clang-tidy, fuzzing, benches. A phase that fails does
# not keep the next ones from running; the end says which failed, and the exit code is then 1.
#   tests/soak.sh [PHASE ...]     only those, by name: format headers tests cluster asan tsan tidy fuzz benches
# HOLDFAST_PROPERTY_CASES (5000), HOLDFAST_RANDOM_RUNS (200), HOLDFAST_LARGE_GRAPHS (200), HOLDFAST_MISTRAL_RUNS (50),
# HOLDFAST_FAULTED_TRANSFERS (1000 of each bank that meet a fault), HOLDFAST_LISTED_OBJECTS (10100) and HOLDFAST_FUZZ_SECONDS (60, for each target) say how much.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
export HOLDFAST_PROPERTY_CASES=${HOLDFAST_PROPERTY_CASES:-5000} HOLDFAST_RANDOM_RUNS=${HOLDFAST_RANDOM_RUNS:-200}
export HOLDFAST_LARGE_GRAPHS=${HOLDFAST_LARGE_GRAPHS:-200} HOLDFAST_MISTRAL_RUNS=${HOLDFAST_MISTRAL_RUNS:-50}
export HOLDFAST_FAULTED_TRANSFERS=${HOLDFAST_FAULTED_TRANSFERS:-1000} HOLDFAST_LISTED_OBJECTS=${HOLDFAST_LISTED_OBJECTS:-10100}

configure_and_build() {
  cmake --preset "$1" --log-level=WARNING && cmake --build --preset "$1" "${@:2}"
}

format() { tests/setup/check_format.sh; }

headers() { tests/setup/check_headers.sh; }

tests() {
  configure_and_build gcc-werror && ctest --test-dir build-gcc-werror --output-on-failure -j 2 -LE '^cluster$'
}

# The first time it builds the cluster, which takes half an hour more.
cluster() {
  local code=0
  configure_and_build gcc-werror || return
  [ -n "${HOLDFAST_TEST_KUBECONFIG:-}" ] || tests/engines/cluster/build.sh || code=$?
  [ $code != 77 ] || { echo "skipped: no cluster can be built here"; return 0; }
  [ $code = 0 ] && ctest --test-dir build-gcc-werror --verbose -L '^cluster$'
}

# With a fiftieth of the cases: with a tenth of them sweeps over every write and random trees of files take longer under a
# sanitizer than a test may.
sanitized() {
  HOLDFAST_PROPERTY_CASES=$((HOLDFAST_PROPERTY_CASES / 50)) HOLDFAST_LARGE_GRAPHS=$((HOLDFAST_LARGE_GRAPHS / 50)) "$@"
}

# .ci/run has the half of it that it has time for.
asan() {
  configure_and_build clang-asan-ubsan && sanitized ctest --preset clang-asan-ubsan -LE 'soak|bench|engines|cluster'
}

# The tests whose code has threads: parallel loops, bundles, data streams, heartbeats and the process runner, banks, exec plugins,
# the local engine, the compiler, the agent and its listener, and the step program as a whole. (The step and the engine themselves are under it.)
tsan_tests=(sdk_test bundle_test data_stream_test runtime_test step_process_test process_runner_test bank_test exec_test
  local_engine_test provider_test compiler_emit_test large_graphs_test net_listener_test agent_test)
tsan() {
  configure_and_build clang-tsan --target "${tsan_tests[@]}" holdfast holdfast-step || return
  local failed=0 test
  for test in "${tsan_tests[@]}"; do
    echo "-- $test"
    TSAN_OPTIONS="halt_on_error=1 ${TSAN_OPTIONS:-}" sanitized "build-clang-tsan/tests/$test" --gtest_brief=1 || failed=1
  done
  return $failed
}

tidy() { configure_and_build tidy -- -k 0; }

fuzz() { configure_and_build fuzz --target fuzz_targets && tests/fuzz/run.sh build-fuzz; }

benches() { configure_and_build release && BUILD=build-release tests/bench/bench.sh; }

phases=(format headers tests cluster asan tsan tidy fuzz benches)
if [ $# -gt 0 ]; then
  for phase in "$@"; do
    [[ " ${phases[*]} " == *" $phase "* ]] || { echo "no phase '$phase'; there are: ${phases[*]}" >&2; exit 2; }
  done
  phases=("$@")
fi
failed=()
summary=()
for phase in "${phases[@]}"; do
  echo "== $phase"
  started=$SECONDS
  if "$phase"; then verdict=ok; else verdict=FAILED; failed+=("$phase"); fi
  summary+=("$(printf '%-8s %-6s %5d s' "$phase" "$verdict" $((SECONDS - started)))")
  echo "== ${summary[-1]}"
done
echo "== all phases"
printf '%s\n' "${summary[@]}"
if [ ${#failed[@]} -gt 0 ]; then
  echo "failed: ${failed[*]}" >&2
  exit 1
fi
