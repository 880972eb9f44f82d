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
hf step show protect.yaml $step $run --secret-dir "$PWD" | grep -F "HOLDFAST_SECRET_DIR=$PWD " >/dev/null || fail "the folder of secrets is not in the command"
# A folder that is not there is not taken for one that is empty.
for verb in show "run --dry-run"; do
  [ "$(code_of said hf step $verb protect.yaml $step $run --secret-dir protect.yaml)" = 3 ] && grep -q 'no folder' said || fail "a file: $(cat said)"
  for options in "--secret-dir $dir/nowhere" "--provider-config-dir $dir/nowhere"; do
    [ "$(HOLDFAST_PROVIDER_CONFIG_DIR=$dir/providers.d code_of said holdfast step $verb protect.yaml $step $run $options)" = 10 ] && grep -qF "$dir/nowhere" said || fail "$verb $options: $(cat said)"
  done
done
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

# An engine keeps the order; by hand, a step whose followers have run would take its snapshot too late.
name_of() { awk -v kind="$1" '$3 == kind { print $1 }' three.txt; }
run="--run-id order"
hf step run three.yaml begin $run
hf step run three.yaml "$(name_of pre)" $run
hf step run three.yaml "$(name_of post)" $run
before=$(traced parallel)
code=0; hf step run three.yaml "$(name_of parallel)" $run 2>late.err || code=$?
[ $code = 3 ] && grep -q "comes before $(name_of post), which this run has begun already" late.err || fail "too late: $code, $(cat late.err)"
[ "$(traced parallel)" = "$before" ] || fail "a step that comes too late ran"
hf step run three.yaml "$(name_of post)" $run # one that was begun may be run again
code=0; hf step run three.yaml end $run 2>/dev/null || code=$?
[ $code = 5 ] || fail "end of a run without its parallel: $code, not 5"

# A signal is for the step itself: nothing works on behind the command's back.
sed -i 's/parallel_data: 1 KiB/parallel_sleep: 60s/' plan.yaml
hf -q compile protect plan.yaml --fuse none -o slow.yaml
run="--run-id slow"
hf step run slow.yaml begin $run
hf step run slow.yaml "$(name_of pre)" $run
begun=$(grep -c 'protect.parallel.*"event":"begin"' trace)
hf step run slow.yaml "$(name_of parallel)" $run 2>/dev/null &
step=$!
for _ in $(seq 1000); do
  [ "$(grep -c 'protect.parallel.*"event":"begin"' trace)" = "$begun" ] || break
  sleep 0.02
done
kill -TERM $step
code=0; wait $step || code=$?
[ $code = 143 ] || fail "a terminated step ended with $code, not 143"
code=0; hf step run slow.yaml end $run 2>/dev/null || code=$?
[ $code = 5 ] || fail "end of the terminated run: $code, not 5"
