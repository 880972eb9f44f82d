#!/usr/bin/env bash
# A run that fails because of drift is no good news for a monitor either, although its checkpoint is whole; and
# what it says is to be done are commands that work as they stand.
#   drift.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
provider noop <<END
[noop]
types = X::Disk, X::Group
graph = $dir/live.yaml
END
live() { # DISK...
  local children=""
  for id in "$@"; do children+="{type: 'X::Disk', id: $id}, "; done
  printf "format: 1\nresources:\n- {type: 'X::Group', id: g, name: g, children: [%s]}\n" "${children%, }" >live.yaml
  for id in "$@"; do echo "- {type: 'X::Disk', id: $id, name: $id}" >>live.yaml; done
}
status() { # EXIT_CODE
  local code=0
  holdfast checkpoints status --max-age 1h --prometheus metrics >status.out 2>status.err || code=$?
  [ "$code" = "$1" ] || fail "status ended with $code: $(cat status.out status.err)"
}
live a
printf 'name: n\nprovider: p\nresources: [X::Group#g]\n' >n.yaml
holdfast -q plan discover n.yaml
holdfast -q compile protect n.yaml
holdfast -q run n-protect.yaml >run.out
status 0
grep -qxF 'holdfast_checkpoint_drifted{plan="n"} 0' metrics || fail "$(cat metrics)"

what_is_said_works() { # the three commands that a run with drift prints, word by word
  sed -n 's/^  \(holdfast .*\)/\1/p' run.err >said
  [ "$(wc -l <said)" = 3 ] || fail "it says: $(cat run.err)"
  while read -r command; do
    bash -c "$command" >did 2>&1 || fail "'$command' ended with $?: $(cat did)"
  done <said
}

live a b
code=0
holdfast run n-protect.yaml >run.out 2>run.err || code=$?
[ "$code" = 5 ] || fail "the run with drift ended with $code: $(cat run.out run.err)"
status 7
grep -q '^n .*DRIFTED' status.out || fail "$(cat status.out)"
grep -q '1 resource is new (X::Disk#b)' status.err || fail "$(cat status.err)"
grep -qxF 'holdfast_checkpoint_drifted{plan="n"} 1' metrics || fail "$(cat metrics)"
holdfast --json checkpoints status --max-age 1h | grep '"message_type":"plan-status"' >json || true # its exit code is 7
grep '"drifted":true' json | grep -q '"drift":"1 resource is new' || fail "$(cat json)"

# The record has nothing to go on with, so nothing says --record; what is said works.
! grep -q -- --record run.err || fail "$(cat run.err)"
what_is_said_works
status 0
holdfast checkpoints show latest | grep -q '^X::Disk#b *done' || fail "b is not protected: $(holdfast checkpoints show latest)"

# So does what the step says, which knows the plan's name only.
live a b c
code=0
holdfast -q run n-protect.yaml >run.out 2>&1 || code=$?
[ "$code" = 5 ] || fail "the run with drift ended with $code: $(cat run.out)"
command=$(holdfast checkpoints show latest | sed -n 's/^  drift (fail): .*: \(holdfast plan discover .*\)/\1/p')
[ -n "$command" ] || fail "no command: $(holdfast checkpoints show latest)"
bash -c "$command" >did 2>&1 || fail "'$command' ended with $?: $(cat did)"
holdfast -q run n-protect.yaml >run.out || fail "the compiled file ended with $?: $(cat run.out)"
status 0

# What was a template stays one.
holdfast -q compile protect n.yaml --kind template
live a b
code=0
holdfast run n-protect.yaml >run.out 2>run.err || code=$?
[ "$code" = 5 ] || fail "the template with drift ended with $code: $(cat run.out run.err)"
what_is_said_works
grep -qx 'kind: WorkflowTemplate' n-protect.yaml || fail "it is no template any more: $(cat run.err)"
status 0

# Under another name, in another folder.
mkdir w
mv n.yaml w
cd w
holdfast -q plan discover n.yaml
holdfast -q compile protect n.yaml -o 'nightly run.yaml'
cd ..
live a
code=0
holdfast run 'w/nightly run.yaml' >run.out 2>run.err || code=$?
[ "$code" = 5 ] || fail "the run with drift ended with $code: $(cat run.out run.err)"
what_is_said_works
status 0
