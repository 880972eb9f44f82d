#!/usr/bin/env bash
# What a Workflow of a cluster says is no program to be run on the machine of who looks into it.
#   distrusted_cluster.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
compiled
start_cluster
apply "$scene/../../../templates/argo/holdfast-steps.yaml"
holdfast -q publish file.yaml
# LD_DEBUG=help: the loader prints its own help, and starts no program.
holdfast submit file.yaml --dry-run=client | python3 -c 'import json, sys
o = json.load(sys.stdin)
o["metadata"]["name"] = "foreign"
o["spec"]["templates"][0]["dag"]["tasks"] += [
    {"name": "shell", "template": "shell"}, {"name": "fake", "template": "fake"}, {"name": "version", "template": "version"}]
loader = [{"name": "LD_DEBUG", "value": "help"}]
o["spec"]["templates"] += [
    {"name": "shell", "container": {"image": "x", "command": ["sh", "-c", "touch " + sys.argv[1]]}},
    {"name": "fake", "container": {"image": "x", "command": ["holdfast-step.sh"]}},
    {"name": "version", "container": {"image": "x", "command": ["/opt/holdfast-step"], "args": ["--version"], "env": loader}}]
json.dump(o, open("foreign.json", "w"))' "$dir/touched"
curl -sS --fail-with-body -o said -X POST -H "Authorization: Bearer token-of-the-test" --data-binary @foreign.json \
  "http://127.0.0.1:$port/apis/argoproj.io/v1alpha1/namespaces/backups/workflows" || fail "$(cat said)"

for step in shell fake; do
  [ "$(code_of said holdfast step run --from-cluster foreign $step)" = 13 ] || fail "$step: $(cat said)"
  grep -q "step $step of foreign runs a program that is not holdfast-step: " said || fail "$(cat said)"
  grep -q "'holdfast step show --from-cluster foreign $step' shows" said || fail "$(cat said)"
done
grep -q 'holdfast-step: holdfast-step.sh' said || fail "the command is not named: $(cat said)"
[ ! -e touched ] || fail "it ran"
holdfast step show --from-cluster foreign shell 2>/dev/null | grep -q "sh -c 'touch $dir/touched'" || fail "show"
# This machine's own holdfast-step, and none of the template's variables.
[ "$(code_of said holdfast step run --from-cluster foreign version)" = 0 ] && grep -qi '^holdfast' said && ! grep -q LD_DEBUG said || fail "$(cat said)"
holdfast step show --from-cluster foreign version 2>/dev/null | grep -q 'LD_DEBUG=help' || fail "show names the variable"

code_of said holdfast step run --from-cluster foreign version --trust-cluster >/dev/null
grep -q 'LD_DEBUG' said || fail "--trust-cluster takes no variable: $(cat said)"
[ "$(code_of said holdfast step run --from-cluster foreign shell --trust-cluster)" = 0 ] && [ -e touched ] || fail "--trust-cluster: $(cat said)"
