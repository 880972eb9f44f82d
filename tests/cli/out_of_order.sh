#!/usr/bin/env bash
# A snapshot is not taken once the application goes on: a step that comes too late refuses, whoever starts it: by
# hand with what 'step show' prints, or an engine with a file that somebody has changed.
#   out_of_order.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
application "echo quiesce >>$dir/hooks" "echo resume >>$dir/hooks"
printf '[local]\ninventory = %s/inventory.yaml\n' "$dir" | provider local-application local-directory
holdfast -q plan discover app.yaml
holdfast -q compile protect app.yaml -o app-protect.yaml
step_of() { # ACTIVITY RESOURCE
  holdfast --json step list app-protect.yaml | python3 -c 'import json, sys
for s in map(json.loads, sys.stdin):
    if [a["activity"] for a in s.get("activities", [])] == [sys.argv[1]] and s["type"] == sys.argv[2]: print(s["name"])' "$@"
}
holdfast --json step list app-protect.yaml >steps.json
pre=$(step_of pre Local::Application) finish=$(step_of pre_finish Local::Application) snapshot=$(step_of pre Local::Directory)
[ -n "$pre" ] && [ -n "$finish" ] && [ -n "$snapshot" ] || fail "$(cat steps.json)"
by_hand() { # RUN STEP
  local command
  command=$(holdfast step show app-protect.yaml "$2" --run-id "$1" 2>/dev/null)
  sh -c "$command" >>by_hand.out 2>&1
}

holdfast -q step run app-protect.yaml begin --run-id late 2>by_hand.out
by_hand late "$pre" && by_hand late "$finish" || fail "$(cat by_hand.out)"
code=0
by_hand late "$snapshot" || code=$?
[ $code = 3 ] || fail "a snapshot after the resume ended with $code: $(cat by_hand.out)"
grep -q "step $snapshot is too late: pre_finish of Local::Application#app has run" by_hand.out || fail "$(cat by_hand.out)"
[ "$(code_of run.out holdfast step run app-protect.yaml end --run-id late)" = 5 ] || fail "$(cat run.out)"

# In order it is none of it.
holdfast -q step run app-protect.yaml begin --run-id fine 2>by_hand.out
for name in "$pre" "$snapshot" "$finish"; do by_hand fine "$name" || fail "$name: $(cat by_hand.out)"; done
by_hand fine "$snapshot" || fail "one that was done is refused when it is run again: $(cat by_hand.out)"

# A file in which pre_finish does not wait for the snapshot: whichever comes first, no checkpoint is available
# that was taken after the resume.
cp -r app-protect.bundle changed.bundle
python3 - "$finish" "$snapshot" <<'END'
import re, sys
finish, snapshot = sys.argv[1:]
text = open("app-protect.yaml").read()
tasks = re.split(r"(?m)^(?=      - name: )", text)
for i, task in enumerate(tasks):
    if task.startswith(f"      - name: {finish}\n"):
        tasks[i] = re.sub(r"(?ms)^        depends:.*?(?=^ {0,8}\S|\Z)", "        depends: begin.Succeeded\n", task)
    if task.startswith(f"      - name: {snapshot}\n"):
        tasks[i] = re.sub(r"(?ms)^        depends:.*?(?=^ {0,8}\S|\Z)", f"        depends: {finish}.Succeeded\n", task)
open("changed.yaml", "w").write("".join(tasks))
END
! cmp -s app-protect.yaml changed.yaml || fail "the file was not changed"
holdfast -q run changed.yaml --run-id changed >run.out 2>&1 && fail "a run whose snapshot came after the resume is green: $(cat run.out)"
[ -z "$(holdfast --json checkpoints list | grep '"state":"available"')" ] || fail "$(holdfast checkpoints list)"
