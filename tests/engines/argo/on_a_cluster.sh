#!/usr/bin/env bash
# shellcheck disable=SC2317 # functions that are called by their names
# The product as a site has it, on a Kubernetes with Argo that runs pods on this machine: init, protect, restore, delete, a failure in each
# activity, stop, resume, a schedule, claims, a pod to type in, and a plan so large (for its limits) that parts of it are Workflows of their own.
#   on_a_cluster.sh BUILD_FOLDER RELEASE_BUILD [PART...]     RELEASE_BUILD is where `make image` has run; PARTs are functions below
# Which cluster and which image: site.sh.
# Exit code 77: there is none, and stderr says why. What could not be tried on this one is said at the end.
release=$(realpath -m "$2") # before the scene goes to another folder
# shellcheck source=tests/cli/scene.sh
. "$(dirname "$0")/../../cli/scene.sh"
# shellcheck source=tests/engines/argo/site.sh
. "$here/site.sh"
parts=("${@:3}")
[ ${#parts[@]} -gt 0 ] || parts=(keeps_to_claims works_at_a_desk applies_a_network_policy protects fails restores deletes fails_in_each_activity
  stops_and_resumes tries_again collects_garbage follows_a_schedule runs_children stops_children)
not_tried=()
leave() {
  local code=$?
  set +e # what cannot be removed keeps nothing else from being removed
  if [ -n "${HOLDFAST_TEST_KUBECONFIG:-}" ]; then remove_what_was_made; fi
  close_cluster "$dir" "$dir/files/site"
  # Nothing uses them any more.
  [ -z "${HOLDFAST_TEST_KUBECONFIG:-}" ] || [ -z "${claims:-}" ] ||
    kubectl delete --ignore-not-found pvc/holdfast-bank pvc/holdfast-more pv/"$namespace-holdfast-bank" pv/"$namespace-holdfast-more" >/dev/null
  rm -rf "$dir"
  exit $code
}
# Of a cluster that stays: what is not the site's and has no label of ours. The rest goes with what owns it.
remove_what_was_made() {
  [ -n "${namespace:-}" ] || return 0
  kubectl delete --ignore-not-found pod/holdfast-desk serviceaccount/holdfast-client role/holdfast-client rolebinding/holdfast-client \
    workflow/gc-now cronworkflow/nightly-protect workflowtemplate/nightly-protect >/dev/null
  kubectl delete --ignore-not-found workflows -l workflows.argoproj.io/cron-workflow=nightly-protect >/dev/null
  kubectl delete --ignore-not-found workflowtemplates -l holdfast/workflow >/dev/null
}
trap leave EXIT
open_cluster "$dir" "$release"

# --- A site. Whoever works with a bank that is a folder is the user of its steps ---
chmod 755 "$dir"
export HOME=$dir HOLDFAST_ARGO_WATCH_SECONDS=60
holdfast() { as_step_user "$build/bin/holdfast" "$@"; }
mkdir -p srv/data/deep more/more files
head -c 2000000 /dev/urandom >srv/data/deep/random
echo précieux >srv/data/Straße
: >srv/log
ln -s deep/random srv/data/link
echo more >more/more/file

# A claim on a folder of the node, as an administrator makes one by hand. (Of kind local: Kubernetes gives it to a group, fsGroup, as it
# does with a disk, and a hostPath not.)
make_claim() { # NAME FOLDER
  kubectl create -f - <<END
apiVersion: v1
kind: PersistentVolume
metadata: {name: $namespace-$1}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  storageClassName: ""
  claimRef: {namespace: $namespace, name: $1}
  local: {path: $2}
  nodeAffinity:
    required:
      nodeSelectorTerms:
      - matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: ["$node"]}]
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: $1, namespace: $namespace}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: ""
  volumeName: $namespace-$1
  resources: {requests: {storage: 1Gi}}
END
}
node=$(kubectl get nodes -o 'jsonpath={.items[0].metadata.labels.kubernetes\.io/hostname}')
bank_volume=claim:holdfast-bank more_volume="{claim: holdfast-more, path: $dir/more}" claims=yes
if ! { make_claim holdfast-bank "$dir/bank" && make_claim holdfast-more "$dir/more"; } >said 2>&1; then
  bank_volume=hostPath:$dir/bank more_volume="{hostPath: $dir/more, path: $dir/more}" claims=""
  no_claims=$(cat said)
