#!/usr/bin/env bash
# On a cluster: `status` says why a step failed, as its journal has it, and `watch` says so once. After a terminate the command
# that cleans up is said as it stands.
#   why_a_step_failed.sh BUILD_FOLDER
. "$(dirname "$0")/../engines/argo/scene.sh"
fast_and_slow 'parallel_fail: true'
start_cluster --run-steps "$dir/file.yaml"
apply "$scene/../../../templates/argo/holdfast-steps.yaml"
reason='noop was told to fail protect.parallel of X::Disk#slow'

[ "$(code_of said holdfast submit file.yaml --watch)" = 5 ] || fail "$(cat said)"
# Where it happens, and in the record's reason.
[ "$(grep -c "$reason" said)" = 2 ] || fail "$(grep -c "$reason" said) times: $(cat said)"
name=$(grep -o 'n-protect-[a-z0-9]\{5\}' said | head -1)
step=$(holdfast step list file.yaml | awk '/slow/ && /parallel/ { print $1; exit }')
holdfast status "$name" >said 2>&1
grep -q "^$step .* $reason\$" said || fail "$(cat said)"
! grep -q 'exit code 4\|Argo' said || fail "$(cat said)"
[ "$(holdfast --json status "$name" | field step reason | grep -c .)" = 1 ] || fail "$(holdfast --json status "$name")"

# Where the bank cannot be read: what Argo says, and where the reason is.
mv bank elsewhere
holdfast status "$name" >said 2>&1
grep -q "^$step .*exit code 4" said && grep -q 'in the journal of its bank' said || fail "$(cat said)"
mv elsewhere bank

# Nobody cleans up after a terminate: what does is said, with the provider where there is another one.
printf '[noop]\ntypes = X::Disk\ngraph = %s/n.graph.yaml\n' "$dir" | provider_called q 0b0f6b1e-53f6-4f5c-9d0e-0f0a6d1d7a02 noop
fast_and_slow 'parallel_sleep: 30s'
terminated() { # the command is in $command then, the run in $run
  rm -f trace
  name=$(holdfast -q submit file.yaml)
  run=$(holdfast --json status "$name" | field run run)
  until grep -qs 'protect.parallel.*"begin".*#slow' trace; do sleep 0.05; done
  "$@"
  [ "$(code_of said holdfast stop --terminate "$name")" = 0 ] || fail "$(cat said)"
  command=$(sed -n 's/^  \(.* gc .*\)/\1/p' said)
  [[ "$command" = "holdfast gc --provider 2e0c8826-81d6-44f5-bbe5-8f46a98c5845 --run $run" ]] || fail "$(cat said)"
}
terminated true
bash -c "$command" >did 2>&1 || fail "'$command' ended with $?: $(cat did)"
[ "$(holdfast --json checkpoints show "$run" -p p | field record state)" = error ] || fail "$(holdfast checkpoints show "$run" -p p)"
# From a machine that does not have the provider, too.
terminated mv providers.d/p.conf .
