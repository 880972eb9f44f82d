#!/usr/bin/env bash
# What `holdfast lint --engine mistral` refuses, the real Mistral refuses or breaks over; what it takes runs there.
#   lint_table.sh BUILD_FOLDER [FILE...]
. "$(dirname "$0")/scene.sh"
start_mistral
PYTHONDONTWRITEBYTECODE=1 python3 "$scene/lint_table.py" "$API" "$build/bin/holdfast" "$scene/../.." "${@:2}" || fail "see above"
