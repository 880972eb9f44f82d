#!/usr/bin/env bash
# Random transfers between the banks and the real servers, with faults in between and tokens that do not last: nothing that is
# reported good is lost or damaged, and what fails does so in time and clearly.
#   faults.sh BUILD_FOLDER           HOLDFAST_FAULTED_TRANSFERS (100) of each bank that meet a fault, HOLDFAST_FAULT_SEED
. "$(dirname "$0")/scene.sh"
# Small, so that some objects are larger than the server takes at once.
export HOLDFAST_TEST_MOST_OBJECT=6000000 HOLDFAST_TEST_TOKEN_SECONDS=8
"$services/swift.sh" start swift
. swift/ports
HOLDFAST_TEST_SWIFT_URL=$(cat swift/url) HOLDFAST_TEST_MEMCACHED=$memcached "$build/tests/faulted_transfers" "${@:2}"
