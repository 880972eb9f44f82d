#!/usr/bin/env bash
# The real Mistral runs compiled workflows over ssh: protect, restore, verify and delete end well; a failure anywhere fails the run,
# and what was owed is cleaned up. One that is cut into sub-workflows goes the same way.
#   over_ssh.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
start_mistral

succeeds() { # WORKFLOW
  api run "$1" >run 2>&1 || { api tasks "$(cut -d' ' -f1 run | head -1)"; fail "$1: $(cat run)"; }
}

fails() { # WORKFLOW
  api run "$1" >run 2>&1 && fail "$1 succeeded: $(cat run)"
  grep -q 'ERROR$' run || fail "$1 did not end: $(cat run)"
  run=$(cut -d' ' -f1 run | head -1)
}
state_of() { holdfast --json checkpoints list | python3 -c 'import json, sys
for line in sys.stdin:
    o = json.loads(line)
    if o.get("id") == sys.argv[1] or o.get("checkpoint") == sys.argv[1]: print(o["state"])' "$1"; }

post_of() { sed -n "/protect.post/{/Disk#$1\"/{/begin/!s/.*\"event\":\"\([a-z]*\)\".*/\1/p}}" trace; }

# A whole life of a checkpoint.
noop="trace = $dir/trace" disks a b
printf 'name: n\nprovider: p\nresources: ["X::Disk#a", "X::Disk#b"]\npolicy: {drift: ignore}\n' >n.yaml
stored protect.yaml protect n.yaml
succeeds n-protect
holdfast checkpoints list | grep -q available || fail "no checkpoint is available: $(holdfast checkpoints list 2>&1)"
stored verify.yaml verify latest
succeeds n-verify
stored restore.yaml restore latest
succeeds n-restore
stored delete.yaml delete latest
succeeds n-delete
holdfast checkpoints list 2>&1 | grep -q available && fail "the checkpoint is still there"

# A log of each step is where it was told to be, for its user alone.
log=$(find log -name 'begin.log' | head -1)
[ -s "$log" ] || fail "no log of begin: $(find log)"
[ "$(stat -c %a "$log")" = 640 ] || fail "everybody may read $log"

# A failure in an activity: the run fails, the checkpoint is in error, the clean-ups are made.
for kind in pre parallel post; do
  : >trace
  printf 'name: n\nprovider: p\nresources: ["X::Disk#a", "X::Disk#b"]\npolicy: {drift: ignore}\nparameters:\n  "X::Disk#b": {%s_fail: true}\n' $kind >n.yaml
  stored protect.yaml protect n.yaml
  fails n-protect
  [ "$(state_of "$run")" = error ] || fail "$kind: the checkpoint is '$(state_of "$run")'"
  api tasks "$run" >tasks
  grep -q 'message.*failed' tasks || fail "$kind: no task says why: $(cat tasks)"
  # A pre that fails undoes its own work; a post that fails has been called.
  case $kind in pre) wanted="" ;; parallel) wanted=end ;; post) wanted=failed ;; esac
  [ "$(post_of b)" = "$wanted" ] || fail "$kind: the post of b is '$(post_of b)': $(cat trace)"
  [ "$(post_of a)" = end ] || fail "$kind: a has not been cleaned up: $(cat trace)"
done

# What a begin refuses ends the run at once: nobody steps in after it.
stored protect.yaml protect n.yaml
holdfast -q publish --withdraw protect.yaml 2>/dev/null || true
rm -rf "$dir"/bank/t/*/bundles "$dir"/bank/*/bundles
: >trace
fails n-protect
[ ! -s trace ] || fail "steps have run without a begin: $(cat trace)"

# Cut into sub-workflows: the same order, and a group in which nothing can run starts nothing.
ids=$(seq -f d%02g 40)
noop="trace = $dir/trace" disks $ids
printf 'name: n\nprovider: p\nresources: [%s]\npolicy: {drift: ignore}\n' "$(printf '"X::Disk#%s", ' $ids)" >n.yaml
stored cut.yaml protect n.yaml --max-tasks-per-template 30
[ "$(find cut.children -name '*.yaml' | wc -l)" -ge 4 ] || fail "it is not cut"
succeeds n-protect
holdfast checkpoints list | grep -q available || fail "no checkpoint of the cut plan is available"
echo "all went well"
