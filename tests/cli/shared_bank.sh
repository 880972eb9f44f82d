#!/usr/bin/env bash
# Two machines with providers of their own share a bank, and have plans of one name: each one's status and
# `latest` know its own checkpoints only, and what is the other's is said, never taken.
#   shared_bank.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
n=0
for name in a b; do
  n=$((n + 1))
  printf '[noop]\ntypes = X::Disk\ngraph = %s/graph.yaml\n' "$dir" |
    provider_called host-$name 0b0f6b1e-53f6-4f5c-9d0e-0f0a6d1d7a0$n noop
  mkdir $name
  printf "name: nightly\nprovider: host-$name\nresources: ['X::Disk#d']\n" >$name/nightly.yaml
done
printf "format: 1\nresources: [{type: 'X::Disk', id: d, name: d}]\n" | tee graph.yaml a/nightly.graph.yaml >b/nightly.graph.yaml
printf 'parameters: {"X::Disk": {parallel_fail: true}}\n' >>a/nightly.yaml
for name in a b; do (cd $name && holdfast -q compile protect nightly.yaml); done
[ "$(code_of run.out holdfast run b/nightly-protect.yaml --run-id of-b)" = 0 ] || fail "$(cat run.out)"
[ "$(code_of run.out holdfast run a/nightly-protect.yaml --run-id of-a)" != 0 ] || fail "it does not fail: $(cat run.out)"
holdfast checkpoints list -p host-a >out
grep -qE '^CHECKPOINT +STATE +PLAN +PROVIDER +CREATED' out && grep -qE '^of-a +error +nightly +host-a ' out && grep -qE '^of-b +available +nightly +host-b ' out || fail "the list does not say whose: $(cat out)"

[ "$(code_of out holdfast checkpoints status -p host-a --plan nightly --max-age 26h --prometheus metrics)" = 7 ] || fail "status of a: $(cat out)"
grep -q '^nightly *none .*NOT FRESH$' out || fail "status of a: $(cat out)"
grep -qxF 'holdfast_checkpoint_fresh{plan="nightly"} 0' metrics || fail "status of a: $(cat metrics)"
[ "$(code_of out holdfast checkpoints status -p host-b --plan nightly --max-age 26h)" = 0 ] || fail "status of b: $(cat out)"
for command in "compile restore latest -o restore.yaml" "checkpoints delete latest" "checkpoints show latest"; do
  [ "$(code_of out holdfast $command -p host-a --plan nightly)" = 10 ] || fail "$command: $(cat out)"
  grep -q "plan nightly has no available checkpoint of this provider" out || fail "$command: $(cat out)"
  grep -q "the bank has some of provider host-b .*the newest is of-b" out || fail "$command: $(cat out)"
done
[ ! -e restore.yaml ] || fail "what was refused wrote a file"
[ "$(code_of out holdfast compile restore of-b -p host-a -o restore.yaml)" = 0 ] || fail "by its id: $(cat out)"
[ "$(code_of out holdfast checkpoints delete latest -p host-b --plan nightly)" = 0 ] || fail "delete by b: $(cat out)"

# What b's run has left needs b's plugins.
[ "$(code_of out holdfast gc -p host-a --run of-b)" = 5 ] || fail "gc: $(cat out)"
grep -q "run of-b is of provider host-b" out || fail "gc: $(cat out)"
