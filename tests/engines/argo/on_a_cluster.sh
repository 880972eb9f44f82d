#!/usr/bin/env bash
# shellcheck disable=SC2317 # functions that are called by their names
# The product as a site has it, on a Kubernetes with Argo that runs pods on this machine: init, protect, restore, a failure, delete,
# stop, resume, a schedule, and a plan so large (for its limits) that parts of it are Workflows of their own.
#   on_a_cluster.sh BUILD_FOLDER RELEASE_BUILD [PART...]     RELEASE_BUILD is where `make image` has run; PARTs are functions below
# The cluster is tests/engines/cluster's, or where these say:
#   HOLDFAST_TEST_KUBECONFIG   a cluster whose one node is this machine: folders of the test are hostPath volumes there
#   HOLDFAST_TEST_IMAGE        the image of the steps by digest, which the node has; RELEASE_BUILD is passed over then
# Exit code 77: there is none, and stderr says why.
release=$(realpath -m "$2") # before the scene goes to another folder
# shellcheck source=tests/cli/scene.sh
. "$(dirname "$0")/../../cli/scene.sh"
parts=("${@:3}")
[ ${#parts[@]} -gt 0 ] || parts=(protects fails restores deletes stops_and_resumes tries_again collects_garbage follows_a_schedule
  runs_children stops_children)
cluster=$here/../cluster/cluster.sh
skip() { echo "skipped: $*" >&2; exit 77; }
[ "$(id -u)" = 0 ] || skip "steps run as a user of their own, whose folders root alone can make"
leave() {
  [ ! -e "$dir/cluster" ] || "$cluster" stop "$dir/cluster"
  rm -rf "$dir"
}
trap leave EXIT
if [ -n "${HOLDFAST_TEST_KUBECONFIG:-}" ]; then
  [ -n "${HOLDFAST_TEST_IMAGE:-}" ] || skip "no image (HOLDFAST_TEST_IMAGE is not set)"
  config=$(realpath "$HOLDFAST_TEST_KUBECONFIG")
  image=$HOLDFAST_TEST_IMAGE
else
  what=$("$cluster" missing) || skip "no cluster: $what"
  archive=$(echo "$release"/holdfast-step-*.oci.tar)
  [ -f "$archive" ] || skip "no image $archive: make image"
  code=0
  TMPDIR=/tmp "$cluster" start "$dir/cluster" $$ "$archive" || code=$?
  [ $code != 77 ] || exit 77
  [ $code = 0 ] || fail "the cluster does not start"
  config=$dir/cluster/kubeconfig
  name=$(tar -xOf "$archive" index.json | sed -nE 's/.*"io.containerd.image.name": "([^"]*)".*/\1/p')
  image=${name%:*}@$(tar -xOf "$archive" index.json | grep -o '"digest": "sha256:[0-9a-f]*"' | head -1 | cut -d '"' -f 4)
fi
kubernetes=${XDG_CACHE_HOME:-$HOME/.cache}/holdfast-tests/bin/kubernetes
kubectl() { command "${kubernetes_kubectl[@]}" "$@"; }
kubernetes_kubectl=(kubectl)
[ ! -x "$kubernetes" ] || kubernetes_kubectl=("$kubernetes" kubectl)

# --- A site. Whoever works with a bank that is a folder is the user of its steps ---
chmod 755 "$dir"
KUBECONFIG=$config kubectl config view --raw --flatten >kubeconfig
namespace=$(KUBECONFIG=$config kubectl config view --minify -o 'jsonpath={..namespace}')
export KUBECONFIG=$dir/kubeconfig HOME=$dir HOLDFAST_ARGO_WATCH_SECONDS=60
step_user=10001
holdfast() { setpriv --reuid=$step_user --regid=$step_user --clear-groups -- "$build/bin/holdfast" "$@"; }
mkdir -p srv/data/deep srv/more files
head -c 2000000 /dev/urandom >srv/data/deep/random
echo précieux >srv/data/Straße
: >srv/log
ln -s deep/random srv/data/link
echo more >srv/more/file
chmod 640 srv/more/file
cat >inventory.yaml <<END
applications:
- id: shop
  volume: {hostPath: $dir/srv, path: $dir/srv}
  quiesce: [sh, -c, 'echo rests >>$dir/srv/log']
  resume: [sh, -c, 'echo goes on >>$dir/srv/log']
  directories: [{id: data, path: $dir/srv/data}, {id: more, path: $dir/srv/more}]
- id: broken
  volume: {hostPath: $dir/srv, path: $dir/srv}
  quiesce: [sh, -c, 'echo rests >>$dir/srv/log']
  resume: [sh, -c, 'echo goes on >>$dir/srv/log']
  directories: [{id: gone, path: $dir/srv/gone}]
END
printf '[local]\ninventory = %s/inventory.yaml\n' "$dir" | provider local-application local-directory
printf '[noop]\ntypes = X::Disk\ngraph = %s/disks.graph.yaml\n' "$dir" | provider_called q 0b0f6b1e-53f6-4f5c-9d0e-0f0a6d1d7a02 noop
chown -R -h $step_user:$step_user srv bank files tmp kubeconfig inventory.yaml providers.d .
cd files
holdfast -q init argo site --bank "hostPath:$dir/bank" --image "$image" --run-as $step_user --namespace "$namespace" >said || fail "init"
holdfast -q lint site/*.yaml || fail "lint of the site"
kubectl apply -k site >applied 2>&1 || fail "$(cat applied)"
field() { python3 -c 'import json, sys
for line in sys.stdin:
    o = json.loads(line)
    if o["message_type"] == sys.argv[1]: print(o.get(sys.argv[2], ""))' "$@"; }
# Why something is not as it should be, as far as the cluster knows.
say_why() { # WORKFLOW
  holdfast status "$1" || true
  kubectl get pods -o wide | tail -20
  kubectl get events --sort-by=.lastTimestamp | tail -15
  kubectl get workflow "$1" -o 'jsonpath={.status.phase} {.status.message}{"\n"}{range .status.nodes.*}{.displayName} {.phase} {.message}{"\n"}{end}' || true
}
# Waits for it.
within() { # SECONDS COMMAND...
  local end=$((SECONDS + $1))
  until "${@:2}"; do
    [ $SECONDS -lt $end ] || fail "not within $1 s: ${*:2}: $(say_why "$name")"
    sleep 0.5
  done
}
some_pods() { [ -n "$(kubectl get pods -o name "$@")" ]; }
# As grep -q, but reads to the end: who writes is not to fail.
has() { grep "$1" >/dev/null; }
state_of() { holdfast --json status "$1" | field run state; }
step_runs() { holdfast --json status "$1" | grep "\"step\":\"$2" | has Running; } # WORKFLOW PATTERN
# Submits and watches; the run's workflow is $name then, its id $run.
submit() { # CODE FILE [OPTION...]
  local code=0
  holdfast --json submit "${@:2}" --watch >"lines" 2>said || code=$?
  name=$(field run-submitted workflow <lines)
  run=$(field run-submitted run <lines)
  [ $code = "$1" ] || fail "the verdict of $2 is $code, not $1: $(tail -5 lines said; [ -z "$name" ] || say_why "$name")"
}
shop_plan() { # NAME RESOURCE [PARAMETERS OF DIRECTORIES]
  printf 'name: %s\nprovider: p\nresources: ["%s"]\nparameters: {"Local::Directory": {snapshot: none%s}}\n' "$1" "$2" "${3:+, $3}" >"$1.yaml"
  holdfast -q plan discover "$1.yaml"
}

protects() {
  shop_plan shop 'Local::Application#shop'
  holdfast -q compile protect shop.yaml
  : >../srv/log
  holdfast -q submit shop-protect.yaml --dry-run=server >/dev/null || fail "the server refuses it"
  name=$(holdfast -q submit shop-protect.yaml)
  run=$(holdfast --json status "$name" | field run run)
  # A step is a pod with no rights, no token and nothing that it may write to but its volumes. (Pods go when the run has succeeded.)
  within 180 some_pods -l holdfast/step
  kubectl get pods -l holdfast/step -o json >pods.json
  python3 - pods.json <<'END'
import json, sys
pods = json.load(open(sys.argv[1]))["items"]
assert pods, "no pod is left, or none has the label of its step"
for pod in pods:
    spec = pod["spec"]
    main = next(c for c in spec["containers"] if c["name"] == "main")
    assert spec["serviceAccountName"] == "holdfast-step" and spec["automountServiceAccountToken"] is False, spec
    assert not any("serviceaccount" in m["mountPath"] for m in main["volumeMounts"]), main
    assert main["securityContext"]["readOnlyRootFilesystem"] and main["securityContext"]["capabilities"]["drop"] == ["ALL"]
    assert "{{" not in pod["metadata"]["labels"]["holdfast/step"], pod["metadata"]["labels"]
END
  holdfast watch "$name" >said 2>&1 || fail "$(cat said; say_why "$name")"
  [ "$(state_of "$run")" = succeeded ] || fail "$(holdfast status "$run")"
  [ "$(tr '\n' , <../srv/log)" = "rests,goes on," ] || fail "the hooks: $(cat ../srv/log)"
  holdfast checkpoints verify "$run" -p p >said 2>&1 || fail "$(cat said)"
  checkpoint=$run
}

fails() {
  mkdir -p ../srv/gone
  shop_plan broken 'Local::Application#broken'
  holdfast -q compile protect broken.yaml
  rmdir ../srv/gone
  : >../srv/log
  submit 5 broken-protect.yaml
  [ "$(tr '\n' , <../srv/log)" = "rests,goes on," ] || fail "the hooks: $(cat ../srv/log)"
  holdfast -q logs "$name" begin | has '"message_type":"log"' || fail "no log of begin: $(holdfast logs "$name" begin)"
  holdfast watch "$name" >said 2>&1 || true
  grep -q '^FAILED .*gone: parallel: ' said || fail "why it failed is in the journal: $(cat said)"
  step=$(holdfast step list --from-cluster "$name" | awk '/gone/ && /parallel/ { print $1; exit }')
  holdfast -q logs "$name" "$step" | has '"level":"error"' || fail "$(holdfast -q logs "$name" "$step")"
}

restores() {
  cp -a ../srv ../expected
  rm -rf ../srv/data ../srv/more
  holdfast -q compile restore "$checkpoint" -p p -o restore.yaml
  submit 0 restore.yaml
  for tree in data more; do
    diff -r --no-dereference "../expected/$tree" "../srv/$tree" || fail "$tree is not what was protected"
  done
  rm -rf ../expected
}

deletes() {
  holdfast -q compile delete "$checkpoint" -p p -o delete.yaml
  submit 0 delete.yaml
  ! holdfast --json checkpoints list -p p | has "\"$checkpoint\".*available" || fail "it is still there"
}

stops_and_resumes() {
  shop_plan slow 'Local::Application#shop' 'rate_limit: 40 kB'
  holdfast -q compile protect slow.yaml
  : >../srv/log
  name=$(holdfast -q submit slow-protect.yaml)
  run=$(holdfast --json status "$name" | field run run)
  within 180 step_runs "$name" 'data-[0-9a-f]*-par'
  sleep 3
  holdfast stop "$name" >said 2>&1 || fail "$(cat said; say_why "$name")"
  code=0
  holdfast watch "$name" >said 2>&1 || code=$?
  [ $code = 6 ] || fail "the verdict of what was stopped is $code: $(cat said; say_why "$name")"
  [ "$(tr '\n' , <../srv/log)" = "rests,goes on," ] || fail "what is owed after a stop: $(cat ../srv/log; say_why "$name")"
  holdfast --json resume "$name" --watch >lines 2>said || fail "$(tail -5 lines said)"
  [ "$(field run-ended record <lines)" = "$run" ] || fail "it worked on another record: $(cat lines)"
  holdfast checkpoints verify "$run" -p p >said 2>&1 || fail "$(cat said)"
}

# A plan of the disks a and b.
two_disks() { # NAME PARAMETERS OF b
  printf "format: 1\nresources:\n- {type: 'X::Disk', id: a, name: a}\n- {type: 'X::Disk', id: b, name: b}\n" >"$1.graph.yaml"
  printf 'name: %s\nprovider: q\nresources: ["X::Disk#a", "X::Disk#b"]\npolicy: {drift: ignore}\nparameters: {"X::Disk#b": {%s}}\n' "$@" >"$1.yaml"
  holdfast -q compile protect "$1.yaml"
}

# A step that is killed is tried again, and so is one that asks for it.
tries_again() {
  two_disks killed 'parallel_die: middle, post_exit: 75'
  submit 0 killed-protect.yaml
  # More than once, as another pod cannot see that the first one is dead: it waits until the claim of the step is old enough.
  holdfast --json status "$name" | python3 -c 'import json, sys
steps = {o["step"]: o["tries"] for o in map(json.loads, sys.stdin) if o["message_type"] == "step"}
for name, tries in steps.items():
    again = name.startswith("b-") and name.endswith(("-par", "-post"))
    assert (tries > 1) == again, steps' || fail "what was tried how often"
}

# Everything is ended at once; what is owed then is the garbage collection's. That of the cluster, in a pod of its own, cannot know
# that nobody works on it any more until its lease has run out; told which run is meant it need not.
collects_garbage() {
  two_disks ended 'parallel_sleep: 100s'
  name=$(holdfast -q submit ended-protect.yaml)
  run=$(holdfast --json status "$name" | field run run)
  within 180 step_runs "$name" 'b-[0-9a-f]*-par'
  holdfast stop --terminate "$name" >said 2>&1 || fail "$(cat said; say_why "$name")"
  record_is() { holdfast --json checkpoints show "$run" -p q | has "\"state\":\"$1\""; }
  record_is protecting || fail "it was cleaned up: $(holdfast checkpoints show "$run" -p q)"
  kubectl get cronworkflow holdfast-gc -o json | python3 -c 'import json, sys
spec = json.load(sys.stdin)["spec"]["workflowSpec"]
json.dump({"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "gc-now"}, "spec": spec}, sys.stdout)' >gc.json
  kubectl create -f gc.json >/dev/null
  gc_has_ended() { [[ "$(kubectl get workflow gc-now -o 'jsonpath={.status.phase}')" = @(Succeeded|Failed|Error) ]]; }
  within 300 gc_has_ended
  [ "$(kubectl get workflow gc-now -o 'jsonpath={.status.phase}')" = Succeeded ] || fail "$(say_why gc-now)"
  kubectl logs -l app.kubernetes.io/component=gc -c main | has "waits .*$run" || fail "$(kubectl logs -l app.kubernetes.io/component=gc -c main)"
  holdfast gc -p q --run "$run" >said 2>&1 || fail "$(cat said)"
  record_is error || fail "it is owed still: $(holdfast checkpoints show "$run" -p q; cat said)"
}

follows_a_schedule() {
  shop_plan nightly 'Local::Application#shop'
  echo 'schedule: {cron: "* * * * *", timezone: Europe/Berlin}' >>nightly.yaml
  holdfast -q compile protect nightly.yaml --kind template
  holdfast -q publish nightly-protect.yaml || fail "publish"
  kubectl apply -f nightly-protect.yaml -f nightly-protect.schedule.yaml >applied 2>&1 || fail "$(cat applied)"
  of_schedule=(-l workflows.argoproj.io/cron-workflow=nightly-protect)
  some_workflows() { [ -n "$(kubectl get workflows -o name "$@")" ]; }
  within 120 some_workflows "${of_schedule[@]}"
  name=$(kubectl get workflows "${of_schedule[@]}" -o 'jsonpath={.items[0].metadata.name}')
  kubectl delete -f nightly-protect.schedule.yaml --cascade=orphan >/dev/null
  holdfast watch "$name" >said 2>&1 || fail "$(cat said; say_why "$name")"
  # A template is started by hand, too.
  submit 0 nightly-protect.yaml
}

# A plan of disks, cut into children.
disks_plan() { # NAME PARAMETERS
  {
    printf 'format: 1\nresources:\n'
    for n in $(seq -f d%02g 1 30); do echo "- {type: 'X::Disk', id: $n, name: $n}"; done
  } >../disks.graph.yaml
  cp ../disks.graph.yaml "$1.graph.yaml"
  printf 'name: %s\nprovider: q\nresources: [%s]\npolicy: {drift: ignore, parallelism: 6}\nparameters: {"X::Disk": {%s}}\n' "$1" \
    "$(seq -s ', ' -f '"X::Disk#d%02g"' 1 30)" "$2" >"$1.yaml"
  holdfast -q compile protect "$1.yaml" --fuse leaf --max-tasks-per-template 20 --max-tasks-per-workflow 22
  [ "$(find "$1-protect.children" -name '[0-9a-f]*.yaml' | wc -l)" -ge 2 ] || fail "it has no children"
  kubectl apply -k "$1-protect.children" >applied 2>&1 || fail "$(cat applied)"
}

runs_children() {
  disks_plan many 'parallel_data: 1 kB'
  submit 0 many-protect.yaml
  [ "$(kubectl get workflows -l "holdfast/run=$run" -o name | wc -l)" -ge 2 ] || fail "there are no children"
  [ "$(holdfast step list --from-cluster "$name" | grep -c X::Disk)" = 30 ] || fail "$(holdfast step list --from-cluster "$name")"
  holdfast checkpoints verify "$run" -p q >said 2>&1 || fail "$(cat said)"
  # One that fails: so does its child, and the run.
  disks_plan one-fails 'parallel_data: 1 kB}, "X::Disk#d17": {parallel_fail: true'
  submit 5 one-fails-protect.yaml
}

stops_children() {
  disks_plan slow-disks 'parallel_sleep: 100s'
  name=$(holdfast -q submit slow-disks-protect.yaml)
  run=$(holdfast --json status "$name" | field run run)
  running_pods() { [ "$(kubectl get pods -l holdfast/step --field-selector status.phase=Running -o name | wc -l)" -ge "$1" ]; }
  within 180 running_pods 3
  holdfast stop "$name" >said 2>&1 || fail "$(cat said; say_why "$name")"
  code=0
  holdfast watch "$name" >said 2>&1 || code=$?
  [ $code = 6 ] || fail "the verdict of what was stopped is $code: $(cat said; say_why "$name")"
  for child in $(kubectl get workflows -l "holdfast/run=$run" -o 'jsonpath={.items[*].metadata.name}'); do
    [ "$(state_of "$child")" != running ] || fail "a child runs on: $(say_why "$child")"
  done
  holdfast -q logs "$name" end | has 'stops the child Workflow' || fail "$(holdfast -q logs "$name" end)"
  [ -z "$(kubectl get pods -l holdfast/step --field-selector status.phase=Running -o name)" ] || fail "$(kubectl get pods)"
}

for part in "${parts[@]}"; do
  began=$SECONDS
  "$part"
  echo "$part: $((SECONDS - began)) s"
done