fi
cat >inventory.yaml <<END
applications:
- id: shop
  volume: {hostPath: $dir/srv, path: $dir/srv}
  quiesce: [sh, -c, 'echo rests >>$dir/srv/log']
  resume: [sh, -c, 'echo goes on >>$dir/srv/log']
  directories: [{id: data, path: $dir/srv/data}, {id: more, path: $dir/more/more, volume: $more_volume}]
- id: broken
  volume: {hostPath: $dir/srv, path: $dir/srv}
  quiesce: [sh, -c, 'echo rests >>$dir/srv/log']
  resume: [sh, -c, 'echo goes on >>$dir/srv/log']
  directories: [{id: gone, path: $dir/srv/gone}]
END
printf '[local]\ninventory = %s/inventory.yaml\n' "$dir" | provider local-application local-directory
printf '[noop]\ntypes = X::Disk\ngraph = %s/disks.graph.yaml\n' "$dir" | provider_called q 0b0f6b1e-53f6-4f5c-9d0e-0f0a6d1d7a02 noop
printf '[noop]\ntypes = Y::Group, Y::Disk\nactivities = protect, restore.parallel, verify.parallel, delete.parallel\n' | provider_called r 0b0f6b1e-53f6-4f5c-9d0e-0f0a6d1d7a03 noop
hand_to_steps srv more bank files tmp kubeconfig inventory.yaml providers.d .
# A bank as a new disk has it, and data of another group than the steps'.
foreign_group=20002
if [ "$(id -u)" = 0 ]; then
  [ -z "$claims" ] || chown root:root bank
  chgrp -R $foreign_group more
