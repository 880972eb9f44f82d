#!/usr/bin/env bash
# A workflow's steps, listed, shown and run one by one by hand, also a single activity of a fused step:
# with the provider folder that the caller names, whatever the templates set.
#   step_by_hand.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
export HOLDFAST_PROVIDER_CONFIG_DIR=/nowhere
hf() { holdfast --provider-config-dir "$dir/providers.d" "$@"; }
provider noop <<END
[noop]
types = T::Volume
activities = pre, parallel, post
trace = $dir/trace
END
printf 'format: 1\nresources:\n- {type: "T::Volume", id: one, name: one}\n' >plan.graph.yaml
printf 'name: hand\nprovider: p\nresources: ["T::Volume#one"]\nparameters: {"T::Volume": {parallel_data: 1 KiB}}\npolicy: {drift: ignore, fuse: leaf}\n' >plan.yaml
hf -q compile protect plan.yaml -o protect.yaml
step=$(hf step list protect.yaml | awk '$3 == "pre+parallel+post" { print $1 }')
[ -n "$step" ] || fail "the fused step is not in the list"
# Each step with its operation, what it comes after, and its gates.
hf -q compile protect plan.yaml --fuse none -o three.yaml
hf step list three.yaml >three.txt
head -1 three.txt | grep -qE '^STEP +OPERATION +ACTIVITIES +RESOURCE +ORDER +GATES$' || fail "$(cat three.txt)"
hf --json step list three.yaml | python3 -c '
import json, sys
rows = [line.rstrip("\n") for line in open("three.txt")]
start = {name: rows[0].index(name) for name in rows[0].split()}
def cell(row, name, after): return row[start[name]:start.get(after)].split()
steps = [d for d in map(json.loads, sys.stdin) if d["message_type"] == "step"]
assert len(steps) == len(rows) - 1 and any(s["order"] for s in steps), rows
for step, row in zip(steps, rows[1:]):
    assert cell(row, "OPERATION", "ACTIVITIES") == [step["operation"]], row
    assert cell(row, "ORDER", "GATES") == step["order"], row
    assert cell(row, "GATES", None) == step["gates"], row' || fail "$(cat three.txt)"
traced() { grep -c "protect.$1.*\"event\":\"end\"" trace 2>/dev/null || true; } # none yet: 0

run="--run-id by-hand"
said=$(hf step run protect.yaml $step $run 2>&1) && fail "a step of a run that never began succeeded"
[[ "$said" == *"step run FILE begin"* ]] || fail "nothing says that begin puts the bundle into the bank: $said"
# One that lost its onExit would have no verdict: nothing of it starts.
sed '/onExit/d' protect.yaml >bare.yaml
cp -r protect.bundle bare.bundle
code=0; hf run bare.yaml 2>bare.err || code=$?
[ $code = 3 ] && grep -q "bare.yaml:[0-9]*:[0-9]*: 'onExit' is missing" bare.err || fail "without onExit: $code, $(cat bare.err)"
# On a file that nobody has run: begin finds its bundle. What the provider warns of is said once.
sed -i 's/^plugin = noop/&\nplugin = karbor-server-protection-plugin/' providers.d/p.conf
hf step run protect.yaml begin $run 2>begin.err
[ "$(grep -c 'known, but not built in' begin.err)" = 1 ] || fail "a warning is not said once: $(cat begin.err)"
sed -i '/karbor-server/d' providers.d/p.conf
# What does not fit the step is refused, not passed over.
command=$(hf step show protect.yaml $step $run)
sh -c "$command --operation=delete" 2>/dev/null && fail "a protect step ran as one of delete"
code=0; sh -c "$command --activity=post" 2>/dev/null || code=$?
[ $code = 2 ] || fail "--activity without --resource: exit code $code, not 2"
[ ! -e trace ] || fail "something ran"
hf step run protect.yaml $step $run --activity parallel && fail "parallel ran before its pre"
[ -z "$(traced parallel)" ] || [ "$(traced parallel)" = 0 ] || fail "parallel worked although it was refused"
hf step run protect.yaml $step $run --activity pre
[ "$(traced pre)" = 1 ] || fail "pre did not run, or not alone"
[ "$(traced parallel)" = 0 ] || fail "parallel ran with pre"
# What `show` prints is what a shell can run.
command=$(hf step show protect.yaml $step $run)
sh -c "$command" 2>/dev/null
[ "$(traced pre)" = 1 ] || fail "pre ran twice"
[ "$(traced parallel)" = 1 ] && [ "$(traced post)" = 1 ] || fail "the rest of the step did not run"
hf step run protect.yaml $step $run 2>/dev/null
[ "$(traced parallel)" = 1 ] || fail "a step that is done worked again"
hf step run protect.yaml end $run
[ "$(hf --json checkpoints show by-hand | grep -c '"state":"available"')" -ge 1 ] || fail "by-hand is not available"
