#!/usr/bin/env bash
# A file for Mistral is the same workflow as one for Argo: one bundle, and both do what it says; what knows Argo's files alone says so.
#   mistral_file.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
grouped_disks
printf 'name: n\nprovider: p\nresources: ["X::Group#g"]\npolicy: {drift: ignore, parallelism: 2, run_deadline: 1h}\n' >n.yaml
holdfast compile protect n.yaml -o argo.yaml >said 2>&1 || fail "argo: $(cat said)"
holdfast compile protect n.yaml -o mistral.yaml --engine mistral >said 2>&1 || fail "mistral: $(cat said)"
for lost in parallelism run_deadline; do
  grep -q "the plan's $lost is not kept" said || fail "not said that $lost is not kept: $(cat said)"
done
diff -r argo.bundle mistral.bundle || fail "the bundles differ"

# As many tasks as a definition of Mistral may have, and no file where it is told otherwise.
for tasks in 0 -1 20 21 201 1000000; do
  code=$(code_of said holdfast compile protect n.yaml -o none.yaml --engine mistral --max-tasks-per-template=$tasks)
  case $tasks in
    0 | -1) [ "$code" = 2 ] && grep -q "max-tasks-per-template: Value $tasks not in range 20 to" said || fail "$tasks: $code: $(cat said)" ;;
    20 | 21) [ "$code" = 3 ] && grep -q "at least 22 tasks, not $tasks$" said || fail "$tasks: $code: $(cat said)" ;;
    *) [ "$code" = 3 ] && grep -q "at most 200 tasks, not $tasks$" said && grep -q '^help: .*200 or less' said || fail "$tasks: $code: $(cat said)" ;;
  esac
  [ ! -e none.yaml ] && [ ! -e none.bundle ] || fail "$tasks: something was written"
done
for tasks in 22 200; do
  [ "$(code_of said holdfast compile protect n.yaml -o some.yaml --engine mistral --max-tasks-per-template=$tasks)" = 0 ] || fail "$tasks: $(cat said)"
done

# What fits to the last task is one definition: 7 resources of 3 steps, begin and end. With one task less it is cut.
group_of() { # DISKS
  printf "format: 1\nresources:\n- {type: 'X::Group', id: g, name: g, children: ["
  printf "{type: 'X::Disk', id: d%s}, " $(seq "$1")
  echo ']}'
  printf -- "- {type: 'X::Disk', id: d%s, name: d}\n" $(seq "$1")
}
group_of 6 >n.graph.yaml
holdfast -q compile protect n.yaml -o fits.yaml --engine mistral --max-tasks-per-template=23 || fail "23 tasks"
[ ! -e fits.children ] && [ "$(grep -c '^    [a-z0-9-]*:$' fits.yaml)" = 24 ] || fail "23 tasks, and the frame of task-defaults: $(cat fits.yaml)"
holdfast -q compile protect n.yaml -o cut.yaml --engine mistral --max-tasks-per-template=22 || fail "22 tasks"
[ -d cut.children ] || fail "22 tasks are 23"

# What it is cut into is counted, and said who stores it.
for disks in 6 12; do
  group_of $disks >n.graph.yaml
  holdfast compile protect n.yaml -o cut.yaml --engine mistral --max-tasks-per-template=22 >said 2>&1 || fail "$(cat said)"
  count=$(ls cut.children | wc -l)
  grep -q kubectl said && fail "a cluster's command: $(cat said)"
  grep -qF "it starts $count sub-workflows, in cut.children: 'holdfast submit cut.yaml --engine mistral' stores them before it" said || fail "of $count: $(cat said)"
  [ "$(holdfast --json compile protect n.yaml -o cut.yaml --engine mistral --max-tasks-per-template=22 | field compiled children)" = "$count" ] || fail "children in JSON"
done
printf 'name: n\nprovider: p\nresources: ["X::Group#g", "X::Disk#loose"]\npolicy: {fuse: leaf}\n' >one.yaml
{
  group_of 19
  echo "- {type: 'X::Disk', id: loose, name: loose}"
} >one.graph.yaml
holdfast compile protect one.yaml -o one-part.yaml --engine mistral --max-tasks-per-template=24 >said 2>&1 || fail "$(cat said)"
grep -qF "it starts 1 sub-workflow, in one-part.children: 'holdfast submit one-part.yaml --engine mistral' stores it before it" said || fail "$(cat said)"

