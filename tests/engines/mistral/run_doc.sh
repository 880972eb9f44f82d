#!/usr/bin/env bash
# Runs the commands of a document as tests/docs/run_doc.sh does, with the real Mistral, a site in it, and the page's own provider.
#   run_doc.sh BUILD_FOLDER FILE.md
document=$(realpath "$2")
. "$(dirname "$0")/scene.sh"
rmdir providers.d bank
mkdir work
start_mistral "$dir/work/providers.d"
awk '/^```sh$/{on=1; next} /^```$/{on=0} on' "$document" >commands.sh
[ -s commands.sh ] || fail "$document shows no commands"
cd work
HOME="$dir/work" bash -euo pipefail ../commands.sh || fail "a command of $document"
