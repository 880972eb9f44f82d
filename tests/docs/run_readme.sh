#!/usr/bin/env bash
# Runs the commands under "Five minutes" of the README, in the folder and after what the first two sections of the tutorial that it
# names make.
#   run_readme.sh BUILD_FOLDER
set -euo pipefail
build=$(realpath "$1")
source=$(realpath "$(dirname "$0")/../..")
dir=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-readme.XXXXXX")
trap 'rm -rf "$dir"' EXIT
{
  # Up to the plan, which the README makes itself.
  awk '/^## 3/{exit} /^```sh$/{on=1; next} /^```$/{on=0} /^holdfast plan/{next} on' "$source/docs/tutorial/first-protect.md"
  sed -n '/^## Five minutes/,/^## Non-goals/s/^    //p' "$source/README.md"
} >"$dir/commands.sh"
grep -q '^holdfast run notes-protect.yaml' "$dir/commands.sh" || { echo "the README shows no run of a protect" >&2; exit 1; }
unset HOLDFAST_PROVIDER_CONFIG_DIR
PATH="$build/bin:$PATH" HOME="$dir" bash -euo pipefail "$dir/commands.sh"
