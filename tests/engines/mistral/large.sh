#!/usr/bin/env bash
# A plan of many resources: all of it runs to the end over ssh, and every activity ends once.
#   large.sh BUILD_FOLDER disks GROUPS             each group has nine disks: definitions of whole groups
#   large.sh BUILD_FOLDER shared GROUPS TASKS      each has one, and all share another one: definitions of one activity of many groups,
#                                                  of which more can be first than a gate asks for; TASKS a definition
shape=$2 groups=$3 tasks=${4:-200}
. "$(dirname "$0")/scene.sh"
start_mistral
printf '[noop]\ntypes = X::Disk, X::Group\ngraph = %s/n.graph.yaml\ntrace = %s/trace\n' "$dir" "$dir" | provider noop
python3 - "$shape" "$groups" <<'END'
import json, sys
shape, groups = sys.argv[1], int(sys.argv[2])
def disks(group):
    return [f"g{group:02}-d{disk}" for disk in range(9)] if shape == "disks" else [f"g{group:02}-d", "shared"]
names = sorted({disk for group in range(groups) for disk in disks(group)})
resources = [{"type": "X::Disk", "id": name, "name": f"disk {name}"} for name in names]
resources += [{"type": "X::Group", "id": f"g{group:02}", "name": f"group {group}",
               "children": [{"type": "X::Disk", "id": name} for name in disks(group)]} for group in range(groups)]
json.dump({"format": 1, "resources": resources}, open("n.graph.yaml", "w"))
json.dump({"name": "n", "provider": "p", "resources": [f"X::Group#g{group:02}" for group in range(groups)], "policy": {"drift": "ignore"}},
          open("n.yaml", "w"))
open("resources", "w").write(str(len(resources)))
END
resources=$(cat resources)
holdfast -q compile protect n.yaml --engine mistral --max-tasks-per-template "$tasks" -o protect.yaml || fail "compile"
if [ "$shape" = shared ]; then
  grep -q 'more steps than are worth a question' protect.children/*.yaml || fail "each definition has a gate that asks: the case shows nothing"
fi
began=$SECONDS
[ "$(code_of said on submit protect.yaml --watch)" = 0 ] || fail "$(cat said)"
python3 - "$resources" <<'END' || fail "$(tail -3 trace)"
import collections, json, sys
ended = collections.Counter()
for line in open("trace"):
    event = json.loads(line)
    assert event["event"] != "failed", event
    ended[event["resource"], event["activity"]] += event["event"] == "end"
assert len(ended) == 3 * int(sys.argv[1]) and set(ended.values()) == {1}, (len(ended), set(ended.values()))
END
[ "$(grep -c '^done  *X::' said)" = "$resources" ] || fail "a line for each resource: $(grep -c '^done  *X::' said)"
echo "$resources resources, $((3 * resources)) steps in $(find protect.children -name '*.yaml' | wc -l) sub-workflows: $((SECONDS - began)) s"
