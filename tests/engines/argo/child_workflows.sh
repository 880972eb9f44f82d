#!/usr/bin/env bash
# A file that starts child Workflows is submitted only where these are applied, and of the same compile; and its
# steps are listed from the cluster, those of the children, too, and run in the run of the whole.
#   child_workflows.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
disks $(seq -f d%02g 1 30)
printf 'name: n\nprovider: p\nresources: [%s]\npolicy: {drift: ignore}\n' "$(seq -s ', ' -f '"X::Disk#d%02g"' 1 30)" >n.yaml
holdfast -q compile protect n.yaml -o file.yaml --max-tasks-per-template 20 --max-tasks-per-workflow 40
start_cluster
apply "$scene/../../../templates/argo/holdfast-steps.yaml"
[ "$(code_of said holdfast submit file.yaml)" = 10 ] || fail "$(cat said)"
grep -q "kubectl apply --namespace backups -k file.children" said || fail "$(cat said)"
[ ! -e bank/t ] || [ -z "$(find bank -name bundle.json)" ] || fail "the bundle was written although nothing can run"
for child in file.children/[0-9a-f]*.yaml; do apply "$child"; done
name=$(holdfast -q submit file.yaml --watch | head -1) || fail "submit"
holdfast step list --from-cluster "$name" >steps 2>said || fail "$(cat said)"
[ "$(grep -c 'parallel' steps)" = 30 ] || fail "$(cat steps said)"
run=$(holdfast --json status "$name" | field run run)
holdfast step show --from-cluster "$name" "$(awk '/^d17-[0-9a-f]*-par/ { print $1 }' steps)" | grep -q -- "--run=$run " || fail "another run"

# A step of a child works in the run of its parent, or in the one that is named; either way its followers are looked for there.
child=$run-part1
printf '{"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "%s", "labels": {"holdfast/run": "%s"}},
  "spec": {"workflowTemplateRef": {"name": "%s"}, "arguments": {"parameters": %s}}}' "$child" "$run" \
  "$(awk '/^  name:/ { print $2; exit }' "$(ls file.children/[0-9a-f]*.yaml | head -1)")" \
  "$(holdfast submit file.yaml --dry-run=client | python3 -c 'import json, sys
print(json.dumps(json.load(sys.stdin)["spec"]["arguments"]["parameters"] + [{"name": "run", "value": sys.argv[1]}]))' "$run")" >child.json
curl -sS --fail-with-body -o said -X POST -H "Authorization: Bearer token-of-the-test" --data-binary @child.json \
  "http://127.0.0.1:$port/apis/argoproj.io/v1alpha1/namespaces/backups/workflows" || fail "$(cat said)"
holdfast step list --from-cluster "$child" >steps 2>said || fail "$(cat said)"
disk=$(grep -o '^d[0-9]*-[0-9a-f]*-par' steps | head -1)
disk=${disk%-par}
holdfast step show --from-cluster "$child" "$disk-par" | grep -q -- "--run=$run " || fail "not in the run of its parent"
holdfast step show --from-cluster "$child" "$disk-par" --run-id try | grep -q -- '--run=try ' || fail "another run than was named"
of_child() { # CODE STEP [OPTION...]
  [ "$(code_of said holdfast step run --from-cluster "$child" "${@:2}")" = "$1" ] || fail "${*:2}: $(cat said)"
}
holdfast -q step run --from-cluster "$name" begin >said 2>&1 || fail "$(cat said)"
of_child 20 "$disk-pre" --run-id try # which nothing has begun
of_child 0 "$disk-pre"
of_child 0 "$disk-post"
of_child 3 "$disk-par" --dry-run
grep -q "step $disk-par comes before $disk-post, which this run has begun" said || fail "$(cat said)"
grep -q "'holdfast step run --from-cluster $run end --run-id $run'" said || fail "a child has no end: $(cat said)"
holdfast -q step run --from-cluster "$name" begin --run-id try >said 2>&1 || fail "$(cat said)"
of_child 0 "$disk-pre" --run-id try
of_child 0 "$disk-par" --run-id try
of_child 0 "$disk-post" --run-id try
copied() { holdfast --json checkpoints show "$1" | grep -c '"activity":"parallel","by"' || true; }
[ "$(copied "$run") $(copied try)" = "0 1" ] || fail "the run of the parent was worked in: $(holdfast checkpoints show "$run")"

# The same children of another compile.
printf 'name: n\nprovider: p\nresources: [%s]\npolicy: {drift: ignore, retries: 7}\n' "$(seq -s ', ' -f '"X::Disk#d%02g"' 1 30)" >n.yaml
holdfast -q compile protect n.yaml -o file.yaml --max-tasks-per-template 20 --max-tasks-per-workflow 40
[ "$(code_of said holdfast submit file.yaml)" = 3 ] && grep -q 'is of another compile' said || fail "$(cat said)"
