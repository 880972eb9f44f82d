#!/usr/bin/env bash
# `--partial` takes what a checkpoint in error holds: what it does not hold is left out on purpose and is no
# failure; that it was left out is said wherever the run is shown. What is there and damaged still fails.
#   partial.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
# The group has nothing to protect, and so no manifest: that is not missing.
grouped_disks
cat >n.yaml <<END
name: n
provider: p
resources: [X::Group#g]
parameters:
  X::Group: {pre_none: true, parallel_none: true, post_none: true}
  X::Disk: {parallel_data: 1 MiB}
  "X::Disk#b": {parallel_fail: true}
END
echo 'X::Group: {pre_none: true, parallel_none: true, post_none: true}' >parameters.yaml
holdfast -q compile protect n.yaml
code=0
holdfast -q run n-protect.yaml >run.out 2>&1 || code=$?
[ "$code" = 5 ] || fail "the run that is to fail ended with $code: $(cat run.out)"
id=$(holdfast checkpoints list | awk 'NR == 2 {print $1}')
code=0
holdfast -q checkpoints verify "$id" >refused.out 2>&1 || code=$?
[ "$code" = 3 ] && grep -q -- --partial refused.out || fail "without --partial it ended with $code: $(cat refused.out)"

shown() { # FILE STATE
  grep -q "^  partial: 1 of 3 resources is not in the checkpoint: X::Disk#b$" "$1" || fail "$(cat "$1")"
  grep -q "^X::Disk#a *done " "$1" || fail "$(cat "$1")"
  grep -q "^X::Disk#b *left out " "$1" || fail "$(cat "$1")"
  ! grep -q "^X::Group#g *left out" "$1" || fail "$(cat "$1")"
}
holdfast checkpoints verify "$id" --partial --parameters parameters.yaml >verify.out 2>verify.err || fail "verify ended with $?: $(cat verify.out)"
shown verify.out
grep -q 'note: X::Disk#b is left out' verify.err || fail "$(cat verify.err)"
holdfast checkpoints show "$id" >show.out
grep -q '^verified: .*, partial: 1 of 3' show.out || fail "$(cat show.out)"
! grep -q '^verified in full' show.out || fail "$(cat show.out)"

holdfast -q compile restore "$id" --partial --parameters parameters.yaml -o restore.yaml
holdfast verify-workflow restore.yaml >said 2>&1 || fail "$(cat said)"
sed 's/{name: partial, value: "true"}/{name: partial, value: "false"}/' restore.yaml >edited.yaml
[ "$(code_of said holdfast verify-workflow edited.yaml --bundle restore.bundle)" = 3 ] || fail "another 'partial' is taken"
grep -q "parameter partial is 'false', and 'true' by its plan" said || fail "$(cat said)"
holdfast -q run restore.yaml >restore.out || fail "restore ended with $?: $(cat restore.out)"
shown restore.out
holdfast restores list | grep -q 'partial: 1 of 3 resources is not in the checkpoint: X::Disk#b' || fail "$(holdfast restores list)"

# What it does hold still counts.
for file in $(find bank -path '*/a/*parallel*' -type f); do
  chmod u+w "$file"
  printf 'X' | dd of="$file" bs=1 seek=100 conv=notrunc status=none
done
code=0
holdfast -q checkpoints verify "$id" --partial --parameters parameters.yaml >damaged.out 2>&1 || code=$?
[ "$code" = 5 ] || fail "damage ended with $code: $(cat damaged.out)"
grep -q '^X::Disk#a *FAILED' damaged.out || fail "$(cat damaged.out)"
