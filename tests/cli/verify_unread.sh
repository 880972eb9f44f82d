#!/usr/bin/env bash
# `checkpoints verify` reads every byte, also of what has no verify of its own; a sample that passes takes no
# failure back; what cannot be read is a failed verification, and --partial restores the rest.
#   verify_unread.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
noop="activities = protect, restore, delete" grouped_disks
# The group holds nothing: nothing is missed of it.
cat >n.yaml <<END
name: n
provider: p
resources: [X::Group#g]
parameters:
  X::Group: {pre_none: true, pre_finish_none: true, parallel_none: true, post_none: true}
  X::Disk: {parallel_data: 16 MiB}
END
echo 'X::Group: {pre_none: true, pre_finish_none: true, parallel_none: true, post_none: true}' >parameters.yaml
holdfast -q compile protect n.yaml
holdfast -q run n-protect.yaml --run-id c >run.out
cp -r bank good
checkpoint=bank/t/local/checkpoints/c
again() {
  chmod -R u+w bank
  rm -rf bank
  cp -r good bank
  chmod -R u+w bank
}

[ "$(code_of full.out holdfast checkpoints verify c)" = 0 ] || fail "$(cat full.out)"
[ "$(grep -c '^X::Disk#. *done .*16.0 MiB' full.out)" = 2 ] || fail "$(cat full.out)"
holdfast checkpoints show c | grep -q '^verified in full: ' || fail "$(holdfast checkpoints show c)"
[ "$(code_of sample.out holdfast checkpoints verify c --sample 30%)" = 0 ] || fail "$(cat sample.out)"
grep -q 'only a sample was read: 16.0 MiB of 32.0 MiB, 2 of 3 resources\|only a sample was read: 16.0 MiB of 32.0 MiB, 3 of 3 resources' sample.out || fail "$(cat sample.out)"

data() { find "$checkpoint/data" -path "*/$1/*" -type f | sort; }
saved() { find "$checkpoint/resources" -path "*/$1/*/saved" -type f; }
for case in gone changed manifest-gone manifest-empty saved-gone; do
  again
  case $case in
    gone) rm "$(data a | tail -n 1)" ;;
    changed) printf 'X' | dd of="$(data a | tail -n 1)" bs=1 seek=100 conv=notrunc status=none ;;
    manifest-gone) find "$checkpoint/resources" -path '*/a/*/manifest' -delete ;;
    manifest-empty) : >"$(find "$checkpoint/resources" -path '*/a/*/manifest')" ;;
    saved-gone) rm "$(saved a)" ;;
  esac
  [ "$(code_of verify.out holdfast checkpoints verify c)" = 5 ] || fail "$case: verify: $(cat verify.out)"
  grep -q '^X::Disk#a *FAILED' verify.out || fail "$case: $(cat verify.out)"
  grep -q '^X::Disk#b *done' verify.out || fail "$case: $(cat verify.out)"
  holdfast checkpoints show c >show.out 2>&1 || true # it may refuse to show what is damaged
  ! grep -q 'verified in full' show.out || fail "$case: $(cat show.out)"
  [ "$(code_of status.out holdfast checkpoints status --max-age 1h)" = 7 ] || fail "$case: $(cat status.out)"
  # That something is missing shows without reading; that a byte is another one the verification has found.
  words='checkpoint c of plan n does not count, for it is damaged: X::Disk#a: '
  [ $case != changed ] || words='VERIFY FAILED'
  grep -q "$words" status.out || fail "$case: $(cat status.out)"
  # As much as --partial lets it take, it cannot be made to look good.
  [ "$(code_of verify.out holdfast checkpoints verify c --partial)" = 5 ] || fail "$case: --partial: $(cat verify.out)"
  case $case in manifest-*)
    [ "$(code_of restore.out holdfast compile restore c --partial --parameters parameters.yaml -o restore.yaml)" = 0 ] || fail "$case: $(cat restore.out)"
    grep -q 'note: X::Disk#a is left out: ' restore.out || fail "$case: $(cat restore.out)"
    [ "$(code_of restore.out holdfast run restore.yaml)" = 0 ] || fail "$case: $(cat restore.out)"
    grep -q '^X::Disk#b *done' restore.out || fail "$case: $(cat restore.out)"
    grep -q '^X::Disk#a *left out' restore.out || fail "$case: $(cat restore.out)"
    ;;
  esac
done
again
: >"$(find "$checkpoint/resources" -path '*/a/*/manifest')"
[ "$(code_of restore.out holdfast compile restore c -o restore.yaml)" = 12 ] || fail "$(cat restore.out)"
grep -q -- '--partial' restore.out || fail "it is not said how to restore the rest: $(cat restore.out)"
