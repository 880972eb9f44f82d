#!/usr/bin/env bash
# Runs the commands of a document: every ```sh block, in order, in one shell and an empty folder,
# ended by the first command that fails. So a document cannot show what does not work.
#   run_doc.sh FILE.md BUILD_FOLDER
set -euo pipefail
document=$(realpath "$1")
build=$(realpath "$2")
source=$(realpath "$(dirname "$0")/../..")
dir=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-doc.XXXXXX")
trap 'rm -rf "$dir"' EXIT
awk '/^```sh$/{on=1; next} /^```$/{on=0} on' "$document" >"$dir/commands.sh"
[ -s "$dir/commands.sh" ] || { echo "$document shows no commands" >&2; exit 1; }
mkdir "$dir/work"
cd "$dir/work"
unset HOLDFAST_PROVIDER_CONFIG_DIR
PATH="$build/bin:$PATH" HOME="$dir/work" HOLDFAST_SOURCE=$source bash -euo pipefail "$dir/commands.sh"