# The parts of an earlier compile go, whichever engine it was for; what else is there stays.
printf 'mine' >cut.children/notes.txt
printf 'a: 1\n' >cut.children/mine.yaml
group_of 6 >n.graph.yaml
for engine in mistral argo mistral; do
  holdfast -q compile protect n.yaml -o cut.yaml --engine $engine --max-tasks-per-template=24 || fail "$engine"
  [ "$(ls cut.children | tr '\n' ' ')" = "mine.yaml notes.txt " ] || fail "$engine: $(ls cut.children)"
  # That is passed over by whatever reads a file for Mistral.
  if [ $engine = mistral ]; then
    holdfast verify-workflow cut.yaml >said 2>&1 || fail "with a file of mine: $(cat said)"
    holdfast lint --engine mistral cut.yaml >said 2>&1 || fail "with a file of mine: $(cat said)"
    holdfast submit cut.yaml --engine mistral --dry-run=client >said 2>&1 || fail "with a file of mine: $(cat said)"
    # A definition is none of that.
    printf "version: '2.0'\nn-protect.mine: {tasks: {a: {action: std.noop}}}\n" >cut.children/more.yaml
    [ "$(code_of said holdfast verify-workflow cut.yaml)" = 3 ] && grep -q 'nothing starts n-protect.mine' said || fail "$(cat said)"
    [ "$(code_of said holdfast submit cut.yaml --engine mistral --dry-run=client)" = 3 ] && grep -q 'n-protect.mine, which nothing starts' said || fail "$(cat said)"
    rm cut.children/more.yaml
  fi
  rm cut.children/mine.yaml
  holdfast verify-workflow cut.yaml >said 2>&1 || fail "$engine: $(cat said)"
  holdfast -q compile protect n.yaml -o cut.yaml --engine mistral --max-tasks-per-template=22 || fail "22 tasks"
  printf 'a: 1\n' >cut.children/mine.yaml
done
grouped_disks

for engine in argo mistral; do
  holdfast verify-workflow $engine.yaml >said 2>&1 || fail "$engine: $(cat said)"
  grep -q 'runs the 9 steps of its bundle' said || fail "$engine: $(cat said)"
  holdfast --json verify-workflow $engine.yaml --bundle argo.bundle >said || fail "$engine: $(cat said)"
  python3 -c 'import json, sys
o = json.loads(open("said").readline())
assert o["message_type"] == "proof" and o["holds"] and o["steps"] == 9 and o["order"] == 21 and o["added"] == 0, o' || fail "$engine: $(cat said)"
done

# Its steps are run one by one by hand as those of a file for Argo are: in the order of the list, which has the same steps.
holdfast --json step list mistral.yaml >listed || fail "step list"
holdfast --json step list argo.yaml >listed.argo || fail "step list for Argo"
python3 -c 'import json
here, there = ([json.loads(line) for line in open(name)] for name in ("listed", "listed.argo"))
assert {s["name"] for s in here} == {s["name"] for s in there}, here
assert {s["name"]: set(s["gates"]) for s in here} == {s["name"]: set(s["gates"]) for s in there}, here' || fail "$(cat listed)"
for step in $(holdfast -q step list mistral.yaml | awk 'NR > 1 { print $1 }'); do
  holdfast explain mistral.yaml $step >said || fail "explain $step: $(cat said)"
  holdfast step show mistral.yaml $step --run-id by-hand | grep -qF -- "--run=by-hand" || fail "step show $step"
  holdfast step run mistral.yaml $step --run-id by-hand >said 2>&1 || fail "step $step: $(cat said)"
done
[ "$(holdfast --json checkpoints show by-hand | grep -c '"state":"available"')" -ge 1 ] || fail "by-hand is not available"
[ "$(code_of said holdfast step run mistral.yaml nothing --run-id by-hand)" = 10 ] || fail "a step that is not there: $(cat said)"

holdfast lint --engine mistral mistral.yaml >said 2>&1 || fail "lint: $(cat said)"
[ "$(code_of said holdfast lint mistral.yaml)" = 3 ] && grep -q 'holdfast lint --engine mistral' said || fail "lint for Argo: $(cat said)"

