#!/usr/bin/env bash
# Names and ids that would be expressions, commands or YAML go through real executions of Mistral, and nothing of them is
# interpreted: neither by Mistral, nor by the shell that its ssh action starts, nor in what a failing step reports.
#   injection.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
start_mistral
printf '[noop]\ntypes = X::Disk\ngraph = %s/n.graph.yaml\ntrace = %s/trace\n' "$dir" "$dir" | provider noop
python3 - "$dir" <<'END'
import json, sys
touch = sys.argv[1] + "/interpreted"
corpus = [
    # YAQL and Jinja, as Mistral reads them.
    "<% $.secret %>", "<% env().get(holdfast_key_file) %>", "<% execution().id %>", "<%", "%>", "<% 1/0 %>", "{{ _.run }}", "{{", "}}",
    "{% raw %}{{x}}{% endraw %}", "{# x #}", "{{ env() }}", "<% tasks(execution().id).len() %> {{ 7*7 }}",
    # Shells.
    f"$(touch {touch})", f"`touch {touch}`", f"; touch {touch} #", f"' ; touch {touch} ; '", f'" ; touch {touch} ; "', f"| touch {touch}",
    f"\n touch {touch}\n", f"& touch {touch} &", "$HOME", "${PATH}", "*", "?", "~", "-- --help", "--report", "\\", "\\'", "'\\''",
    # YAML.
    "\"", "'", "a\"b'c\\", "&anchor *alias", "*alias", "&a", "!!python/object/apply:os.system [\"id\"]", "# comment", "x # comment", "key: value",
    "key: |\n  evil", "---", "\n---\nversion: '2.0'\nevil:\n  tasks: {}\n", "- - -", "{a: b}", "[a, b]", "@at", "%percent", "null", "yes", "\t tab",
    # Words of Mistral and of ours.
    "noop", "fail", "succeed", "pause", "begin", "end", "gate", "verdict", "holdfast.step", "{\"exit\":0}", "../../etc/passwd", "\u65e5\u672c\u8a9e \U0001f600",
]
resources = [{"type": "X::Disk", "id": f"{i:03}{text}", "name": corpus[(i + len(corpus) // 2) % len(corpus)]} for i, text in enumerate(corpus)]
dump = lambda value, path: json.dump(value, open(path, "w", encoding="utf-8"), ensure_ascii=False)  # YAML has no surrogates
dump({"format": 1, "resources": resources}, "n.graph.yaml")
keys = ["X::Disk#" + r["id"] for r in resources]
plan = {"name": "n", "provider": "p", "resources": keys, "policy": {"drift": "ignore", "parallelism": 8}}
dump(plan, "good.yaml")
# Every second one fails, with a reason that names it.
dump(dict(plan, parameters={key: {"parallel_fail": True} for key in keys[::2]}), "bad.yaml")
dump(keys, "keys.json")
END
cp n.graph.yaml good.graph.yaml; cp n.graph.yaml bad.graph.yaml

runs() { # PLAN CODE
  : >trace
  holdfast -q compile protect $1.yaml --engine mistral --max-tasks-per-template 60 -o $1-protect.yaml >said 2>&1 || fail "compile: $(cat said)"
  holdfast -q lint $1-protect.yaml $1-protect.children/*.yaml --engine mistral >said 2>&1 || fail "lint: $(cat said)"
  holdfast -q verify-workflow $1-protect.yaml >said 2>&1 || fail "verify-workflow: $(cat said)"
  [ "$(code_of said on submit $1-protect.yaml --watch)" = "$2" ] || fail "$1: $(cat said)"
  [ ! -e interpreted ] || fail "a shell has run a name"
  # Each resource, as it is called, has had each activity once; of one that fails its clean-up, too.
  python3 - $2 <<'END' || fail "$(tail -5 trace)"
import collections, json, sys
ended = collections.Counter()
for line in open("trace"):
    event = json.loads(line)
    if event["event"] in ("end", "failed"): ended[event["resource"], event["activity"], event["event"]] += 1
keys = json.load(open("keys.json", encoding="utf-8"))
for i, key in enumerate(keys):
    failed = sys.argv[1] != "0" and i % 2 == 0
    for activity in ("protect.pre", "protect.parallel", "protect.post"):
        how = "failed" if failed and activity == "protect.parallel" else "end"
        assert ended.pop((key, activity, how), 0) == 1, (key, activity, how)
assert not ended, ended
END
}
runs bad 5
half=$(python3 -c 'import json; print(len(json.load(open("keys.json"))[::2]))')
[ "$(grep -c '^FAILED  *X::Disk' said)" = "$half" ] || fail "a line for each of $half that failed: $(cat said)"
# With the full counts: all of them well, and a restore of what was protected.
if [ "${HOLDFAST_MISTRAL_RUNS:-10}" -ge 50 ]; then
  runs good 0
  available='[o["id"] for o in map(json.loads, sys.stdin) if o.get("state") == "available"][0]'
  good=$(holdfast --json checkpoints list | python3 -c "import json, sys; print($available)")
  holdfast -q compile restore "$good" --engine mistral -o restore.yaml >said 2>&1 || fail "$(cat said)"
  [ "$(code_of said on submit restore.yaml --watch)" = 0 ] || fail "restore: $(cat said)"
  [ ! -e interpreted ] || fail "a shell has run a name"
fi
echo "all went well"
