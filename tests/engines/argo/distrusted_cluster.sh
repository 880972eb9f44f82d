#!/usr/bin/env bash
# What a Workflow of a cluster says is no program to be run on the machine of who looks into it, and ends no run of others.
#   distrusted_cluster.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
compiled
start_cluster
apply "$scene/../../../templates/argo/holdfast-steps.yaml"
holdfast -q publish file.yaml
# A run of somebody else. Who writes these Workflows cannot write to the bank; who runs steps of them here can.
holdfast -q step run file.yaml begin --run-id live >said 2>&1 || fail "$(cat said)"
live() { holdfast --json checkpoints show live | grep -q '"state":"protecting"' || fail "$1: a foreign Workflow ended a run"; }
live begin
# LD_DEBUG=help: the loader prints its own help, and starts no program.
holdfast submit file.yaml --dry-run=client | python3 -c 'import json, sys
o = json.load(sys.stdin)
spec = o["spec"]
tasks, parameters = spec["templates"][0]["dag"]["tasks"], spec["arguments"]["parameters"]
def add(task, container):
    tasks.append({"name": task, "template": "of-" + task})
    spec["templates"].append({"name": "of-" + task, "container": {"image": "x", **container}})
add("shell", {"command": ["sh", "-c", "touch " + sys.argv[1]]})
add("fake", {"command": ["holdfast-step.sh"]})
add("version", {"command": ["/opt/holdfast-step"], "args": ["--version"], "env": [{"name": "LD_DEBUG", "value": "help"}]})
given = {p["name"]: p["value"] for p in parameters}
def said(command, run="{{workflow.uid}}", record="", bundle=given["bundle"]):
    return [command, "--provider=" + given["provider"], "--run=" + run, "--record=" + record, "--bundle=" + bundle]
step = "--step={{tasks.name}}"
own = said("run") + [step]
for name, args in {
        "folder": own + ["--provider-config-dir=" + sys.argv[1]], "other": said("run", bundle=64 * "0") + [step],
        "neighbour": ["run", "--provider=q"], "value": ["run", "--provider-config-dir", sys.argv[1]],
        "word": own + [sys.argv[1]], "own": own,
        # Of the run, the record or a step that nobody here has named.
        "ends": said("end", run="live") + ["--status=Failed"], "ends-own": said("end") + ["--status=Failed"],
        "begins": said("begin"), "asks": said("gate") + [step], "says-nothing": [],
        "run": said("run", run="live") + [step], "record": said("run", record="live") + [step], "step": said("run") + ["--step=x"],
        "no-run": ["run", own[1], own[4], step], "no-step": said("run"), "no-provider": ["run"] + own[2:],
        "activity": said("run") + [step, "--resource=X::Disk#a", "--activity=pre"], "operation": own + ["--operation=protect"],
        # Without its value the option would take the --dry-run that is put behind it.
        "end": said("end") + ["--status"], "begin-2": said("begin") + ["--started-by=somebody else"]}.items():
    # Names that a shell, and that env, would take for something else.
    add(name, {"command": ["holdfast-step"], "args": args, "env": [
        {"name": "X;touch${IFS}" + sys.argv[1] + ";", "value": "1"},
        {"name": "--split-string", "value": "touch " + sys.argv[1]}]})
def write(name):
    o["metadata"]["name"] = name
    json.dump(o, open(name + ".json", "w"))
write("foreign")
parameters.append({"name": "run", "value": "live"})
add("parameter", {"command": ["holdfast-step"], "args": said("run", run="{{workflow.parameters.run}}") + [step]})
write("adopted")' "$dir/touched"
post() { # FILE
  curl -sS --fail-with-body -o said -X POST -H "Authorization: Bearer token-of-the-test" --data-binary @"$1" \
    "http://127.0.0.1:$port/apis/argoproj.io/v1alpha1/namespaces/backups/workflows" || fail "$(cat said)"
}
for name in foreign adopted; do post $name.json; done

for step in shell fake; do
  [ "$(code_of said holdfast step run --from-cluster foreign $step)" = 13 ] || fail "$step: $(cat said)"
  grep -q "step $step of foreign runs a program that is not holdfast-step: " said || fail "$(cat said)"
  grep -q "'holdfast step show --from-cluster foreign $step' shows" said || fail "$(cat said)"