# In whatever writing it is.
cp -r mistral.bundle written.bundle
written() { # COMMAND...: from mistral.yaml to written.yaml
  "$@" <mistral.yaml >written.yaml
  holdfast verify-workflow written.yaml >said 2>&1 || fail "$*: $(cat said)"
  holdfast lint --engine mistral written.yaml >said 2>&1 || fail "$*: $(cat said)"
  holdfast submit written.yaml --engine mistral --dry-run=client >said 2>&1 || fail "$*: $(cat said)"
  [ "$(code_of said holdfast submit written.yaml --engine argo)" = 3 ] && grep -q 'is a workflow for Mistral' said || fail "$*: $(cat said)"
}
written python3 -c 'import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)'
written python3 -c 'import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout, indent=2)'
written sed 's/^/  /'
written sed '1s/^/\xEF\xBB\xBF/'
written sed '1i # Reviewed by Bob, OK'
written sed '1i ---'
written grep -v '^ *#'
# It says whose it is, and nothing else.
sed 's/holdfast.plan=n"/holdfast.plan=other"/' mistral.yaml >written.yaml
[ "$(code_of said holdfast verify-workflow written.yaml)" = 3 ] && grep -q "written.yaml:[0-9]*: 'tags' of n-protect is .*holdfast.plan=other" said || fail "$(cat said)"
[ "$(code_of said holdfast submit written.yaml --engine mistral --dry-run=client)" = 3 ] && grep -q 'says that it is Protect of plan other .*by its bundle it is Protect of plan n ' said || fail "$(cat said)"
grep -v '^ *#\|^  tags:' mistral.yaml >written.yaml
[ "$(code_of said holdfast submit written.yaml --engine mistral --dry-run=client)" = 3 ] && grep -q "does not say what it was compiled from: its 'tags' are gone" said || fail "$(cat said)"

# The input of its bundle alone is said where it is started, and not to a trigger, which starts what is there; one of another is none.
mark=$(sed -n 's/^  - {\(of-bundle-[0-9a-f]\{16\}\): true}$/\1/p' mistral.yaml)
grep -q "{bundle: \"${mark#of-bundle-}" mistral.yaml || fail "$mark is not that of the bundle"
holdfast submit mistral.yaml --engine mistral --dry-run=client >said 2>&1 && grep -q "\"$mark\": \"true\"" said || fail "$(cat said)"
holdfast submit mistral.yaml --engine mistral --dry-run=client --parameter $mark=no >said 2>&1 && grep -q "\"$mark\": \"true\"" said || fail "$(cat said)"
sed 's/of-bundle-..../of-bundle-0000/' mistral.yaml >written.yaml
for command in verify-workflow 'lint --engine mistral' 'submit --engine mistral --dry-run=client'; do
  [ "$(code_of said holdfast $command written.yaml)" = 3 ] && grep -q "input of-bundle-0000" said || fail "$command: $(cat said)"
done
# As an earlier build wrote it.
grep -v of-bundle- mistral.yaml >written.yaml
holdfast verify-workflow written.yaml >said 2>&1 || fail "$(cat said)"
holdfast submit written.yaml --engine mistral --dry-run=client >said 2>&1 && grep -q '"bundle": ' said && ! grep -q of-bundle- said || fail "$(cat said)"

# One link less.
sed -i '0,/on-complete: \[\(.*\), /s//on-complete: [/' mistral.yaml
[ "$(code_of said holdfast verify-workflow mistral.yaml)" = 3 ] || fail "a file that loses order is taken: $(cat said)"
grep -q 'does not do what its bundle says' said || fail "$(cat said)"
grep -q 'inbound link\|does not wait for' said || fail "it does not say why: $(cat said)"
sed -i '0,/^    [^ ]*post:$/s//    evil:/' mistral.yaml
[ "$(code_of said holdfast lint --engine mistral mistral.yaml)" = 3 ] && grep -q "there is no task .*\[reference\]" said ||
  fail "lint takes links to nowhere: $(cat said)"
[ "$(code_of said holdfast verify-workflow mistral.yaml)" = 3 ] || fail "a file without a step is taken: $(cat said)"

# One of another bundle.
printf 'name: n\nprovider: p\nresources: ["X::Group#g"]\npolicy: {drift: fail}\n' >n.yaml
holdfast -q compile protect n.yaml -o other.yaml --engine mistral
[ "$(code_of said holdfast verify-workflow other.yaml --bundle argo.bundle)" = 3 ] || fail "another bundle is taken"
grep -q 'is not the one that other.yaml was compiled with' said || fail "$(cat said)"

