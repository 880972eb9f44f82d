#!/usr/bin/env bash
# `make bench`: prints what the docs quote. Compare ratios, not single times: machines are noisy.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-$top/build}
case "$build" in /*) ;; *) build=$top/$build ;; esac
echo "== one no-op step, from process start to exit"
"$top/tests/bench/step_bench.sh" "$build"
echo "== one large stream"
"$top/tests/bench/stream_bench.sh" "$build" "${HOLDFAST_BENCH_GIB:-10}"
echo "== compiling: resource graph in memory to activity DAG"
"$build/bin/dag_bench"
echo "== compiling: resource graph in memory to file and bundle"
"$build/bin/compile_bench"
echo "== lint of a workflow of 300 tasks"
"$top/tests/bench/lint_bench.sh" "$build"
echo "== directories, beside tar and restic"
"$top/tests/bench/directory_bench.sh" --bin "$build/bin" "$@"
# The last: it fails where there is too little of curl's speed.
echo "== one large file to a server and back, beside curl"
"$top/tests/bench/transfer_bench.sh" "$build" || [ $? = 77 ] # 77: it has said what is not installed
