#!/usr/bin/env bash
# A file is submitted, watched to its end and looked at, over the Kubernetes API.
#   submit_and_watch.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
compiled
start_cluster

[ "$(code_of said holdfast submit file.yaml)" = 10 ] || fail "without the site's templates: $(cat said)"
grep -q "kubectl apply --namespace backups -k DIR" said || fail "$(cat said)"
apply "$scene/../../../templates/argo/holdfast-steps.yaml"

# Nothing is made by what only checks.
[ "$(code_of said holdfast submit file.yaml --dry-run=client)" = 0 ] || fail "$(cat said)"
python3 -c 'import json; o = json.load(open("said")); assert o["kind"] == "Workflow" and o["spec"]["entrypoint"] == "main", o' || fail "$(cat said)"
[ "$(code_of said holdfast submit file.yaml --dry-run=server)" = 0 ] || fail "$(cat said)"
grep -q 'dryRun=All' cluster/requests && grep -q 'fieldValidation=Strict' cluster/requests || fail "$(cat cluster/requests)"
[ -z "$(find bank -type f)" ] || fail "a dry run wrote to the bank: $(find bank -type f)"
[ "$(holdfast --json status | wc -l)" = 0 ] || fail "a dry run left a workflow"

# Watched to a good end.
[ "$(code_of said holdfast submit file.yaml --watch --parameter retries=2)" = 0 ] || fail "$(cat said)"
grep -q '^submitted run [0-9a-f-]\{36\} as workflow n-protect-[a-z0-9]\{5\} in namespace backups of http://127.0.0.1:' said || fail "$(cat said)"
grep -q '^done       X::Disk a\( in .*\)\?$' said && grep -q '^done       X::Disk b\( in .*\)\?$' said || fail "no line for each resource: $(cat said)"
grep -q '^the run succeeded$' said || fail "$(cat said)"
sha256=$(sed -n 's/.*name: bundle, value: "\([0-9a-f]*\)".*/\1/p' file.yaml)
find bank -path "*bundles/$sha256/*" | grep -q . || fail "the bundle is not in the bank"
name=$(grep -o 'n-protect-[a-z0-9]\{5\}' said | head -1)
[ "$(holdfast watch "$name" 2>/dev/null >&2; echo $?)" = 0 ] || fail "watching what has ended"

# By its id as by its name; in JSON.
run=$(holdfast --json status "$name" | field run run)
[ "$(holdfast --json status "$run" | field run workflow)" = "$name" ] || fail "a run is not found by its id"
[ "$(holdfast --json status "$name" | field run exit_code)" = 0 ] || fail "$(holdfast --json status "$name")"
holdfast status "$name" | grep -q '^begin  *Succeeded  *1' || fail "$(holdfast status "$name")"
holdfast status | grep -q "^$name  *$run  *succeeded" || fail "$(holdfast status)"
holdfast --json submit file.yaml --watch >lines || fail "$(cat lines)"
[ "$(field run-submitted workflow <lines)" = "$(field run-ended workflow <lines)" ] || fail "$(cat lines)"
[ "$(field run-ended exit_code <lines)" = 0 ] || fail "$(cat lines)"
grep -qx begin <<<"$(field step-ended step <lines)" || fail "$(cat lines)"

# A step that fails: the verdict, why, and what next.
behave '{"fail": ["begin"]}'
[ "$(code_of said holdfast submit file.yaml --watch)" = 4 ] || fail "begin's own code is the verdict: $(cat said)"
step=$(holdfast step list file.yaml | awk '/parallel/ { print $1; exit }')
behave "{\"fail\": [\"$step\"]}"
[ "$(code_of said holdfast submit file.yaml --watch)" = 5 ] || fail "$(cat said)"
grep -q '^FAILED     X::Disk [ab]: parallel: main: Error (exit code 4)$' said || fail "$(cat said)"
failed=$(grep -o 'n-protect-[a-z0-9]\{5\}' said | head -1)
grep -q "^  holdfast logs $failed$" said && grep -q "^  holdfast resume $failed$" said || fail "$(cat said)"

# Logs: of a step, made safe; those of pods that are gone.
[ "$(code_of said holdfast logs "$failed" "$step")" = 10 ] || fail "$(cat said)"
grep -q 'there is no pod' said || fail "$(cat said)"
pod=$(holdfast --json status "$failed" | python3 -c 'import json, sys
print(next(o["pod"] for o in map(json.loads, sys.stdin) if o.get("step") == sys.argv[1]))' "$step")
printf 'first line\n\033[31mred\n' >"cluster/logs/$pod"
holdfast logs "$failed" "$step" >said || fail "$(cat said)"
printf 'first line\n\\x1b[31mred\n' | cmp -s - said || fail "$(cat said)"
[ "$(code_of said holdfast logs "$failed" "${step}x")" = 10 ] && grep -q "did you mean '$step'" said || fail "$(cat said)"
holdfast -q logs "$failed" | grep -q 'first line' || fail "the logs of all steps"