# A schedule: a second file, which lint knows, and which is held to the plan in the bundle.
printf 'name: n\nprovider: p\nresources: ["X::Group#g"]\nschedule: {cron: "30 2 * * 7", timezone: Etc/UTC}\n' >n.yaml
holdfast compile protect n.yaml -o timed.yaml --engine mistral --kind template >said 2>&1 || fail "$(cat said)"
grep -q "the schedule's concurrency is not kept" said || fail "$(cat said)"
holdfast lint --engine mistral timed.yaml timed.schedule.yaml >said 2>&1 || fail "lint of our own schedule: $(cat said)"
grep -q '^2 files: nothing to refuse$' said || fail "$(cat said)"
[ "$(code_of said holdfast lint timed.schedule.yaml)" = 3 ] && grep -q 'is a cron trigger for Mistral' said || fail "lint for Argo: $(cat said)"
[ "$(code_of said holdfast verify-workflow timed.schedule.yaml)" = 3 ] && grep -q "of a schedule name the workflow's file" said || fail "$(cat said)"
for engine in mistral argo; do
  [ "$(code_of said holdfast submit timed.schedule.yaml --engine $engine)" = 3 ] && grep -q '^timed.schedule.yaml is a cron trigger for Mistral' said || fail "$(cat said)"
  grep -q "^help: .*'holdfast submit NAME.yaml --engine mistral --schedule'" said || fail "$(cat said)"
done
holdfast verify-workflow timed.yaml >said 2>&1 || fail "$(cat said)"
grep -q '^timed.schedule.yaml: starts it when its plan says$' said || fail "$(cat said)"
holdfast --json verify-workflow timed.yaml | grep -q '"schedule":"timed.schedule.yaml"' || fail "no schedule in JSON"
inputs=$(sed -n 's/^  - {\(bundle\|of-bundle-[0-9a-f]*\): "\{0,1\}\([0-9a-z]*\).*/--parameter \1=\2/p' timed.yaml)
[ "$(echo "$inputs" | wc -l)" = 2 ] || fail "$inputs"
holdfast submit timed.yaml --engine mistral --schedule --dry-run=client --fail-fast $inputs >said 2>&1 || fail "$(cat said)"
grep -q '"fail-fast": "true"' said && ! grep -q bundle said || fail "a trigger that runs one compile's bundle: $(cat said)"
cp timed.schedule.yaml good
changed() { # SED FAULT
  sed "$1" good >timed.schedule.yaml
  cmp -s good timed.schedule.yaml && fail "$1 changes nothing"
  [ "$(code_of said holdfast verify-workflow timed.yaml)" = 3 ] || fail "$1 is taken: $(cat said)"
  grep -qF "$2" said || fail "$1: $(cat said)"
}
changed 's/30 2/30 3/' "timed.schedule.yaml:8: 'pattern' is \"30 3 * * 0\", and \"30 2 * * 0\" by its plan"
changed 's/env: holdfast/env: other/' "'workflow_params' is"
changed '$ascope: public' "the cron trigger has 'scope'"
changed '$aworkflow_input: {partial: true}' "the cron trigger has 'workflow_input'"
changed '/^pattern/d' "the cron trigger has no 'pattern'"
# What Mistral would answer as a fault of its own is not sent there.
changed 's/"30 2.*"/"0 0 31 2 *"/' "'pattern' is"
for command in "lint --engine mistral timed.schedule.yaml" "submit --engine mistral timed.yaml --schedule --dry-run=client"; do
  [ "$(code_of said holdfast $command)" = 3 ] && grep -q "^timed.schedule.yaml:8:10: 'pattern': this day of month never comes" said || fail "$command: $(cat said)"
