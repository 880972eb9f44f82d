#!/usr/bin/env bash
# What `holdfast lint --engine mistral` refuses, the real Mistral refuses or breaks over; what it takes runs there.
#   lint_table.sh BUILD_FOLDER [FILE...]   HOLDFAST_LINT_CASES: so many of the cases, by HOLDFAST_LINT_SEED (default: all of them)
. "$(dirname "$0")/scene.sh"
"${python:-/usr/bin/python3}" -B "$scene/../../lint/derive_mistral_characters.py" --check "$scene/../../../runtime/lint/mistral_character_table.inc" || fail "another Python or Jinja than that of lint's table"
start_mistral
PYTHONDONTWRITEBYTECODE=1 python3 "$scene/lint_table.py" "$API" "$build/bin/holdfast" "$scene/../.." "${@:2}" || fail "see above"
