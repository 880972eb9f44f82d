#!/usr/bin/env bash
# A restore that was killed while it wrote leaves half of two points in time. Whoever protects that is told so,
# until it is restored in full, or somebody says that it is whole.
#   half_restored.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
mkdir data other
for i in $(seq 20); do head -c 8192 /dev/urandom >data/$i; done
echo text >other/file
printf 'directories: [{id: data, path: %s/data}, {id: other, path: %s/other}]\n' "$dir" "$dir" >inventory.yaml
printf '[local]\ninventory = %s/inventory.yaml\n' "$dir" | provider local-directory
printf 'name: n\nprovider: p\nresources: ["Local::Directory#data", "Local::Directory#other"]\nparameters: {"Local::Directory": {snapshot: copy}}\n' >n.yaml
holdfast -q plan discover n.yaml
holdfast -q compile protect n.yaml
holdfast -q run n-protect.yaml --run-id first >run.out 2>&1 || fail "$(cat run.out)"
restore() { # NAME PARAMETERS: to be restored as NAME.yaml
  printf '{"Local::Directory#data": {overwrite: true, existing: replace%s}, "Local::Directory#other": {overwrite: true}}\n' "$2" >$1.parameters.yaml
  holdfast -q compile restore first --parameters $1.parameters.yaml -o $1.yaml
}
restore slow ', rate_limit: 32 KiB' # 5 seconds
restore whole ''
restore elsewhere ", target: $dir/elsewhere"
restore part ', only: "1"'

wrote() { # RUN RESOURCE
  compgen -G "bank/t/local/restores/$1/journal/$2-*-par*/*" >/dev/null
}
killed() { # RUN: slow.yaml, in the middle of its writing
  holdfast -q run slow.yaml --run-id "$1" >"$1.out" 2>&1 &
  engine=$!
  for _ in $(seq 1000); do
    ! { wrote "$1" data && wrote "$1" other; } || break
    kill -0 $engine 2>/dev/null || fail "it ended at once: $(cat "$1.out")"
    sleep 0.01
  done
  sleep 0.3
  kill -9 $engine
  wait $engine 2>/dev/null || true # it was killed
  engine=""
  holdfast gc --run "$1" >gc.out || true # it says what it ended by its exit code, too
}
protect() { # RUN
  holdfast -q run n-protect.yaml --run-id "$1" >run.out 2>&1 || fail "$1: $(cat run.out)"
}
warned() { # RUN BY
  protect "$1"
  # Both: what the restore did not come to is of another time than what it restored in full.
  grep -q "^checkpoint $1: available, 2 warnings$" run.out || fail "$1 is not warned: $(cat run.out)"
  for each in data other; do
    grep -q "parallel of Local::Directory#$each: restore $2 wrote to '$dir/$each' and did not end well on 2.*may mix two points in time.*'holdfast restores accept $2'" run.out || fail "$each: $(cat run.out)"
  done
  holdfast checkpoints list | awk -v id="$1" '$1 == id && $NF == 2 {found = 1} END {exit !found}' || fail "the list does not count it"
}
quiet() { # RUN
  protect "$1"
  grep -q "^checkpoint $1: available$" run.out || fail "$1 is warned: $(cat run.out)"
}

# What is refused before it writes leaves nothing.
holdfast -q compile restore first -o refused.yaml
[ "$(code_of run.out holdfast -q run refused.yaml --run-id refused)" = 5 ] || fail "$(cat run.out)"
quiet untouched

killed one
warned half one
warned again one
# Neither a restore to another place nor one of a part makes it whole.
holdfast -q run elsewhere.yaml >run.out 2>&1 || fail "$(cat run.out)"
holdfast -q run part.yaml >run.out 2>&1 || fail "$(cat run.out)"
warned still one
holdfast -q run whole.yaml >run.out 2>&1 || fail "$(cat run.out)"
quiet restored

# Resumed to its end it has made it whole itself.
killed two
warned half-two two
holdfast -q run slow.yaml --record two >run.out 2>&1 || fail "$(cat run.out)"
quiet resumed

# Somebody who knows better.
killed three
warned half-three three
holdfast restores accept three >accept.out 2>&1
grep -q '^where restore three wrote is taken as whole' accept.out || fail "$(cat accept.out)"
quiet accepted
holdfast restores accept three 2>&1 | grep -q 'nothing to accept' || fail "it is accepted twice"
[ "$(code_of none.out holdfast restores accept nobody)" = 10 ] || fail "$(cat none.out)"
