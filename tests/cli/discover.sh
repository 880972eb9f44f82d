#!/usr/bin/env bash
# What `holdfast plan discover` refuses and what it lets pass: a cycle is an error that names it, and
# nothing is written; a listing that fails and was allowed to is recorded in the graph, the bundle and the
# checkpoint.
#   discover.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"

# Node b lists c below it, and c lists b. `dependents` of what stands in the file "broken" fails.
cat >nodes.py <<'END'
#!/usr/bin/env python3
import json, os, sys

def result(state="done", **fields):
    print(json.dumps({"message_type": "result", "protocol": 1, "state": state, **fields}))

request = json.loads(sys.stdin.readline())
call, folder = request["call"], request.get("settings", {}).get("folder")
if call == "describe":
    result(plugin={
        "description": "nodes", "types": ["T::Node"], "settings_section": "nodes",
        "settings": {"fields": [{"name": "folder", "type": "string", "required": True}]},
        "operations": {"protect": {"activities": ["parallel"]}, "verify": {"activities": ["parallel"]},
                       "restore": {"empty_on_purpose": True}, "delete": {"empty_on_purpose": True}},
        "protectables": [{"type": "T::Node", "parent_types": ["T::Node"]}]})
elif call == "show":
    result(resource={"id": request["id"]})
elif call == "dependents":
    parent = request["parent"]["id"]
    if open(folder + "/broken").read().strip() == parent:
        result("failed", error={"code": "denied", "message": "nobody may look below " + parent})
    else:
        for child in json.load(open(folder + "/edges")).get(parent, []):
            print(json.dumps({"message_type": "resource", "id": child}))
        result()
else:
    result()
END
chmod +x nodes.py
provider "exec:$dir/nodes.py" <<END
[nodes]
folder = $dir
END
printf 'name: n\nprovider: p\nresources: ["T::Node#a"]\npolicy: {drift: warn}\n' >n.yaml
echo none >broken

echo '{"a": ["b"], "b": ["c"], "c": ["b"]}' >edges
for form in "" --json-lines; do
  code=0
  holdfast plan discover n.yaml $form >out 2>words || code=$?
  [ "$code" = 3 ] || fail "a cycle ended with $code: $(cat out words)"
  grep -qx 'resources depend on each other in a cycle: node b -> node c -> node b' words || fail "$(cat words)"
  grep -q '^help: the plugins that list what is below' words || fail "$(cat words)"
  [ ! -e n.graph.yaml ] && [ ! -e n.graph.jsonl ] || fail "a graph with a cycle was written"
done
code=0
holdfast check n.yaml >out 2>&1 || code=$?
[ "$code" = 3 ] || fail "the preflight of a cycle ended with $code: $(cat out)"
grep -A1 '^FAILED  resources can be listed' out | grep -q 'node b -> node c -> node b' || fail "$(cat out)"

echo '{"a": ["b", "d"], "b": ["c"]}' >edges
echo b >broken
code=0
holdfast plan discover n.yaml >out 2>words || code=$?
[ "$code" = 13 ] || fail "a listing that fails ended with $code"
[ ! -e n.graph.yaml ] || fail "a graph was written although a listing failed"

text='listing T::Node below T::Node#b: .*nobody may look below b'
# shown ID: the list counts the warning (and that of the drift), and show says it, to people and to machines.
shown() {
  holdfast checkpoints list | awk -v id="$1" '$1 == id && $NF == 2 {found = 1} END {exit !found}' ||
    fail "the list does not count it: $(holdfast checkpoints list)"
  holdfast checkpoints show "$1" >show
  grep -q "^checkpoint $1: available, 2 warnings$" show || fail "$(cat show)"
  grep -q "^  resource graph: $text" show || fail "$(cat show)"
  holdfast --json checkpoints show "$1" >show.json
  grep -q "\"graph_warnings\":\[\"$text" show.json || fail "--json does not say it: $(cat show.json)"
}
number=0
for form in "" --json-lines; do
  rm -f n.graph.*
  number=$((number + 1))
  holdfast plan discover n.yaml --allow-missing $form >out 2>words || fail "$(cat words)"
  grep -q "^warning: $text" words || fail "$(cat words)"
  grep -q "$text" n.graph.* || fail "the graph file does not say it: $(cat n.graph.*)"
  holdfast compile protect n.yaml >out 2>words || fail "$(cat words)"
  grep -q "^warning: $text" words || fail "compile does not say it: $(cat words)"
  grep -q "$text" n-protect.bundle/bundle.json || fail "the bundle does not say it"
  holdfast -q run n-protect.yaml >run 2>words || fail "$(cat run words)"
  grep -q "^  resource graph: $text" run || fail "the end of the run does not say it: $(cat run)"
  id=$(holdfast checkpoints list | awk 'NR == 2 {print $1}')
  shown "$id"
done
[ "$(holdfast checkpoints list | wc -l)" = $((number + 1)) ] || fail "$(holdfast checkpoints list)"
# What works on the checkpoint later has no warnings of its own from it.
holdfast -q checkpoints verify "$id" >verified 2>words || fail "$(cat verified words)"
! grep -q 'resource graph:' verified || fail "$(cat verified)"
shown "$id"

# A listing that works again leaves no warning.
echo none >broken
holdfast plan discover n.yaml --allow-missing -o n.graph.yaml >out 2>words
! grep -q warning words n.graph.yaml || fail "$(cat words n.graph.yaml)"

# What the plan names and nobody has is a fault of the plan, at its place.
sed 's/^resources:.*/resources: ["Nobody::Has#x"]/' n.yaml >type.yaml
for command in "plan discover" check; do
  [ "$(code_of words holdfast $command type.yaml)" != 0 ] || fail "$command takes a type without plugin"
  grep -q "type.yaml:[0-9]*:[0-9]*: provider p has no plugin for resources of type Nobody::Has" words || fail "$command: $(cat words)"
done
[ "$(code_of words holdfast plan discover type.yaml)" = 3 ] || fail "$(cat words)"