fi
chmod 644 more/more/file
cd files
holdfast -q init argo site --bank "$bank_volume" --image "$image" --run-as "$step_user:$step_group" --namespace "$namespace" >said || fail "init"
holdfast -q lint site/*.yaml || fail "lint of the site"
kubectl apply -k site >applied 2>&1 || fail "$(cat applied)"

# The pod to type in, and what it may, as docs/how-to/run-on-argo.md shows them, with the places and the user of this site. It is the
# first one that mounts the bank.
page() { sed -n "$1" "$here/../../../docs/how-to/run-on-argo.md"; } # SCRIPT
{
  page '/^      kind: Pod$/,/configMap: {name: holdfast-inventory}/p' | sed '1i\      apiVersion: v1'
  case $bank_volume in
    claim:*) page '/^        - {name: bank, persistentVolumeClaim/p' ;;
    *) echo "        - {name: bank, hostPath: {path: $dir/bank}}" ;;
  esac
  page '/^        - {name: scratch, emptyDir/p'
} | sed "s|^      ||; s|namespace: backups|namespace: $namespace|; s|image: .*|image: $image|; s|/srv/holdfast/bank|$dir/bank|
  s|/etc/holdfast/inventory.yaml|$dir/inventory.yaml|; s|User: 10001|User: $step_user|; s|Group: 10001|Group: $step_group|g" >desk.yaml
cat >client.yaml <<END
apiVersion: v1
kind: ServiceAccount
metadata: {name: holdfast-client}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: holdfast-client}
$(page '/^    rules:$/,/^    - .*pods.log/p' | sed 's/^    //')
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: holdfast-client}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: holdfast-client}
subjects: [{kind: ServiceAccount, name: holdfast-client}]
END
kubectl create -f client.yaml -f desk.yaml >applied 2>&1 || fail "$(cat applied)"
kubectl wait --for=condition=Ready --timeout=180s pod/holdfast-desk >/dev/null || fail "the first pod: $(kubectl describe pod holdfast-desk)"
field() { python3 -c 'import json, sys
for line in sys.stdin:
    o = json.loads(line)
    if o["message_type"] == sys.argv[1]: print(o.get(sys.argv[2], ""))' "$@"; }
# Why something is not as it should be, as far as the cluster knows; what cannot be said any more is not what has failed.
say_why() { # WORKFLOW
  holdfast status "$1" || true # as above
  kubectl get pods -o wide | tail -20
  kubectl get events --sort-by=.lastTimestamp | tail -15
  kubectl get workflow "$1" -o 'jsonpath={.status.phase} {.status.message}{"\n"}{range .status.nodes.*}{.displayName} {.phase} {.message}{"\n"}{end}' || true # as above
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
  [ $code = "$1" ] || fail "the verdict of $2 is $code, not $1: $(tail -n 5 lines said; [ -z "$name" ] || say_why "$name")"
}
shop_plan() { # NAME RESOURCE [PARAMETERS OF DIRECTORIES]
  printf 'name: %s\nprovider: p\nresources: ["%s"]\nparameters: {"Local::Directory": {snapshot: none%s}}\n' "$1" "$2" "${3:+, $3}" >"$1.yaml"
  holdfast -q plan discover "$1.yaml"
}

# The claim of the bank is a new one, which the first pod makes writable for the group of the steps; one with data is left as it is.
keeps_to_claims() {
  [ -n "$claims" ] || { not_tried+=("claims: $no_claims"); return; }
  kubectl wait --for=jsonpath='{.status.phase}'=Bound --timeout=60s pvc/holdfast-bank pvc/holdfast-more >said 2>&1 || fail "$(cat said; kubectl describe pvc)"
  shop_plan on-a-claim 'Local::Directory#more'
  holdfast -q compile protect on-a-claim.yaml
  submit 0 on-a-claim-protect.yaml
  [ "$(id -u)" = 0 ] || { not_tried+=("whose the files of a claim are: all of them are this user's"); return; }
  [ "$(stat -c %g ../bank)" = "$step_group" ] || fail "the bank is not the steps': $(stat ../bank)"
  [ "$(stat -c %g ../more ../more/more ../more/more/file | sort -u)" = $foreign_group ] || fail "data were given to another group: $(ls -lnaR ../more)"
}

# Without a kubeconfig and without a bank on this machine: in a pod of the image.
works_at_a_desk() {
  local put file
  put=$(page "s/^      put='\(.*\)'$/\1/p")
  [ -n "$put" ] || fail "docs/how-to/run-on-argo.md does not say how a file gets into the pod"
  shop_plan typed 'Local::Application#shop'
  for file in typed.yaml typed.graph.yaml; do kubectl exec -i holdfast-desk -- sh -c "$put >$file" <$file || fail "$file"; done
  kubectl exec holdfast-desk -- sh -c 'holdfast -q compile protect typed.yaml && holdfast submit typed-protect.yaml --watch' >said 2>&1 ||
    fail "$(cat said)"
  grep -q '^the run succeeded$' said || fail "$(cat said)"
  # The same input gives the same file, wherever.
  holdfast -q compile protect typed.yaml
  kubectl exec holdfast-desk -- sh -c 'while IFS= read -r line; do printf "%s\n" "$line"; done <typed-protect.yaml' >there.yaml
  cmp there.yaml typed-protect.yaml || fail "another file"
}

# Each run of this test is under it, where the network keeps it.
applies_a_network_policy() {
  [ "$(kubectl get networkpolicy holdfast -o 'jsonpath={.spec.policyTypes}')" = '["Ingress","Egress"]' ] || fail "$(kubectl get networkpolicy -o yaml)"
  [ ! -e "$dir/cluster" ] || not_tried+=("that the network policy is kept: the network of this cluster keeps none")
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
  # Anew, with a record of its own.
  holdfast --json resubmit "$name" --watch >lines 2>said || fail "$(tail -n 5 lines said)"
  [ "$(field run-ended record <lines)" != "$run" ] || fail "it worked on the same record: $(cat lines)"
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
  [ "$(code_of said holdfast watch "$name")" = 5 ] || fail "another verdict than before: $(cat said)"
  grep -q '^FAILED .*gone: parallel: ' said || fail "why it failed is in the journal: $(cat said)"
  step=$(holdfast step list --from-cluster "$name" | awk '/gone/ && /parallel/ { print $1; exit }')
  holdfast -q logs "$name" "$step" | has '"level":"error"' || fail "$(holdfast -q logs "$name" "$step")"
}

restores() {
  mkdir ../expected
  cp -a ../srv/data ../more/more ../expected/
  rm -rf ../srv/data ../more/more
  # A step can give a file to no group that it is not in, as one has that lives on the claim.
  echo '"Local::Directory": {owners: none}' >owners.yaml
  holdfast -q compile restore "$checkpoint" -p p --parameters owners.yaml -o restore.yaml
  submit 0 restore.yaml
  for tree in srv/data more/more; do
    diff -r --no-dereference "../expected/${tree#*/}" "../$tree" || fail "$tree is not what was protected"
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
  holdfast --json resume "$name" --watch >lines 2>said || fail "$(tail -n 5 lines said)"
  [ "$(field run-ended record <lines)" = "$run" ] || fail "it worked on another record: $(cat lines)"
  holdfast checkpoints verify "$run" -p p >said 2>&1 || fail "$(cat said)"
}

