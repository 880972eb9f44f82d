#!/usr/bin/env bash
# What is stored in the real Mistral: a workflow and its parts are always of one compile, whatever is stored beside them and
# wherever that is interrupted; and what is somebody else's, workflow or cron trigger, is left alone.
#   store.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
start_mistral
call() { # METHOD TARGET [JSON]
  curl -sf -o answer -X "$1" -H 'Content-Type: application/json' ${3:+-d "$3"} "$API$2" || fail "$1 $2"
}
stored_names() { # BEGINNING: of the workflows that are there
  call GET '/workflows?fields=id,name'
  python3 -c 'import json, sys
print("\n".join(sorted(w["name"] for w in json.load(open("answer"))["workflows"] if w["name"].startswith(sys.argv[1]))))' "$1"
}
submitted() { sed -n 's/^submitted run \([^ ]*\) .*/\1/p' said; }
refused() { # WORDS COMMAND...: says so, and has stored nothing
  stored_names '' >before
  [ "$(code_of said on "${@:2}")" = 3 ] && grep -q "$1" said || fail "not '$1': $(cat said)"
  ! grep -q '^stored\|^changed\|^removed' said || fail "something was stored: $(cat said)"
  stored_names '' | diff before - || fail "there are others"
}
# Of the last hour, a part may be another submit's, which is yet to store what starts it.
age_parts() { # WORKFLOW
  /usr/bin/python3 -c 'import sqlite3, sys
with sqlite3.connect(sys.argv[1], timeout=60) as database:
    old = "2026-01-01 00:00:00"
    database.execute("UPDATE workflow_definitions_v2 SET created_at = ?, updated_at = ? WHERE name LIKE ?", (old, old, sys.argv[2] + ".%"))' "$dir/mistral/mistral.sqlite" "$1"
}
# What somebody else does while a command is at work: right before its first request of that kind.
between() { # 'METHOD REGEX' WORDS: of a shell
  rm -f port
  python3 "$scene/between.py" http://127.0.0.1:8989 port "$1" bash -c "$2" &
  engine="$engine $!"
  soon test -s port
}
through() { OS_MISTRAL_URL=http://127.0.0.1:$(cat port)/v2 on "$@"; }
seen() { cat said; }

ids=$(seq -f d%02g 14)
noop="trace = $dir/trace" disks $ids
mv n.graph.yaml all.graph.yaml
sed -i 's,n.graph.yaml,all.graph.yaml,' providers.d/p.conf
for plan in k f s; do cp all.graph.yaml $plan.graph.yaml; done
for plan in f s; do
  grep -v 'id: d' all.graph.yaml >$plan.graph.yaml
  grep 'id: d01' all.graph.yaml >>$plan.graph.yaml
  printf 'name: %s\nprovider: p\nresources: ["X::Disk#d01"]\npolicy: {drift: ignore}\nschedule: {cron: "0 0 1 1 *", timezone: Etc/UTC}\n' $plan >$plan.yaml
done
printf 'name: k\nprovider: p\nresources: [%s]\npolicy: {drift: ignore}\n' "$(printf '"X::Disk#%s", ' $ids)" >k.yaml
compiled one.yaml protect k.yaml --max-tasks-per-template 26
compiled two.yaml protect k.yaml --max-tasks-per-template 23
part_names() { sed -n 's/^\(k-protect\.[^ ]*\):$/\1/p' $1.children/*.yaml | sort; } # NAME
for name in one two; do part_names $name >$name.parts; done
comm -23 one.parts two.parts >one.alone
comm -13 one.parts two.parts >two.alone
[ -s one.alone ] && [ -s two.alone ] && [ -n "$(comm -12 one.parts two.parts)" ] || fail "the cuts do not differ, or in all: $(cat one.parts two.parts)"

# A comment on top of a file changes nothing of whose it is; and the parts of before go.
[ "$(code_of said on submit one.yaml --watch)" = 0 ] || fail "$(cat said)"
good=$(submitted)
stored_names k-protect. | diff one.parts - || fail "the parts"
sed -i '1i # Reviewed by Bob, OK' two.yaml
[ "$(code_of said on submit two.yaml --dry-run=server)" = 0 ] && grep -q '^would change workflow k-protect$' said || fail "$(cat said)"
stored_names k-protect. | diff one.parts - || fail "--dry-run=server has stored something"
age_parts k-protect
[ "$(code_of said on submit two.yaml --watch)" = 0 ] && grep -q '^changed workflow k-protect$' said || fail "$(cat said)"
[ "$(grep -c '^removed workflow k-protect\..* of an earlier compile$' said)" = "$(wc -l <one.alone)" ] || fail "$(cat said)"
stored_names k-protect. | diff two.parts - || fail "the parts"
sed -i '1i ---' one.yaml
[ "$(code_of said on submit one.yaml --watch)" = 0 ] && grep -q " of an earlier compile are left: of the last hour" said || fail "$(cat said)"
age_parts k-protect
[ "$(code_of said on submit one.yaml --watch)" = 0 ] || fail "$(cat said)"
good=$(submitted)
stored_names k-protect. | diff one.parts - || fail "the parts"

# Refused because of one name, nothing is stored; and the run of before can be started again.
taken=$(tail -1 two.alone)
printf "version: '2.0'\n$taken:\n  tasks: {a: {action: std.noop}}\n" >foreign.yaml
api create workflows foreign.yaml
refused "there is another workflow $taken in .*: 'holdfast compile' has not written it" submit two.yaml
refused "there is another workflow $taken in " submit two.yaml --dry-run=server
[ "$(code_of said on resubmit $good --watch)" = 0 ] || fail "$(cat said)"
call DELETE "/workflows/$taken"
# Interrupted half-way, too: what the workflow that is there starts is still there, under names of its own.
api create workflows "$(grep -l "^$(head -1 two.alone):" two.children/*.yaml)"
[ "$(code_of said on resubmit $good --watch)" = 0 ] || fail "$(cat said)"
[ "$(code_of said on submit two.yaml)" = 0 ] && grep -q '^changed workflow k-protect$' said || fail "$(cat said)"
[ "$(grep -c '^stored workflow k-protect\.' said)" = $(($(wc -l <two.alone) - 1)) ] || fail "$(cat said)"
run=$(submitted)
[ "$(code_of said on watch $run)" = 0 ] || fail "$(cat said)"

# What a part does may have been changed under its name.
part=$(head -1 two.parts)
printf "version: '2.0'\n$part:\n  tags: [mine]\n  tasks: {a: {action: std.noop}}\n" >foreign.yaml
api create workflows foreign.yaml
refused "the workflow $part in .*, which k-protect starts, is none of its parts" resubmit $run
grep -q "^help: 'holdfast submit FILE --engine mistral' stores all of them" said || fail "$(cat said)"
call DELETE "/workflows/$part"
[ "$(code_of said on resubmit $run)" = 10 ] && grep -q "the workflow $part, which k-protect starts, is gone from" said || fail "$(cat said)"

# An earlier build gave the parts of all compiles the same names, and had no tags, nor an input of the bundle alone.
old() { # NAME: as old-NAME
  mkdir old-$1.children
  cp -r $1.bundle old-$1.bundle
  for file in $1.yaml $1.children/*.yaml; do
    sed -E '/^  tags: /d; /^  - \{of-bundle-/d; s/(k-protect\.[a-z0-9-]+)\.[0-9a-f]{10}/\1/' $file >old-$file
  done
}
old one
old two
[ "$(code_of said on submit old-one.yaml --watch)" = 0 ] && grep -q '^changed workflow k-protect$' said || fail "$(cat said)"
run=$(submitted)
# With that of the definition that is there a run is started again, whichever it had.
[ "$(code_of said on resubmit $good --watch)" = 0 ] || fail "$(cat said)"
call GET "/executions/$(submitted)"
! grep -q of-bundle- answer || fail "$(cat answer)"
api create workflows old-two.children/*.yaml
refused 'the parts of k-protect in .* are not those that it was compiled with: step [a-z0-9-]* is in ' resubmit $run
[ "$(code_of said on submit old-one.yaml --watch)" = 0 ] || fail "$(cat said)"
age_parts k-protect
[ "$(code_of said on submit one.yaml --watch)" = 0 ] && grep -q '^changed workflow k-protect$' said || fail "$(cat said)"
stored_names k-protect. | diff one.parts - || fail "those of the earlier build are left"
[ "$(code_of said on resubmit $run --watch)" = 0 ] || fail "$(cat said)"
call GET "/executions/$(submitted)"
grep -q 'of-bundle-[0-9a-f]\{16\}' answer || fail "$(cat answer)"
[ "$(code_of said on submit one.yaml --record nosuch --dry-run=server)" = 10 ] || fail "$(cat said)"

# Two submits at once: of the one that has stored its parts, and not yet the workflow, nothing is removed.
again="holdfast submit one.yaml --engine mistral --watch >inner 2>&1; echo \$? >>inner"
between 'PUT .*/workflows' "$again"
[ "$(code_of said through submit two.yaml --watch)" = 0 ] && grep -q '^changed workflow k-protect$' said || fail "$(cat said inner)"
[ "$(tail -1 inner)" = 0 ] && ! grep -q '^removed' inner || fail "$(cat inner)"
age_parts k-protect
[ "$(code_of said on submit one.yaml)" = 0 ] || fail "$(cat said)"
[ "$(code_of said on watch "$(submitted)")" = 0 ] || fail "$(cat said)"
# Should they be gone when it is to start, it stores them again.
between 'PUT .*/workflows' "$(declare -f age_parts); dir=$dir; age_parts k-protect; $again"
[ "$(code_of said through submit two.yaml --watch)" = 0 ] && grep -q '^what is stored of k-protect has been changed since' said || fail "$(cat said inner)"
[ "$(tail -1 inner)" = 0 ] && grep -q '^removed' inner || fail "$(cat inner)"
# So does who has found all as it was, before another one has changed it; and what is started is of one compile.
age_parts k-protect
between 'GET .*/workflows\?fields=.*has.*' "holdfast submit one.yaml --engine mistral --watch >inner 2>&1; echo \$? >>inner"
[ "$(code_of said through submit two.yaml --watch)" = 0 ] && grep -q '^what is stored of k-protect has been changed since' said || fail "$(cat said inner)"
[ "$(tail -1 inner)" = 0 ] && grep -q '^changed workflow k-protect$' inner || fail "$(cat inner)"
run=$(submitted)
between 'GET .*/workflows/k-protect\..*' "$again"
[ "$(code_of said through resubmit $run)" = 75 ] && grep -q "^somebody has just stored the workflow k-protect in " said || fail "$(cat said inner)"

# What another one stores after the last look is refused by Mistral itself: nothing has the bundle of one compile and the steps of another.
# (The two above have one bundle, cut in two ways.)
sed -i.before 's/drift: ignore/drift: ignore, retries: 4/' k.yaml
compiled anew.yaml protect k.yaml --max-tasks-per-template 26
mv k.yaml.before k.yaml
started() { # ends with how many runs of k-protect there are
  call GET '/executions?fields=id,workflow_name&workflow_name=k-protect'
  python3 -c 'import json; print(len(json.load(open("answer"))["executions"]))'
}
for command in 'submit two.yaml' "resubmit $run"; do
  [ "$(code_of said on submit two.yaml --watch)" = 0 ] || fail "$(cat said)"
  count=$(started)
  between 'POST .*/executions' "holdfast submit anew.yaml --engine mistral >inner 2>&1; echo \$? >>inner"
  [ "$(code_of said through $command)" = 75 ] || fail "$command: $(cat said inner)"
  grep -q "somebody has just stored another compile of the workflow k-protect in .*: nothing was started$" said || fail "$command: $(cat said)"
  ! grep -q '^submitted' said && [ "$(tail -1 inner)" = 0 ] || fail "$command: $(cat said inner)"
  [ "$(started)" = $((count + 1)) ] || fail "$command has started something"
  inner=$(sed -n 's/^submitted run \([^ ]*\) .*/\1/p' inner)
  [ "$(code_of said on watch $inner)" = 0 ] || fail "$(cat said)"
done
# By the same again it is that one's own, or said that it is not.
[ "$(code_of said on resubmit $run)" = 3 ] && grep -q "k-protect in .* has been compiled anew since run $run" said || fail "$(cat said)"

# A part that is changed by hand keeps its name: not below a run that is at work.
sed -i '$aparameters: {"X::Disk#d05": {parallel_sleep: 600s}}' k.yaml
compiled three.yaml protect k.yaml --max-tasks-per-template 26
: >trace
run=$(on -q submit three.yaml) || fail "submit"
soon grep -q 'protect.parallel".*"begin".*Disk#d05' trace
sed -i 's/count: 5/count: 4/' "$(ls three.children/*.yaml | head -1)"
refused "run $run of k-protect is at work, and starts its parts by their names: to change k-protect.*now would" submit three.yaml
[ "$(code_of said on cancel $run)" = 0 ] || fail "$(cat said)"
[ "$(code_of said on submit three.yaml)" = 0 ] && grep -q '^changed workflow k-protect\.' said || fail "$(cat said)"
[ "$(code_of said on cancel "$(submitted)")" = 0 ] || fail "$(cat said)"

# Of somebody else's workflow nothing is changed, whatever its name is, and whatever comments either has.
compiled f-protect.yaml protect f.yaml
printf "version: '2.0'\nf-protect:\n  tasks: {a: {action: std.noop, wait-before: 60}}\n" >foreign.yaml
api create workflows foreign.yaml
grep -v '^ *#' f-protect.yaml >bare.yaml
cp -r f-protect.bundle bare.bundle
for file in f-protect bare; do
  refused "there is another workflow f-protect in .*: 'holdfast compile' has not written it" submit $file.yaml
  grep -q 'openstack workflow delete f-protect' said || fail "$(cat said)"
  refused "there is another workflow f-protect in " submit $file.yaml --dry-run=server
done
call GET /workflows/f-protect
grep -q 'wait-before: 60' answer || fail "it is changed: $(cat answer)"
call DELETE /workflows/f-protect
[ "$(code_of said on submit bare.yaml --watch)" = 0 ] || fail "$(cat said)"
[ "$(code_of said on submit f-protect.yaml --watch)" = 0 ] && ! grep -q '^stored\|^changed' said || fail "$(cat said)"
sed 's/holdfast.plan=f"/holdfast.plan=F"/' f-protect.yaml >foreign.yaml
api create workflows foreign.yaml
refused 'f-protect in .*: it is Protect of plan F for provider ' submit f-protect.yaml
# Nor of the workflow of another provider's plan of that name.
compiled s-protect.yaml protect s.yaml --kind template
[ "$(code_of said on submit s-protect.yaml --schedule)" = 0 ] || fail "$(cat said)"
sed 's/^name = p$/name = prod2/; s/^id = .*/id = 5b0c8826-81d6-44f5-bbe5-8f46a98c5845/' providers.d/p.conf >providers.d/prod2.conf
mkdir other
sed 's/^provider: p$/provider: prod2/' s.yaml >other/s.yaml
cp s.graph.yaml other/
compiled other/s-protect.yaml protect other/s.yaml --kind template
refused 's-protect in .*: it is Protect of plan s for provider 2e0c8826' submit other/s-protect.yaml
refused 's-protect in .*: it is Protect of plan s for provider 2e0c8826' submit other/s-protect.yaml --schedule
# Mistral removes no workflow that a trigger starts.
grep -q 'any more: openstack cron trigger delete s-protect, then openstack workflow delete s-protect$' said || fail "$(cat said)"
grep -v '^  tags: ' s-protect.yaml >foreign.yaml # by an earlier build
api create workflows foreign.yaml
refused 's-protect in .*: it is Protect of plan s for provider 2e0c8826' submit other/s-protect.yaml
[ "$(code_of said on submit s-protect.yaml --schedule)" = 0 ] && grep -q '^changed workflow s-protect$' said || fail "$(cat said)"

# What a trigger starts keeps its bundle, although no record names it: after a submit that starts nothing that is good, and after one that was
# ended half-way.
sed 's,holdfast_program: .*,holdfast_program: /bin/false,; s,^name: .*,name: broken,' environment.yaml >broken.yaml
api environment broken.yaml
next() { # SECONDS: another bundle
  sed -i '/^parameters/d' s.yaml
  printf 'parameters: {"X::Disk": {parallel_sleep: %ss}}\n' $1 >>s.yaml
  sed -i 's/policy: {drift: ignore}/policy: {drift: ignore, retries: 0}/' s.yaml
  compiled s-protect.yaml protect s.yaml --kind template
}
runs_as_scheduled() {
  find bank -path '*bundles*' -type f -exec touch -d '2 days ago' {} +
  [ "$(code_of said holdfast gc --provider p)" = 0 ] || fail "$(cat said)"
  api run s-protect >said 2>&1 || fail "what the trigger starts: $(cat said)"
}
next 1
[ "$(code_of said on submit s-protect.yaml --environment broken --watch)" = 5 ] || fail "$(cat said)"
runs_as_scheduled
next 2
between 'PUT .*/workflows' 'until [ -s ended ]; do sleep 0.1; done; kill -9 $(cat ended)'
rm -f ended
env OS_MISTRAL_URL=http://127.0.0.1:$(cat port)/v2 holdfast submit s-protect.yaml --schedule --engine mistral >said 2>&1 &
echo $! >ended
code=0; wait $! || code=$?
[ $code = 137 ] || fail "it was not ended: $(cat said)"
changed_now() { call GET /workflows/s-protect && grep -q "$(sed -n 's/.*{bundle: *"\{0,1\}\([0-9a-f]*\).*/\1/p' s-protect.yaml)" answer; }
soon changed_now
runs_as_scheduled
# A workflow whose name only begins alike is no part.
sed 's/^s-protect:/s-protect.weekly:/' s-protect.yaml >weekly.yaml
api create workflows weekly.yaml
age_parts s-protect
[ "$(code_of said on submit s-protect.yaml)" = 0 ] && ! grep -q '^removed' said || fail "$(cat said)"
call DELETE /workflows/s-protect.weekly

# Nor of somebody else's cron trigger.
printf "version: '2.0'\nother:\n  tasks: {a: {action: std.noop}}\n" >foreign.yaml
api create workflows foreign.yaml
call DELETE /cron_triggers/s-protect
call DELETE /workflows/s-protect
call POST /cron_triggers '{"name": "s-protect", "workflow_name": "other", "pattern": "0 0 1 1 *"}'
refused 'there is another cron trigger s-protect in .*: it starts workflow other' submit s-protect.yaml --schedule
refused 'there is another cron trigger s-protect in ' submit s-protect.yaml --schedule --dry-run=server
call GET /cron_triggers/s-protect
grep -q '"workflow_name": *"other"' answer || fail "it is changed: $(cat answer)"
echo "all went well"