done
# Under another name it would be stored beside the one that the schedule starts.
sed 's/^n-protect:/zz-protect:/' timed.yaml >renamed.yaml
cp good renamed.schedule.yaml
[ "$(code_of said holdfast verify-workflow renamed.yaml --bundle timed.bundle)" = 3 ] || fail "another name is taken: $(cat said)"
grep -q "renamed.yaml:[0-9]*: the workflow's name is \"zz-protect\", and \"n-protect\" by its plan" said || fail "$(cat said)"
mv timed.schedule.yaml elsewhere.yaml
holdfast verify-workflow timed.yaml >said 2>&1 || fail "$(cat said)"
grep -q '^warning: its plan has a schedule, and there is no timed.schedule.yaml' said || fail "$(cat said)"
[ "$(code_of said holdfast verify-workflow timed.yaml --schedule elsewhere.yaml)" = 3 ] || fail "another file is not looked at: $(cat said)"
holdfast verify-workflow timed.yaml --schedule good >said 2>&1 || fail "$(cat said)"
[ "$(code_of said holdfast verify-workflow timed.yaml --schedule nothing.yaml)" = 10 ] || fail "a file that is not there: $(cat said)"
# A file of an earlier compile.
cp good other.schedule.yaml
[ "$(code_of said holdfast verify-workflow other.yaml)" = 3 ] && grep -q 'its plan has no schedule for it' said || fail "$(cat said)"
# A day that never comes is refused when it is compiled, and one that comes on a day of week alone says so to Mistral.
sed -i 's/30 2 \* \* 7/0 0 31 2 */' n.yaml
[ "$(code_of said holdfast compile protect n.yaml -o never.yaml --engine mistral --kind template)" = 3 ] || fail "31 February: $(cat said)"
grep -q '^n.yaml:4:18: this day never comes$' said || fail "$(cat said)"
[ ! -e never.yaml ] || fail "it was written"
sed -i 's/0 0 31 2 \*/0 0 31 2 mon/' n.yaml
holdfast -q compile protect n.yaml -o monday.yaml --engine mistral --kind template || fail "31 February or a Monday"
grep -q '^pattern: "0 0 \* 2 mon"$' monday.schedule.yaml || fail "$(cat monday.schedule.yaml)"
sed -i 's/0 0 31 2 mon/0 2 1,15,31 * */' n.yaml
holdfast compile protect n.yaml -o march.yaml --engine mistral --kind template >said 2>&1 || fail "$(cat said)"
grep -q 'starts nothing on the 1st of March' said || fail "$(cat said)"

# What Mistral has nothing for is refused where it stands, or said.
for change in 's/timezone: Etc.UTC/timezone: Europe\/Berlin/' 's/timezone: Etc.UTC/suspend: true/'; do
  sed "$change" n.yaml >zone.yaml
  [ "$(code_of said holdfast compile protect zone.yaml --graph n.graph.yaml -o zone-protect.yaml --engine mistral --kind template)" = 3 ] || fail "$change: $(cat said)"
  grep -q '^zone.yaml:4:[0-9]*: Mistral' said && grep -qF '| schedule: ' said || fail "$change: $(cat said)"
done
holdfast compile protect n.yaml -o few.yaml --engine mistral --max-tasks-per-workflow 300 >said 2>&1 || fail "$(cat said)"
grep -q '^note: --max-tasks-per-workflow is for Argo' said || fail "$(cat said)"
for command in "lint --engine mistral few.yaml --templates nowhere" "submit --engine mistral few.yaml --templates nowhere --dry-run=client"; do
  [ "$(code_of said holdfast $command)" = 2 ] && grep -q -- '--templates is for' said || fail "$command: $(cat said)"
done

# What the plan says of retries and deadlines, and how the run is started.
for change in 's/count: 5/count: 100000/' 's/delay: 10$/delay: 1000000000/' 's/timeout: [0-9]*$/timeout: 1/' 's/{partial: false}/{partial: true}/' 's/{fail-fast: false}/{fail-fast: true}/'; do
  sed "$change" monday.yaml >edited.yaml
  cmp -s monday.yaml edited.yaml && fail "$change changes nothing"
  [ "$(code_of said holdfast verify-workflow edited.yaml --bundle monday.bundle)" = 3 ] && grep -q 'edited.yaml:[0-9]*: ' said || fail "$change: $(cat said)"
done

for command in "run other.yaml" "submit other.yaml"; do
  [ "$(code_of said holdfast $command)" = 3 ] || fail "$command: $(cat said)"
  grep -q 'is a workflow for Mistral' said && grep -q -- '--engine argo' said || fail "$command: $(cat said)"
done
[ "$(code_of said holdfast publish other.yaml)" = 0 ] || fail "publish: $(cat said)"
[ "$(code_of said holdfast compile protect n.yaml --engine mistrel)" = 2 ] || fail "an unknown engine: $(cat said)"
