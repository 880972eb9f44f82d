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
given = {p["name"]: p["value"] for p in o["spec"]["arguments"]["parameters"]}
own = ["run", "--provider=" + given["provider"], "--run={{workflow.uid}}", "--record=", "--bundle=" + given["bundle"], "--step=x"]
for name, args in {"folder": own + ["--provider-config-dir=" + sys.argv[1]], "other": own[:4] + ["--bundle=" + 64 * "0"],
                   "neighbour": ["run", "--provider=q"], "value": ["run", "--provider-config-dir", sys.argv[1]],
                   "word": own + [sys.argv[1]], "own": own}.items():
    o["spec"]["templates"][0]["dag"]["tasks"].append({"name": name, "template": name})
    o["spec"]["templates"].append({"name": name, "container": {"image": "x", "command": ["holdfast-step"], "args": args,
                                   "env": [{"name": "X;touch${IFS}" + sys.argv[1] + ";", "value": "1"}]}})
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
# Its own holdfast-step with another's bundle, provider, or folder of providers, whose hooks would run here.
refused() { # STEP WHAT
  [ "$(code_of said holdfast step run --from-cluster foreign "$1")" = 13 ] && grep -qF "step $1 of foreign $2" said || fail "$1: $(cat said)"
}
refused folder 'has an option that is not taken from a cluster, --provider-config-dir: '
refused value 'has an option that is not taken from a cluster, --provider-config-dir: '
refused other 'is of another bundle than its Workflow: '
refused neighbour 'is of another provider than its Workflow: '
refused word 'has an argument that no step has, '
[ "$(code_of said holdfast step run --from-cluster foreign own)" != 13 ] || fail "what every step has: $(cat said)"
# What is shown can be pasted.
holdfast step show --from-cluster foreign own >said 2>/dev/null || fail "$(cat said)"
bash -c "$(cat said) --help" >shown 2>&1 || fail "$(cat said shown)"
[ ! -e touched ] && grep -q '^holdfast-step' shown || fail "a name of a variable was a command: $(cat said shown)"
# This machine's own holdfast-step, and none of the template's variables.
[ "$(code_of said holdfast step run --from-cluster foreign version)" = 0 ] && grep -qi '^holdfast' said && ! grep -q LD_DEBUG said || fail "$(cat said)"
holdfast step show --from-cluster foreign version 2>/dev/null | grep -q 'LD_DEBUG=help' || fail "show names the variable"

code_of said holdfast step run --from-cluster foreign version --trust-cluster >/dev/null
grep -q 'LD_DEBUG' said || fail "--trust-cluster takes no variable: $(cat said)"
[ "$(code_of said holdfast step run --from-cluster foreign shell --trust-cluster)" = 0 ] && [ -e touched ] || fail "--trust-cluster: $(cat said)"
