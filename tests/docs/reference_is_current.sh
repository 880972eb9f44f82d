#!/usr/bin/env bash
# The pages of docs/reference that the programs print are what they print.
#   reference_is_current.sh BUILD_FOLDER [--update]
set -euo pipefail
build=$(realpath "$1")
docs=$(realpath "$(dirname "$0")/../../docs/reference")
code=0
for topic in cli exit-codes plugins provider-keys; do
  if [ "${2:-}" = --update ]; then
    page=$("$build/bin/holdfast" reference $topic)
    printf '%s\n' "$page" >"$docs/$topic.md"
  elif ! diff -u "$docs/$topic.md" <("$build/bin/holdfast" reference $topic); then
    echo "docs/reference/$topic.md is stale: run tests/docs/reference_is_current.sh BUILD_FOLDER --update" >&2
    code=1
  fi
done
exit $code
