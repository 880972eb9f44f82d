#!/usr/bin/env bash
# Runs the commands of docs/how-to/keep-checkpoints-in-swift-or-s3.md as tests/docs/run_doc.sh does, with a real Swift.
#   run_doc.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
document=$here/../../../docs/how-to/keep-checkpoints-in-swift-or-s3.md
"$services/swift.sh" start swift
awk '/^```sh$/{on=1; next} /^```$/{on=0} on' "$document" >commands.sh
[ -s commands.sh ] || fail "$document shows no commands"
mkdir work && cd work
SWIFT_AUTH_URL=$(cat ../swift/url)/auth/v1.0 SWIFT_USER=test:tester SWIFT_KEY=testing HOME=$dir/work bash -euo pipefail ../commands.sh ||
  fail "a command of $document"
