#!/usr/bin/env bash
# More than goes into one Workflow: child Workflows in a folder beside the file. The local engine runs them in their
# place, with the same result as one file; a change of one resource changes the files that it is in.
#   child_workflows.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
graph() { # GROUPS
  echo 'format: 1'
  echo 'resources:'
  for g in $(seq 1 "$1"); do
    echo "- {type: 'X::Group', id: g$g, name: group $g, children: [$(for d in 1 2 3 4 5 6; do printf "{type: 'X::Disk', id: g$g-$d}, "; done)]}"
  done
  for g in $(seq 1 "$1"); do
    for d in 1 2 3 4 5 6; do echo "- {type: 'X::Disk', id: g$g-$d, name: disk $g-$d}"; done
  done
}
plan() { # GROUPS
  graph "$1" >n.graph.yaml
  echo "name: n
provider: p
resources: [$(seq -s ', ' -f "'X::Group#g%g'" 1 "$1")]" >n.yaml
}
printf '[noop]\ntypes = X::Disk, X::Group\ngraph = %s/n.graph.yaml\n' "$dir" | provider noop
plan 6
echo 'parameters: {"X::Disk#g3-2": {parallel_fail: true}}' >>n.yaml
holdfast -q compile protect n.yaml -o whole.yaml
cut='--max-tasks-per-template 20 --max-tasks-per-workflow 40'
holdfast compile protect n.yaml -o large.yaml $cut >said 2>&1 || fail "$(cat said)"
grep -q "it starts [0-9]* child Workflows of large.children: on a cluster 'kubectl apply -k large.children' goes before it" said || fail "$(cat said)"
python3 - <<'END' || fail "an object is too large, or not in the index"
import glob, os, yaml
index = yaml.safe_load(open("large.children/kustomization.yaml"))["resources"]
files = sorted(glob.glob("large.children/*.yaml"))
assert sorted(index) == sorted(os.path.basename(f) for f in files if not f.endswith("kustomization.yaml")), index
names = set()
started = []
for f in ["large.yaml"] + ["large.children/" + f for f in index]:
    o = yaml.safe_load(open(f))
    names.add(o["metadata"].get("name"))
    tasks = [t for t in o["spec"]["templates"] for t in t["dag"]["tasks"]]
    assert len(tasks) <= 40, (f, len(tasks))
    for t in tasks:
        ref = t.get("templateRef", {})
        given = {p["name"]: p["value"] for p in t.get("arguments", {}).get("parameters", [])}
        if ref.get("template") == "child": started.append(given["template"])
        if f != "large.yaml" and ref: assert given["run"] == "{{workflow.parameters.run}}", t
    assert f == "large.yaml" or "onExit" not in o["spec"]
assert sorted(started) == sorted(n for n in names if n), started
END
holdfast -q lint large.yaml || fail "lint"
for file in whole large; do
  holdfast --json step list $file.yaml | python3 -c 'import json,sys; print("\n".join(sorted(json.loads(l)["name"] for l in sys.stdin)))' >$file.steps
done
cmp -s whole.steps large.steps || fail "other steps: $(diff whole.steps large.steps)"
disk=$(grep -m1 '^disk-5-3-[0-9a-f]*-par$' large.steps)
holdfast step show large.yaml "$disk" --run-id here | grep -q -- '--run=here ' || fail "another run: $(holdfast step show large.yaml "$disk" --run-id here)"
holdfast explain large.yaml "$disk" | grep -q 'runs only if these succeeded' || fail "explain"

# One disk fails: the rest is done, what is owed is cleaned up, and the verdict is red, in both forms.
for file in whole large; do
  [ "$(code_of run.out holdfast -q run $file.yaml)" = 5 ] || fail "$(cat run.out)"
  holdfast --json checkpoints list | python3 -c 'import json,sys; print(max((json.loads(l) for l in sys.stdin), key=lambda d: d["created"])["id"])' >id
  holdfast --json checkpoints show "$(cat id)" | python3 -c '
import json, sys
for d in map(json.loads, sys.stdin):
    if d["message_type"] == "record-resource":
        print(d["id"], d["state"], [(a["activity"], a["outcome"], a["step"]) for a in d["activities"]])' | sort >$file.outcome
done
cmp -s whole.outcome large.outcome || fail "$(diff whole.outcome large.outcome | head -5)"
[ "$(grep -c . large.outcome)" = 42 ] || fail "$(head -3 large.outcome)"
plan 6
holdfast -q compile protect n.yaml -o large.yaml $cut
holdfast -q run large.yaml >run.out 2>&1 || fail "$(cat run.out)"
holdfast -q checkpoints verify latest >run.out 2>&1 || fail "$(cat run.out)"

# A child that is missing, or of another plan, is said before anything starts.
mv large.children aside
[ "$(code_of said holdfast run large.yaml)" = 3 ] || fail "$(cat said)"
grep -q "there is no WorkflowTemplate 'n-protect-" said || fail "$(cat said)"
mv aside large.children

# One group more: files that it is not in stay as they are. None at all any more: no folder is left.
cp -r large.children before
plan 7
holdfast -q compile protect n.yaml -o large.yaml $cut
same=0
for f in before/*.yaml; do
  if cmp -s "$f" "large.children/$(basename "$f")"; then same=$((same + 1)); fi
done
[ "$same" -ge $(($(ls before | wc -l) * 2 / 3)) ] || fail "of $(ls before | wc -l) files only $same are the same"
echo mine >large.children/notes.txt
holdfast -q compile protect n.yaml -o large.yaml
[ "$(ls large.children)" = notes.txt ] || fail "$(ls large.children)"
rm large.children/notes.txt
holdfast -q compile protect n.yaml -o large.yaml
[ ! -e large.children ] || fail "an empty folder is left"
