#!/usr/bin/env bash
# The exit handler of a run with child Workflows: it stops those of its run that have not ended, waits for their steps,
# and only then cleans up. Not where the run succeeded, and not on one machine.
#   stop_children.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
compiled
start_cluster
child() { # NAME RUN
  python3 - "$1" "$2" "http://127.0.0.1:$port/apis/argoproj.io/v1alpha1/namespaces/backups/workflows" <<'END'
import json, sys, urllib.request
name, run, url = sys.argv[1:]
body = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": name, "labels": {"holdfast/run": run}},
        "spec": {"entrypoint": "main", "templates": [
            {"name": "main", "dag": {"tasks": [{"name": "copy-" + name, "templateRef": {"name": "holdfast-steps", "template": "step"}}]}}]}}
urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), {"Authorization": "Bearer token-of-the-test"}))
END
}
state() { holdfast --json status "$1" | field run state; }
behave '{"hold": ["copy-one", "copy-two", "copy-other"]}'
child one run-1
child two run-1
child other run-2
until holdfast --json status two | grep '"node"' | grep -q Running; do sleep 0.05; done
holdfast -q step run file.yaml begin --run-id run-1 >said 2>&1 || fail "$(cat said)"
end=$(holdfast step show file.yaml end --run-id run-1)
in_pod() { KUBERNETES_SERVICE_HOST=10.0.0.1 bash -c "$* --stop-children" 2>said; }

# On one machine there are none, whatever the kubeconfig says; nor does a run that succeeded have any that run.
code=0; bash -c "${end/--status=*/} --status=Succeeded --stop-children --dry-run" >/dev/null 2>&1 || code=$?
[ "$(state one)" = running ] || fail "a dry run stopped a child"
code=0; in_pod "${end/--status=*/} --status=Failed" || code=$?
[ $code = 5 ] || fail "end ended with $code: $(cat said)"
[ "$(grep -c 'stops the child Workflow' said)" = 2 ] || fail "$(cat said)"
grep -q 'stops the child Workflow other' said && fail "a child of another run"
for name in one two; do
  [ "$(state $name)" != running ] || fail "$name runs on: $(holdfast status $name)"
done
[ "$(state other)" = running ] || fail "another run's child was stopped"
! holdfast --json checkpoints show run-1 | grep -q '"state":"protecting"' || fail "the record was not brought to its end"

# A cluster that says no: nothing is cleaned up while children may still run.
holdfast -q step run file.yaml begin --run-id run-2 >said 2>&1 || fail "$(cat said)"
end=$(holdfast step show file.yaml end --run-id run-2)
behave '{"deny": true}'
code=0; in_pod "${end/--status=*/} --status=Failed" || code=$?
[ $code = 13 ] || fail "end ended with $code: $(cat said)"
behave '{}'
holdfast --json checkpoints show run-2 | grep -q '"state":"protecting"' || fail "it was ended although its child may run: $(holdfast checkpoints show run-2)"
bash -c "${end/--status=*/} --status=Failed --stop-children" >said 2>&1 || code=$?
! grep -q 'child Workflow' said || fail "on one machine: $(cat said)"
