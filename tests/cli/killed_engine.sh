#!/usr/bin/env bash
# The engine is killed with SIGKILL while an application is at rest and copies run: `holdfast run
# --resume` ends the run, nothing stays at rest, and what was protected comes back byte by byte.
#   killed_engine.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
mkdir data
head -c 6000000 /dev/urandom >data/big
for i in $(seq 50); do echo "$i" >data/$i; done
cat >inventory.yaml <<END
applications:
  - {id: app, quiesce: [touch, $dir/frozen], resume: [rm, -f, $dir/frozen], directories: [{id: data, path: $dir/data}]}
END
provider local-application local-directory <<END
[local]
inventory = $dir/inventory.yaml
END
printf 'name: app\nprovider: p\nresources: ["Local::Application#app"]\nparameters: {"Local::Directory": {snapshot: copy, rate_limit: 1 MB}}\n' >app.yaml
holdfast -q plan discover app.yaml
holdfast -q compile protect app.yaml
sum=$(cd data && cat * | sha256sum)

# Kills the engine when its state has got so far, and waits until its steps are gone with it.
kill_when() {
  holdfast -q run app-protect.yaml "${@:2}" >run.log 2>&1 &
  engine=$!
  for _ in $(seq 600); do
    grep -qE "$1" app-protect.yaml.run/*/state.jsonl 2>/dev/null && break
    kill -0 $engine 2>/dev/null || { cat run.log; fail "the engine ended before it could be killed"; }
    sleep 0.02
  done
  kill -9 $engine
  wait $engine 2>/dev/null || true # it was killed
  engine=""
}
kill_when '"started","node":"app-[^"]*-pre'
kill_when '"started","node":"data-[^"]*-par' --resume
holdfast -q run app-protect.yaml --resume
[ ! -e frozen ] || fail "the application is still at rest"
ls -A . tmp | grep -v -xE '(\.|tmp):||app.graph.yaml|app.yaml|app-protect.yaml|app-protect.bundle|app-protect.yaml.run|bank|data|inventory.yaml|providers.d|run.log|tmp' && fail "something half-made was left"
rm -r data
holdfast -q compile restore latest -o restore.yaml
holdfast -q run restore.yaml
[ "$sum" = "$(cd data && cat * | sha256sum)" ] || fail "the data differs"

# Killed, and ended by gc: whoever says --resume goes on with the record then.
rm -rf app-protect.yaml.run
kill_when '"started","node":"data-[^"]*-par' --run-id gone
# Before its lease has ended, gc only says what it waits with, until when, and what does it now.
holdfast gc >waits.out
grep -q '^waits  *checkpoint gone: run gone, started by .* works on it, or is dead; its lease lasts until 2' waits.out || { cat waits.out; exit 1; }
grep -q 'not cleaned up after: Local::Directory#data' waits.out || fail "gc does not say what it would clean up: $(cat waits.out)"
holdfast --json gc | python3 -c '
import json, sys
[wait] = [d for d in map(json.loads, sys.stdin) if d["message_type"] == "gc-action"]
assert wait["subject"] == "checkpoint gone" and wait["run"] == "gone" and wait["waits_until"].startswith("2"), wait
assert "Local::Directory#data" in wait["not_cleaned_up"], wait
# Its pre_finish may have run by then or not.
assert wait["at_rest"] in ([], ["Local::Application#app"]) and wait["command"] == "holdfast gc --run gone" and not wait["failed"], wait'
command=$(sed -n 's/^ *if its engine is dead: //p' waits.out)
bash -c "$command"
[ ! -e frozen ] || fail "gc left the application at rest"
holdfast -q run app-protect.yaml --resume
holdfast checkpoints show gone >shown
grep -q ': available' shown || fail "the record was not gone on with: $(cat shown)"
# That it rested twice is not forgotten.
grep -qE '^app was at rest for .* in all: .* in epoch 1, .* in epoch 2$' shown || fail "a time at rest is lost: $(cat shown)"
holdfast --json checkpoints show gone | python3 -c '
import json, sys
[app] = [d for d in map(json.loads, sys.stdin) if d["message_type"] == "record-resource" and d["type"] == "Local::Application"]
one, two = app["at_rest"]
assert (one["epoch"], two["epoch"]) == (1, 2) and app["at_rest_ms"] == one["ms"] + two["ms"] and one["until"] < two["since"], app'

# Of a restore that nobody goes on with, gc says what it did and what it removed.
rm -r data
echo 'Local::Directory: {rate_limit: 1 MB}' >slow.yaml
holdfast -q compile restore gone --parameters slow.yaml -o half.yaml
holdfast -q run half.yaml --run-id half >run.log 2>&1 &
engine=$!
for _ in $(seq 1000); do
  made=$(find "$dir" -maxdepth 1 -name '.holdfast-*')
  [ -z "$made" ] || break
  kill -0 $engine 2>/dev/null || { cat run.log; fail "the restore ended before it could be killed"; }
  sleep 0.01
done
kill -9 $engine
wait $engine 2>/dev/null || true # it was killed
engine=""
holdfast gc --run half --dry-run >would.out
grep -q '^would  *restore half: end it (now restoring)' would.out || { cat would.out; exit 1; }
grep -q '^ *clean up: post of Local::Directory#data$' would.out || fail "gc does not say what it would do: $(cat would.out)"
holdfast gc --run half >did.out
grep -q '^did  *restore half: ended: restore half is error' did.out || { cat did.out; exit 1; }
grep -qxF "          removed $made" did.out || fail "gc does not say what it removed: $(cat did.out)"
grep -q '^ *cleaned up: post of Local::Directory#data succeeded$' did.out || fail "gc does not say what it did: $(cat did.out)"
holdfast gc --run half >again.out 2>&1
grep -qx 'nothing to do' again.out || { cat again.out; exit 1; }
[ ! -e "$made" ] || fail "$made was left"
