#!/usr/bin/env bash
# Ctrl-C once stops a run, twice terminates it, three times kills it. Whatever it was: what is printed then are
# commands that work, in the order in which they stand there, and after the first of them nothing is at rest.
# Nobody has to wait for a lease: `gc`, --resume and --record go on at once.
#   terminated_run.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
set -m # a background process that may be interrupted: Ctrl-C is SIGINT
mkdir data
echo precious >data/file
# Whoever lets it go on waits as long as there is a file `hold`, at most as long as a command may: no signal
# ends one that lets an application go on.
cat >inventory.yaml <<END
applications:
  - id: app
    quiesce: [touch, $dir/frozen]
    resume: {command: [sh, -c, 'while [ -e $dir/hold ]; do sleep 0.02; done; rm -f $dir/frozen'], timeout: 5s}
    directories: [{id: data, path: $dir/data}]
END
two_providers local-application local-directory
printf 'name: app\nprovider: p\nresources: ["Local::Application#app"]\nparameters: {"Local::Directory": {snapshot: copy}}\n' >'my app.yaml'
holdfast -q plan discover 'my app.yaml'
holdfast -q compile protect 'my app.yaml' -o 'my run.yaml'

wait_for() { # WHAT COMMAND...
  for _ in $(seq 3000); do
    "${@:2}" && return
    kill -0 "$engine" 2>/dev/null || fail "the run ended before $1: $(cat run.err)"
    sleep 0.01
  done
  fail "waited for $1 in vain: $(cat run.err)"
}
state() { cat 'my run.yaml.run'/"$1"/state.jsonl 2>/dev/null; }
begun() { grep -q "\"event\":\"started\",\"node\":\"$2" <(state "$1"); }
shut() { grep -q "\"strategy\":\"$2\"" <(state "$1"); }

# Runs it and interrupts it so often while the application is at rest.
interrupt() { # RUN TIMES
  touch hold
  holdfast run 'my run.yaml' --run-id "$1" >run.out 2>run.err &
  engine=$!
  wait_for "it was to go on" begun "$1" 'app-[^"]*-fin'
  [ -e frozen ] || fail "the application is not at rest"
  # Once: its end is let do its work. More often: its end is in the middle of it.
  [ "$2" != 1 ] || rm hold
  kill -INT $engine
  if [ "$2" -ge 2 ]; then
    wait_for "its end" begun "$1" onExit
    kill -INT $engine
    if [ "$2" -ge 3 ]; then
      wait_for "it was terminated" shut "$1" Terminate
      kill -INT $engine 2>/dev/null || true # it may have ended already
    fi
  fi
  local code=0
  wait $engine || code=$?
  engine=""
  [ "$code" = 6 ] || fail "interrupted $2 times it ended with $code: $(cat run.out run.err)"
  rm -f hold
  sed -n 's/^  \(holdfast .*\)/\1/p' run.err >said
}
unfinished() { find "$1" -path "*/indices/unfinished/*" -type f; }
nothing_left() { # RUN
  [ ! -e frozen ] || fail "after '$(head -1 said)' the application is still at rest"
  [ -z "$(unfinished bank)" ] || fail "something is unfinished: $(unfinished bank)"
}
whole() { # RUN
  holdfast checkpoints show "$1" -p p >shown || fail "there is no checkpoint $1"
  grep -q "^checkpoint $1: available" shown || fail "$(cat shown)"
}

for times in 1 2 3; do
  interrupt "run-$times" $times
  [ "$(wc -l <said)" = $((times == 1 ? 1 : 2)) ] || fail "interrupted $times times it says: $(cat run.err)"
  while read -r command; do
    bash -c "$command" >did 2>&1 || fail "interrupted $times times, '$command' ended with $?: $(cat did)"
    nothing_left "run-$times"
  done <said
  whole "run-$times"
done

# Whoever does something else than what is printed need not wait either.
interrupt resumed 2
[ -e frozen ] || fail "it was not terminated: $(cat run.err)"
holdfast -q run 'my run.yaml' --resume >resumed.out 2>&1 || fail "--resume ended with $?: $(cat resumed.out)"
nothing_left resumed
whole resumed

# Also where the engine could not give the lease back (a full bank): its folder says that it has ended.
interrupt full 2
for lease in bank/t/local/leases/full/*; do
  grep -q '"released":true' "$lease" && sed 's/,"released":true//; s/,"sha256":"[0-9a-f]*"//' "$lease" >lease && mv lease "$lease"
done
holdfast gc -p p | grep -q '^waits *checkpoint full' || fail "the lease is not held"
holdfast -q run 'my run.yaml' --resume >resumed.out 2>&1 || fail "--resume ended with $?: $(cat resumed.out)"
nothing_left full
whole full
interrupt collected 2
holdfast gc -p p >gc.out 2>&1 || fail "gc ended with $?: $(cat gc.out)"
grep -q '^did *checkpoint collected: ended' gc.out || fail "$(cat gc.out)"
nothing_left collected

# A deletion holds its checkpoint, too; it is only carried on, and then there is nothing to go on with.
cat >providers.d/r.conf <<END
[provider]
name = r
id = 0b0f6b1e-53f6-4f5c-9d0e-0f0a6d1d7a03
bank = filesystem
plugin = noop
[filesystem]
path = $dir/disks
[noop]
types = X::Disk
graph = $dir/disk.graph.yaml
END
mkdir disks
printf "format: 1\nresources:\n- {type: 'X::Disk', id: a, name: a}\n" >disk.graph.yaml
printf 'name: disk\nprovider: r\nresources: [X::Disk#a]\n' >disk.yaml
echo 'X::Disk: {parallel_sleep: 6s}' >slow.yaml
holdfast -q compile protect disk.yaml
for by in gc deletion; do
  holdfast -q run disk-protect.yaml --run-id "disk-$by" >disk.out
  holdfast -q compile delete "disk-$by" -p r --parameters slow.yaml -o "$by.yaml"
  holdfast run $by.yaml --run-id "by-$by" >run.out 2>run.err &
  engine=$!
  begun_to_delete() { grep -q '"event":"started","node":"a-[^"]*-par' $by.yaml.run/by-$by/state.jsonl 2>/dev/null; }
  wait_for "it deletes" begun_to_delete
  kill -STOP $engine # so that both come at once, and no end in between
  kill -INT $engine
  kill -TERM $engine
  kill -CONT $engine
  # -f: with set -m a plain wait may return for the stop that came before.
  wait -f $engine && fail "the deletion ended well"
  engine=""
  sed -n 's/^  \(holdfast .*\)/\1/p' run.err >said
  if [ $by = gc ]; then
    grep -qxF "holdfast gc --provider 0b0f6b1e-53f6-4f5c-9d0e-0f0a6d1d7a03 --run by-gc" said || fail "$(cat run.err)"
    [ "$(wc -l <said)" = 1 ] || fail "$(cat run.err)"
    bash -c "$(cat said)" >did 2>&1 || fail "'$(cat said)' ended with $?: $(cat did)"
    grep -q 'carried the deletion on' did || fail "$(cat did)"
  else
    holdfast -q checkpoints delete "disk-$by" -p r >other.out 2>&1 || fail "another deletion ended with $?: $(cat other.out)"
  fi
  [ -z "$(unfinished disks)" ] || [ $by = deletion ] || fail "something is unfinished"
  holdfast checkpoints list --all -p r | grep -q "^disk-$by *deleted " || fail "$(holdfast checkpoints list --all -p r)"
done
