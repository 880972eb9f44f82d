#!/usr/bin/env bash
# More steps than go into one template: templates that call each other. Run by the local engine they protect and
# restore the same, nothing runs when `begin` is refused, and 'explain' says what a step waits for beyond its need.
#   cut_workflow.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
{
  echo 'applications:'
  for app in front back; do
    printf '  - id: %s\n    quiesce: [sh, -c, "echo %s rests >>%s/hooks"]\n    resume: [sh, -c, "echo %s goes on >>%s/hooks"]\n' \
      $app $app "$dir" $app "$dir"
    echo '    directories:'
    for i in $(seq 1 9); do
      mkdir -p "data/$app$i"
      echo "$app $i" >"data/$app$i/file"
      echo "      - {id: $app$i, path: $dir/data/$app$i}"
    done
  done
} >inventory.yaml
printf '[local]\ninventory = %s/inventory.yaml\n' "$dir" | provider local-application local-directory
printf 'name: app\nprovider: p\nresources: ["Local::Application#front", "Local::Application#back"]\nparameters: {"Local::Directory": {snapshot: copy}}\n' >app.yaml
holdfast -q plan discover app.yaml
holdfast -q compile protect app.yaml -o whole.yaml
holdfast -q compile protect app.yaml -o cut.yaml --max-tasks-per-template 20
! grep -q -- '-rest$' whole.yaml || fail "a workflow of few steps is cut"
grep -q '^  - name: front[0-9]*-[0-9a-f]*-prep$' cut.yaml || fail "$(cat cut.yaml)"
python3 - cut.yaml <<'END' || fail "a template has more than 20 tasks"
import re, sys
templates = re.split(r"(?m)^  - name: ", open(sys.argv[1]).read())[1:]
sys.exit(max(len(re.findall(r"(?m)^      - name: ", t)) for t in templates) > 20)
END
holdfast -q lint cut.yaml || fail "lint finds something in what was compiled"
holdfast --json step list whole.yaml | python3 -c 'import json,sys; print("\n".join(sorted(json.loads(l)["name"] for l in sys.stdin)))' >whole.steps
holdfast --json step list cut.yaml | python3 -c 'import json,sys; print("\n".join(sorted(json.loads(l)["name"] for l in sys.stdin)))' >cut.steps
cmp -s whole.steps cut.steps || fail "other steps: $(diff whole.steps cut.steps)"

# A copy waits for all preparations of its batch; the resume for no copy.
copy=$(grep -m1 -- '^front[0-9]*-[0-9a-f]*-par$' cut.steps) resume=$(grep -m1 -- '^front-[0-9a-f]*-fin$' cut.steps)
holdfast explain cut.yaml "$copy" >explained
grep -q 'comes after [0-9]* steps* more because of how the file is cut:' explained || fail "$(cat explained)"
grep -q -- '-prep: it needs 1 of its [0-9]* steps; front[0-9]*-[0-9a-f]*-rest, which it stands in, waits for it' explained || fail "$(cat explained)"
holdfast explain cut.yaml "$resume" >explained
! grep -q 'because of how the file is cut' explained || fail "$(cat explained)"
holdfast explain whole.yaml "$copy" >explained
! grep -q 'because of how the file is cut' explained || fail "$(cat explained)"

holdfast -q run cut.yaml >run.out 2>&1 || fail "$(cat run.out)"
[ "$(sort hooks | uniq -c | tr -s ' ' | tr '\n' ,)" = " 1 back goes on, 1 back rests, 1 front goes on, 1 front rests," ] || fail "$(cat hooks)"
cp -r data expected
rm -r data/front3 data/back9
echo changed >data/front1/file
printf '"Local::Directory": {overwrite: true}\n' >overwrite.yaml
holdfast -q compile restore latest --plan app -p p --parameters overwrite.yaml -o restore.yaml --max-tasks-per-template 20
grep -q '^  - name: .*-all$\|^  - name: .*-prep$' restore.yaml || fail "the restore is not cut"
holdfast -q run restore.yaml >run.out 2>&1 || fail "$(cat run.out)"
diff -r expected data || fail "what was restored is not what was protected"

# One that fails: its own post is left out, everything else goes on, the verdict is red.
rm -r data/back2
[ "$(code_of run.out holdfast -q run cut.yaml)" = 5 ] || fail "$(cat run.out)"
holdfast --json checkpoints list | grep '"state":"error"' >/dev/null || fail "$(holdfast checkpoints list)"
[ "$(grep -c 'goes on' hooks)" = "$(grep -c 'rests' hooks)" ] || fail "something stayed at rest: $(cat hooks)"