done
grep -q 'holdfast-step: holdfast-step.sh' said || fail "the command is not named: $(cat said)"
[ ! -e touched ] || fail "it ran"
holdfast step show --from-cluster foreign shell 2>/dev/null | grep -q "sh -c 'touch $dir/touched'" || fail "show"
# Its own holdfast-step with another's bundle, provider, or folder of providers, whose hooks would run here.
refused() { # STEP WHAT [OPTION...]
  [ "$(code_of said holdfast step run --from-cluster foreign "$1" "${@:3}")" = 13 ] && grep -qF "step $1 of foreign $2" said || fail "$1: $(cat said)"
  live "$1"
}
refused folder 'has an option that is not taken from a cluster, --provider-config-dir: '
refused value 'has an option that is not taken from a cluster, --provider-config-dir: '
refused other 'is of another bundle than its Workflow: '
refused neighbour 'is of another provider than its Workflow: '
refused no-provider 'is of another provider than its Workflow: '
refused word 'has an argument that no step has, '
# What was named here, and nothing else.
uid=$(holdfast --json status foreign | field run run)
refused ends "is called 'end', and not as a step of that name is: "
refused ends-own "is called 'end', "
refused begins "is called 'begin', "
refused begin-2 "is called 'begin', "
refused asks "is called 'gate', "
refused says-nothing "is called '', "
refused run "works in another run than $uid: "
refused run 'works in another run than try: ' --run-id try
refused no-run "works in another run than $uid: "
refused record 'works on another record than its run does, live: '
refused record 'works on another record than its run does, live: ' --record other
refused step 'runs another step, x: '
refused no-step 'runs another step: '
refused activity 'has an option that is not taken from a cluster, --resource: '
refused operation 'has an option that is not taken from a cluster, --operation: '
refused end 'has an option without its value, --status: ' --dry-run
# A run that is said to be its parent's has to be one of its namespace, as ids there are given by the server.
adopted() { # WORKFLOW STEP WHAT
  [ "$(code_of said holdfast step run --from-cluster "$1" "$2")" = 13 ] || fail "$1 $2: $(cat said)"
  grep -qF "step $2 of $1 $3" said && grep -q 'run-id' said || fail "$1 $2: $(cat said)"
  live "$2"
}
adopted adopted parameter 'works in the run live, which is none of its namespace'
adopted adopted end 'would frame a run that it is only a part of'
# One of its namespace, which anybody there can name: a part neither begins nor ends it, and is of its bundle, provider and record.
for change in none record; do
  python3 - $change "$uid" <<'END'
import json, sys
change, uid = sys.argv[1:]
o = json.load(open("adopted.json"))
o["metadata"]["name"] = "part-" + change
for parameter in o["spec"]["arguments"]["parameters"]:
    if parameter["name"] == "run": parameter["value"] = uid
    if parameter["name"] == change: parameter["value"] = "live"
json.dump(o, open("part.json", "w"))
END
  post part.json
done
adopted part-none end 'would frame a run that it is only a part of'
adopted part-record parameter 'is of another bundle, provider or record than the run '
[ "$(code_of said holdfast step run --from-cluster part-none parameter)" != 13 ] || fail "a part of the same: $(cat said)"
[ "$(code_of said holdfast step run --from-cluster adopted parameter --run-id live --dry-run)" != 13 ] || fail "what was named here: $(cat said)"

# What a step of the site's templates says of itself.
real=$(holdfast step list --from-cluster foreign | awk '/ parallel / { print $1; exit }')
for option in --dry-run --activity=parallel --record=other --run-id=try; do
  [ "$(code_of said holdfast step run --from-cluster foreign "$real" --dry-run ${option#--dry-run})" = 20 ] || fail "$option: $(cat said)"
done
[ "$(code_of said holdfast step run --from-cluster foreign own)" = 10 ] || fail "what every step has: $(cat said)"
for step in begin onExit.end; do
  [ "$(code_of said holdfast step run --from-cluster foreign $step --dry-run)" = 0 ] || fail "$step: $(cat said)"
done
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
live the-others
[ "$(code_of said holdfast step run --from-cluster foreign ends --trust-cluster)" = 5 ] || fail "--trust-cluster: $(cat said)"
