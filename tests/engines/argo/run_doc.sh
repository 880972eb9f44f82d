#!/usr/bin/env bash
# Runs the commands of a document as tests/docs/run_doc.sh does, with a cluster that runs the steps of the files that the page
# compiles, and a kubectl that knows it (bin/kubectl). The site's templates are applied, unless the page does it.
#   run_doc.sh FILE.md BUILD_FOLDER
document=$(realpath "$1")
set -- "$2"
. "$(dirname "$0")/scene.sh"
mkdir work
# The steps run with the page's own provider.
HOLDFAST_PROVIDER_CONFIG_DIR=$dir/work/providers.d start_cluster --run-steps "$dir/work"
awk '/^```sh$/{on=1; next} /^```$/{on=0} on' "$document" >commands.sh
[ -s commands.sh ] || fail "$document shows no commands"
grep -q '^kubectl apply -k site$' commands.sh || apply "$scene/../../../templates/argo/holdfast-steps.yaml"
cd work
PATH="$scene/bin:$PATH" HOME="$dir/work" bash -euo pipefail ../commands.sh || fail "a command of $document"
