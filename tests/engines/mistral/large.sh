#!/usr/bin/env bash
# A plan of many resources, in groups with disks below: all of it runs to the end over ssh, and every activity ends once.
#   large.sh BUILD_FOLDER [RESOURCES]
resources=${2:-300}
. "$(dirname "$0")/scene.sh"
start_mistral
printf '[noop]\ntypes = X::Disk, X::Group\ngraph = %s/n.graph.yaml\ntrace = %s/trace\n' "$dir" "$dir" | provider noop
# Each group has nine disks.
python3 - "$resources" <<'END'
import json, sys
groups = int(sys.argv[1]) // 10
disk = lambda g, d: {"type": "X::Disk", "id": f"g{g:02}-d{d}"}
resources = [dict(disk(g, d), name=f"disk {d} of {g}") for g in range(groups) for d in range(9)]
resources += [{"type": "X::Group", "id": f"g{g:02}", "name": f"group {g}", "children": [disk(g, d) for d in range(9)]} for g in range(groups)]
json.dump({"format": 1, "resources": resources}, open("n.graph.yaml", "w"))
json.dump({"name": "n", "provider": "p", "resources": [f"X::Group#g{g:02}" for g in range(groups)], "policy": {"drift": "ignore"}}, open("n.yaml", "w"))
END
holdfast -q compile protect n.yaml --engine mistral -o protect.yaml || fail "compile"
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
