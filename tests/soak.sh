#!/usr/bin/env bash
# `make soak`: the full counts, the thread sanitizer, clang-tidy and the benches. Hours.
set -euo pipefail
cd "$(dirname "$0")/.."
export HOLDFAST_PROPERTY_CASES=${HOLDFAST_PROPERTY_CASES:-5000} HOLDFAST_RANDOM_RUNS=${HOLDFAST_RANDOM_RUNS:-200}
echo "== all tests, full counts"
cmake --preset gcc-werror --log-level=WARNING
cmake --build --preset gcc-werror
ctest --test-dir build-gcc-werror --output-on-failure -j 2
echo "== thread sanitizer"
cmake --preset clang-tsan --log-level=WARNING
cmake --build --preset clang-tsan
ctest --test-dir build-clang-tsan --output-on-failure -j 2 -LE 'bench|cli|docs'
echo "== clang-tidy"
cmake --preset tidy --log-level=WARNING
cmake --build --preset tidy
echo "== benches"
cmake --preset release --log-level=WARNING
cmake --build --preset release
BUILD=build-release tests/bench/bench.sh
