#!/usr/bin/env bash
# Runs every fuzz target of a build (preset `fuzz`) for HOLDFAST_FUZZ_SECONDS (60) each, from its
# seeds. A finding fails it, and its input stays in BUILD/fuzz/findings: mend the bug and put the
# input into tests/fuzz/corpus/<target>/, named after what was wrong.
#   tests/fuzz/run.sh BUILD [TARGET ...]
set -euo pipefail
build=$(realpath "$1")
shift
seconds=${HOLDFAST_FUZZ_SECONDS:-60}
findings=$build/fuzz/findings
mkdir -p "$findings"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ $# -eq 0 ]; then
  for list in "$build"/fuzz/*.seeds; do set -- "$@" "$(basename "$list" .seeds)"; done
fi
failed=""
for target in "$@"; do
  # New inputs stay here between runs: a later one starts where this one ended.
  corpus=$build/fuzz/corpus/$target
  mkdir -p "$corpus" "$work/$target"
  number=0
  while IFS= read -r seed; do
    [ -n "$seed" ] || continue
    number=$((number + 1))
    cp "$seed" "$work/$target/$number"
  done <"$build/fuzz/$target.seeds"
  if "$build/fuzz/$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -max_len=65536 \
      -print_final_stats=1 -artifact_prefix="$findings/$target-" "$corpus" "$work/$target" >"$work/log" 2>&1; then
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log")
    echo "$target: $number seeds, $runs runs, nothing found"
  else
    tail -n 40 "$work/log" >&2
    echo "$target: FOUND SOMETHING (the input is in $findings)" >&2
    failed="$failed $target"
  fi
done
if [ -n "$failed" ]; then
  echo "these found something:$failed" >&2
  exit 1
fi
