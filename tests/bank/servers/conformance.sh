#!/usr/bin/env bash
# Every promise of plugins/sdk/bank.h, on the real servers: what `holdfast bank check` says of each bank.
#   conformance.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
# Small, so that some objects are larger than the server takes at once.
export HOLDFAST_TEST_MOST_OBJECT=6000000
"$services/swift.sh" start swift
banks
for bank in swift s3; do
  started=$SECONDS
  holdfast bank check -p $bank >said 2>&1 || fail "$bank: $(cat said)"
  grep -q '^ok ' said || fail "$bank checked nothing: $(cat said)"
  echo "$bank: $(grep -c '^ok ' said) promises in $((SECONDS - started)) s"
done
