#!/usr/bin/env bash
# A lease or a claim is damaged while the application is at rest: no step and no `end` goes on then, and the run says
# what may still be at rest and the commands that work: `gc` of that run lets it go on and ends the record.
#   damaged_lease.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
# What brings it to rest takes as long as there is a file `hold`.
application "touch $dir/frozen; while [ -e $dir/hold ]; do sleep 0.02; done" "rm -f $dir/frozen"
provider local-application local-directory <<END
[local]
inventory = $dir/inventory.yaml
END
holdfast -q plan discover app.yaml
holdfast -q compile protect app.yaml

for what in lease claim; do
  touch hold
  holdfast run app-protect.yaml --run-id "by-$what" >run.out 2>run.err &
  engine=$!
  for _ in $(seq 3000); do
    [ ! -e frozen ] || break
    kill -0 $engine 2>/dev/null || fail "it ended before it was at rest: $(cat run.err)"
    sleep 0.01
  done
  case $what in
    lease) damaged=$(echo bank/t/local/leases/by-lease/000001) ;;
    claim) damaged=$(echo bank/t/local/checkpoints/by-claim/journal/app-*-pre/claim-000001) ;;
  esac
  [ -s "$damaged" ] || fail "there is no $damaged"
  : >"$damaged"
  rm hold
  wait $engine && fail "with a damaged $what the run ended well"
  engine=""
  [ -e frozen ] || fail "with a damaged $what the application went on: this test tests nothing"
  grep -q 'may be STILL at rest: Local::Application#app\.' run.err || fail "$(cat run.err)"
  grep -q 'cannot be read' run.err || fail "$(cat run.err)"
  # Without the operator's word it stays.
  holdfast gc >gc.out 2>&1 || true # what it ends with is not the matter: what it says is
  grep -q "holdfast gc --run by-$what" gc.out || fail "gc says not what ends it: $(cat gc.out)"
  [ -e frozen ] || fail "gc went on by itself"
  holdfast gc --run "by-$what" --dry-run >would.out
  grep -q '^would .* cannot be read' would.out || fail "$(cat would.out)"
  [ ! -s "$damaged" ] || fail "a dry run mended the $what"
  sed -n 's/^  \(holdfast .*\)/\1/p' run.err >said
  [ "$(wc -l <said)" = 2 ] || fail "it prints not two commands: $(cat run.err)"
  while read -r command; do
    bash -c "$command" >did 2>&1 || fail "'$command' ended with $?: $(cat did)"
    [ ! -e frozen ] || fail "after '$command' the application is still at rest: $(cat did)"
    case $command in *' gc '*)
      grep -q '^did .* cannot be read' did || fail "gc does not say what it could not read: $(cat did)"
      grep -q "^did *checkpoint by-$what: ended: checkpoint by-$what is error" did || fail "$(cat did)" ;;
    esac
  done <said
  holdfast checkpoints show "by-$what" >shown || fail "the record is not readable"
  grep -q ': available' shown || fail "$(cat shown)"
done
