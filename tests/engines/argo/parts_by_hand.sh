#!/usr/bin/env bash
# Parts of a large run, worked on by hand: a step that comes too late does so under the part's name, too; who terminates the run
# terminates its parts; what only has their label is none of them.
#   parts_by_hand.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
printf '[noop]\ntypes = X::Disk, X::Group\ngraph = %s/n.graph.yaml\n' "$dir" | provider noop
{
  printf 'format: 1\nresources:\n'
  echo "- {type: 'X::Group', id: g, name: g, children: [$(seq -s ', ' -f "{type: 'X::Disk', id: d%02g}" 1 30)]}"
  for i in $(seq -f d%02g 1 30); do echo "- {type: 'X::Disk', id: $i, name: $i}"; done
} >n.graph.yaml
# Its runs have names of 36 characters and four dashes, as ids have.
printf 'name: customer-database-prod\nprovider: p\nresources: ["X::Group#g"]\npolicy: {drift: ignore}\n' >n.yaml
holdfast -q compile protect n.yaml --graph n.graph.yaml -o file.yaml --max-tasks-per-template 20 --max-tasks-per-workflow 40
start_cluster --run-steps "$dir/file.yaml"
apply "$scene/../../../templates/argo/holdfast-steps.yaml"
for child in file.children/[0-9a-f]*.yaml; do apply "$child"; done
slow=$(holdfast step list file.yaml | awk '$1 ~ /^d20-/ && /parallel/ { print $1; exit }')
post=$(holdfast step list file.yaml | awk '$1 ~ /^g-/ && $3 == "post" { print $1; exit }')
behave "{\"hold\": [\"$slow\"]}"
parent=$(holdfast -q submit file.yaml)
[ ${#parent} = 36 ] || fail "$parent does not look like an id"
run=$(holdfast --json status "$parent" | field run run)
[ -n "$run" ] || fail "no run by the name $parent"
for _ in $(seq 200); do holdfast status "$parent" | grep -q "\.$slow  *Running" && break; sleep 0.1; done
part=$(holdfast status | awk '/^  .*running/ { print $1; exit }')
[[ "$part" = "$run"-* ]] || fail "no part is at work: $(holdfast status)"

# Anybody may set a label.
python3 - "$run" "$slow" "http://127.0.0.1:$port/apis/argoproj.io/v1alpha1/namespaces/backups/workflows" <<'END'
import json, sys, urllib.request
run, step, url = sys.argv[1:]
workflow = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "zz", "labels": {"holdfast/run": run}},
            "spec": {"entrypoint": "m", "templates": [{"name": "m", "dag": {"tasks": [{"name": step, "template": "x"}]}}]}}
urllib.request.urlopen(urllib.request.Request(url, json.dumps(workflow).encode(), {"Authorization": "Bearer token-of-the-test"}))
END
! holdfast status "$parent" | grep -q '^zz' || fail "a foreign Workflow is a part: $(holdfast status "$parent")"

# The group goes on while a copy below it is at work; another try at that copy comes too late, whoever is asked for it.
holdfast step run --from-cluster "$parent" "$post" >said 2>&1 || true # what is below it has not ended
for name in "$parent" "$part"; do
  [ "$(code_of said holdfast step run --from-cluster "$name" "$slow" --dry-run)" = 3 ] || fail "$name: too late is taken: $(cat said)"
  grep -q "step $slow comes before $post, which this run has begun already" said || fail "$name: $(cat said)"
done

holdfast stop --terminate --no-wait "$parent" >said 2>&1 || fail "$(cat said)"
grep -q "^told $part to terminate" said || fail "the part goes on: $(cat said)"
! grep -q '^told zz ' said || fail "a foreign Workflow was terminated: $(cat said)"
