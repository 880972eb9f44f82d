#!/usr/bin/env bash
# A file that starts child Workflows is submitted only where these are applied, and of the same compile; and its
# steps are listed from the cluster, those of the children, too.
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

# The same children of another compile.
printf 'name: n\nprovider: p\nresources: [%s]\npolicy: {drift: ignore, retries: 7}\n' "$(seq -s ', ' -f '"X::Disk#d%02g"' 1 30)" >n.yaml
holdfast -q compile protect n.yaml -o file.yaml --max-tasks-per-template 20 --max-tasks-per-workflow 40
[ "$(code_of said holdfast submit file.yaml)" = 3 ] && grep -q 'is of another compile' said || fail "$(cat said)"
