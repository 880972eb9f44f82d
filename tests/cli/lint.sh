#!/usr/bin/env bash
# What is compiled passes; what somebody changed in it afterwards is named, with its line.
#   lint.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
grouped_disks
printf 'name: n\nprovider: p\nresources: ["X::Group#g"]\n' >n.yaml
holdfast -q compile protect n.yaml
holdfast lint n-protect.yaml >lint.out 2>&1 || fail "$(cat lint.out)"
grep -q '^1 file: nothing to refuse$' lint.out || fail "$(cat lint.out)"
[ -z "$(holdfast --json lint n-protect.yaml)" ] || fail "it says something of a file that is right"

# Without its targets the clean-ups alone decide.
sed '/^ *target:/,/^ *tasks:/{/^ *tasks:/!d}' n-protect.yaml >untargeted.yaml
[ "$(code_of lint.out holdfast lint untargeted.yaml)" = 3 ] || fail "a workflow without targets passes: $(cat lint.out)"
grep -q "^untargeted.yaml:[0-9]*:[0-9]*: when task '.*' fails, nothing shows it: .* \[masked-failure\]$" lint.out || fail "$(cat lint.out)"
[ "$(code_of json.out holdfast --json lint untargeted.yaml)" = 3 ] || fail "$(cat json.out)"
python3 - json.out <<'END' || fail "$(cat json.out)"
import json, sys
found = [json.loads(line) for line in open(sys.argv[1])]
assert found and all(f["message_type"] == "finding" and f["trap"] == "masked-failure" and f["severity"] == "error" and f["line"] > 0 for f in found)
END

# Both files are looked at, and a field that Argo does not have is found in the second.
sed 's/failFast: false/failfast: false/' n-protect.yaml >typo.yaml
[ "$(code_of lint.out holdfast lint n-protect.yaml typo.yaml)" = 3 ] || fail "$(cat lint.out)"
grep -q "^typo.yaml:[0-9]*:[0-9]*: .* has no field 'failfast' \[field\]$" lint.out || fail "$(cat lint.out)"
! grep -q '^n-protect.yaml:' lint.out || fail "$(cat lint.out)"

# A site's own templates, checked with the file that calls them.
cp -rL "$build/share/holdfast/templates/argo" site
sed -i 's/readOnlyRootFilesystem/readonlyRootFilesystem/' site/holdfast-steps.yaml
[ "$(code_of lint.out holdfast lint n-protect.yaml site/holdfast-steps.yaml)" = 3 ] || fail "$(cat lint.out)"
grep -q "^site/holdfast-steps.yaml:.*did you mean 'readOnlyRootFilesystem'" <(tr '\n' ' ' <lint.out) || fail "$(cat lint.out)"
holdfast lint --templates site n-protect.yaml >lint.out 2>&1 || fail "templates that are not named are checked: $(cat lint.out)"

[ "$(code_of lint.out holdfast lint nowhere.yaml)" = 10 ] || fail "$(cat lint.out)"
for text in '' '\n \n' '# a comment\n  # another' '---\n---\n' '# a\n--- # b\n...\n' 'null\n' '--- ~\n---\n'; do
  printf -- "$text" >empty.yaml
  [ "$(code_of lint.out holdfast lint empty.yaml)" = 3 ] || fail "'$text' passes: $(cat lint.out)"
  grep -q '^empty.yaml: the workflow file is empty' lint.out || fail "'$text': $(cat lint.out)"
done
# Beside others, nothing is nothing.
{ echo '---'; cat n-protect.yaml; printf -- '---\n# the end\n---\n'; } >marked.yaml
holdfast lint marked.yaml >lint.out 2>&1 || fail "$(cat lint.out)"
[ "$(code_of lint.out holdfast lint --engine slurm n-protect.yaml)" = 2 ] || fail "$(cat lint.out)"

# The parts of a large one are looked at with it, and once where they are named, too.
{
  printf 'format: 1\nresources:\n'
  for n in $(seq -f d%02g 1 30); do echo "- {type: 'X::Disk', id: $n, name: $n}"; done
} >large.graph.yaml
printf 'name: large\nprovider: p\nresources: [%s]\n' "$(seq -s ', ' -f '"X::Disk#d%02g"' 1 30)" >large.yaml
holdfast -q compile protect large.yaml --max-tasks-per-template 20 --max-tasks-per-workflow 22
holdfast lint large-protect.yaml >lint.out 2>&1 || fail "$(cat lint.out)"
holdfast lint large-protect.yaml "$PWD"/large-protect.children/[0-9a-f]*.yaml >lint.named 2>&1 || fail "$(cat lint.named)"
grep -q "^$(sed 's/:.*//' lint.out): nothing to refuse$" lint.named || fail "$(cat lint.named)"
rm "$(ls large-protect.children/[0-9a-f]*.yaml | head -1)"
[ "$(code_of lint.out holdfast lint large-protect.yaml)" = 3 ] || fail "a part is missing: $(cat lint.out)"
grep -q '^large-protect.*: there is no WorkflowTemplate' lint.out || fail "$(cat lint.out)"

# What a CronWorkflow starts is looked for among the files, and when it starts is checked.
holdfast -q compile protect n.yaml --kind template -o whole.yaml
cat >nightly.yaml <<'END'
apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata: {name: nightly}
spec:
  schedules: ["0 6 * * *"]
  timezone: Europe/Berlin
  workflowSpec:
    workflowTemplateRef: {name: n-protect}
END
holdfast lint nightly.yaml whole.yaml >lint.out 2>&1 || fail "$(cat lint.out)"
sed -e 's/name: n-protect/name: n-portect/' -e 's/"0 6/"0 26/' nightly.yaml >wrong.yaml
[ "$(code_of lint.out holdfast lint wrong.yaml whole.yaml)" = 3 ] || fail "$(cat lint.out)"
grep -q "^wrong.yaml:8:[0-9]*: there is no WorkflowTemplate 'n-portect' \[unreadable\]$" lint.out || fail "$(cat lint.out)"
grep -q "^wrong.yaml:5:[0-9]*: 'schedules': '26' is no hour of a cron line \[schedule\]$" lint.out || fail "$(cat lint.out)"
if [ -e "${TZDIR:-/usr/share/zoneinfo}/UTC" ]; then
  sed 's,Europe/Berlin,Europe/Berlim,' nightly.yaml >wrong.yaml
  [ "$(code_of lint.out holdfast lint wrong.yaml whole.yaml)" = 3 ] || fail "$(cat lint.out)"
  grep -q "^wrong.yaml:6:[0-9]*: 'timezone': there is no time zone 'Europe/Berlim' \[schedule\]$" lint.out || fail "$(cat lint.out)"
fi

# What Mistral runs, and hardly as it is meant, is a warning: it is said, and refused is nothing.
printf "version: '2.0'\nw:\n  tasks:\n    a: {action: std.echo output=1.5}\n" >warned.yaml
holdfast lint --engine mistral warned.yaml >lint.out 2>&1 || fail "$(cat lint.out)"
grep -q "^warning: warned.yaml:4:[0-9]*: Mistral passes over '.5'.*\[action\]$" lint.out || fail "$(cat lint.out)"
grep -q '^1 file: nothing to refuse, 1 warning$' lint.out || fail "$(cat lint.out)"
holdfast --json lint --engine mistral warned.yaml | grep -q '"severity":"warning"' || fail "a warning of none"
printf "    b: {action: std.eco}\n" >>warned.yaml
[ "$(code_of lint.out holdfast lint --engine mistral warned.yaml)" = 3 ] || fail "$(cat lint.out)"