# A plan of the disks a and b.
two_disks() { # NAME PARAMETERS OF b
  printf "format: 1\nresources:\n- {type: 'X::Disk', id: a, name: a}\n- {type: 'X::Disk', id: b, name: b}\n" >"$1.graph.yaml"
  printf 'name: %s\nprovider: q\nresources: ["X::Disk#a", "X::Disk#b"]\npolicy: {drift: ignore}\nparameters: {"X::Disk#b": {%s}}\n' "$@" >"$1.yaml"
  holdfast -q compile protect "$1.yaml"
}

# A group with a disk below it, of the provider r, which has each activity of protect.
group_of_one() { # NAME PARAMETERS
  printf "format: 1\nresources:\n- {type: 'Y::Group', id: g-%s, name: g, children: [{type: 'Y::Disk', id: d-%s}]}\n- {type: 'Y::Disk', id: d-%s, name: d}\n" \
    "$1" "$1" "$1" >"$1.graph.yaml"
  printf 'name: %s\nprovider: r\nresources: ["Y::Group#g-%s"]\npolicy: {drift: ignore}\nparameters: {%s}\n' "$1" "$1" "$2" >"$1.yaml"
  holdfast -q compile protect "$1.yaml"
}
# Waits for a run of fails_in_each_activity, and compares verdict, record and what became of each step.
ends_with() { # NAME CODE STATE STEPS
  local code steps
  name=${of[$1]}
  code=$(code_of said holdfast watch "$name")
  [ "$code" = "$2" ] || fail "the verdict of $1 is $code, not $2: $(cat said; say_why "$name")"
  run=$(holdfast --json status "$name" | field run run)
  holdfast --json checkpoints show "$run" -p r | has "\"state\":\"$3\"" || fail "$(holdfast checkpoints show "$run" -p r)"
  steps=$(holdfast --json status "$name" | python3 -c 'import json, re, sys
phases = {}
for o in map(json.loads, sys.stdin):
    step = re.fullmatch(r"([gd])-.*-(pre|fin|par|post)", o.get("step", "")) if o["message_type"] == "step" else None
    if step: phases[" ".join(step.groups())] = o["phase"]
order = ["g pre", "d pre", "d fin", "g fin", "d par", "g par", "d post", "g post"]
assert sorted(order) == sorted(phases), phases
print(*(f"{step} {phases[step]}" for step in order), sep=", ")')
  [ "$steps" = "$4" ] || fail "$1: $steps, not $4"
}

# All of them go on at once, to save time; each is held to docs/explanation/failure.md.
fails_in_each_activity() {
  local failing
  declare -A of=()
  group_of_one whole '"Y::Disk": {parallel_data: 1 kB}'
  for failing in pre pre_finish parallel post; do group_of_one "bad-${failing//_/-}" "\"Y::Group\": {${failing}_fail: true, ${failing}_message: as told}"; done
  for failing in whole bad-pre bad-pre-finish bad-parallel bad-post; do of[$failing]=$(holdfast -q submit $failing-protect.yaml); done
  ends_with whole 0 available "g pre Succeeded, d pre Succeeded, d fin Succeeded, g fin Succeeded, d par Succeeded, g par Succeeded, d post Succeeded, g post Succeeded"
  checkpoint_of_group=$run
  # A pre that failed owes nothing, and nothing below it begins.
  ends_with bad-pre 5 error "g pre Failed, d pre Omitted, d fin Omitted, g fin Omitted, d par Omitted, g par Omitted, d post Omitted, g post Omitted"
  # What comes after is omitted, but for the clean-ups; what is below goes on.
  ends_with bad-pre-finish 5 error "g pre Succeeded, d pre Succeeded, d fin Succeeded, g fin Failed, d par Succeeded, g par Omitted, d post Succeeded, g post Succeeded"
  ends_with bad-parallel 5 error "g pre Succeeded, d pre Succeeded, d fin Succeeded, g fin Succeeded, d par Succeeded, g par Failed, d post Succeeded, g post Succeeded"
  ends_with bad-post 5 error "g pre Succeeded, d pre Succeeded, d fin Succeeded, g fin Succeeded, d par Succeeded, g par Succeeded, d post Succeeded, g post Failed"
  holdfast --json checkpoints show "$run" -p r | has 'its post failed: as told' || fail "$(holdfast checkpoints show "$run" -p r)"
  # Each gc names what it still owes, and fails, until the record is deleted.
  [ "$(code_of said holdfast gc -p r)" = 5 ] && grep -q "checkpoint $run: was not cleaned up" said || fail "gc: $(cat said)"
  holdfast checkpoints delete "$run" -p r >said 2>&1 || fail "$(cat said)"
  holdfast gc -p r >said 2>&1 || fail "$(cat said)"
  # A verification, a restore and a deletion that fail; then the deletion that does not.
  local operation
  echo '"Y::Disk": {parallel_fail: true, parallel_message: as told}' >fails.yaml
  for operation in verify restore; do
    holdfast -q compile $operation "$checkpoint_of_group" -p r --parameters fails.yaml -o bad-$operation.yaml
    of[bad-$operation]=$(holdfast -q submit bad-$operation.yaml)
  done
  for operation in verify restore; do
    [ "$(code_of said holdfast watch "${of[bad-$operation]}")" = 5 ] && grep -q '^FAILED .*d: parallel: as told' said || fail "$(cat said; say_why "${of[bad-$operation]}")"
  done
  holdfast -q compile delete "$checkpoint_of_group" -p r --parameters fails.yaml -o bad-delete.yaml
  submit 5 bad-delete.yaml
  ! holdfast --json checkpoints list -p r | has "\"$checkpoint_of_group\".*available" || fail "it passes for whole: $(holdfast checkpoints list -p r)"
  holdfast -q compile delete "$checkpoint_of_group" -p r -o delete-group.yaml
  submit 0 delete-group.yaml
}

# A step that is killed is tried again, and so is one that asks for it: once, as the next pod, which cannot see that the first one is
# dead, waits until the claim of the step is old enough.
tries_again() {
  two_disks killed 'parallel_die: middle, post_exit: 75'
  submit 0 killed-protect.yaml
  holdfast --json status "$name" | python3 -c 'import json, sys
steps = {o["step"]: o["tries"] for o in map(json.loads, sys.stdin) if o["message_type"] == "step"}
for name, tries in steps.items():
    again = name.startswith("b-") and name.endswith(("-par", "-post"))
    assert tries == (2 if again else 1), steps' || fail "what was tried how often"
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
  # (Argo 4.0.5 may call a stopped Workflow ended while the pod of its exit handler still begins; who stops and who watches waits for it.)
  holdfast --json checkpoints show "$run" -p q | has '"state":"error"' || fail "it is owed still: $(holdfast checkpoints show "$run" -p q; cat said)"
  all_is_ended() {
    local child
    for child in $(kubectl get workflows -l "holdfast/run=$run" -o 'jsonpath={.items[*].metadata.name}'); do
      [ "$(state_of "$child")" != running ] || return 1
    done
    [ -z "$(kubectl get pods -l app.kubernetes.io/component --field-selector status.phase=Running -o name)" ]
  }
  within 30 all_is_ended
  holdfast -q logs "$name" end | has 'stops the child Workflow' || fail "$(holdfast -q logs "$name" end)"
}

for part in "${parts[@]}"; do
  began=$SECONDS
  "$part"
  echo "$part: $((SECONDS - began)) s"
done
for what in "${not_tried[@]}"; do echo "skipped: $what"; done
