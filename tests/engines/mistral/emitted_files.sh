#!/usr/bin/env bash
# Every definition that the compiler emits is valid for the real Mistral: those of the golden cases and of random graphs
# (HOLDFAST_MISTRAL_GRAPHS, 25; HOLDFAST_TEST_SEED takes those of an earlier run again). Skipped (77) without one.
#   emitted_files.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
start_mistral
seed=${HOLDFAST_TEST_SEED:-$RANDOM}
PYTHONDONTWRITEBYTECODE=1 python3 "$scene/emitted.py" "$API" "$scene/../../golden" "${HOLDFAST_MISTRAL_GRAPHS:-25}" "$seed" ||
  fail "the server refuses the above; again: HOLDFAST_TEST_SEED=$seed"
