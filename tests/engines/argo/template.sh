#!/usr/bin/env bash
# A file of the kind template: a run of the WorkflowTemplate that is applied, if it is and is the same.
#   template.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
compiled --kind template
start_cluster
apply "$scene/../../../templates/argo/holdfast-steps.yaml"
[ "$(code_of said holdfast submit file.yaml)" = 10 ] || fail "$(cat said)"
grep -q 'there is no WorkflowTemplate n-protect in namespace backups' said || fail "$(cat said)"
grep -q 'kubectl apply --namespace backups -f file.yaml' said || fail "$(cat said)"
apply file.yaml
[ "$(code_of said holdfast submit file.yaml --watch --fail-fast)" = 0 ] || fail "$(cat said)"
name=$(grep -o 'n-protect-[a-z0-9]\{5\}' said | head -1)
holdfast status "$name" | grep -q '^begin  *Succeeded' || fail "$(holdfast status "$name")"
[ -n "$(holdfast -q resubmit "$name")" ] || fail "resubmit"
# Another plan than the one that was applied.
disks a c
printf 'name: n\nprovider: p\nresources: ["X::Disk#a", "X::Disk#c"]\npolicy: {drift: ignore}\n' >n.yaml
holdfast -q compile protect n.yaml -o file.yaml --kind template
[ "$(code_of said holdfast submit file.yaml)" = 3 ] || fail "$(cat said)"
grep -q 'was compiled from another bundle' said || fail "$(cat said)"
