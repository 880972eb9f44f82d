#!/usr/bin/env bash
# What a failed clean-up left at rest is not forgotten: every gc names it and the command that tries again,
# which lets it go on once that can succeed; also after a resume, and before a deletion takes the journal.
#   failed_clean_up.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
mkdir files
echo text >files/one
cat >inventory.yaml <<END
applications:
  - id: shop
    quiesce: [touch, $dir/frozen]
    resume: [sh, -c, 'test -e $dir/works && rm -f $dir/frozen']
    directories: [{id: files, path: $dir/files}]
END
provider local-application local-directory <<END
[local]
inventory = $dir/inventory.yaml
END
printf 'name: shop\nprovider: p\nresources: ["Local::Application#shop"]\n' >shop.yaml
holdfast -q plan discover shop.yaml
holdfast -q compile protect shop.yaml

fails() { # EXIT_CODE FILE COMMAND...
  local code=0
  "${@:3}" >"$2" 2>&1 || code=$?
  [ "$code" = "$1" ] || fail "'${*:3}' ended with $code: $(cat "$2")"
}
named() { # RECORD RUN: every gc says what is at rest and what lets it go on
  for _ in 1 2; do
    fails 5 gc.out holdfast gc
    grep -q "^FAILED *checkpoint $1: was not cleaned up: Local::Application#shop may still be at rest: its post failed" gc.out || fail "$(cat gc.out)"
    grep -qF "once that can succeed: holdfast gc --run $2" gc.out || fail "$(cat gc.out)"
    [ -e frozen ] || fail "nobody said that it would work now, and it goes on"
  done
}

fails 5 run.out holdfast -q run shop-protect.yaml --run-id first
[ -e frozen ] || fail "the application is not at rest: $(cat run.out)"
fails 5 run.out holdfast run shop-protect.yaml --run-id told
grep -qx "  holdfast gc --run told" run.out || fail "the run does not say what cleans up: $(cat run.out)"
rm frozen # by hand
fails 0 deleted.out holdfast -q checkpoints delete told
touch frozen
named first first
# It cannot yet: that is said again, and nothing is lost.
fails 5 gc.out holdfast gc --run first
grep -qF "holdfast gc --run first" gc.out || fail "$(cat gc.out)"
# A resume that fails the same way.
fails 5 run.out holdfast -q run shop-protect.yaml --run-id second --record first
named first second
touch works
command=$(sed -n 's/.*once that can succeed: //p' gc.out)
fails 0 dry.out $command --dry-run
grep -q "clean up: post of Local::Application#shop" dry.out && [ -e frozen ] || fail "the dry run: $(cat dry.out)"
fails 0 gc.out $command
[ ! -e frozen ] || fail "the application is still at rest: $(cat gc.out)"
fails 0 gc.out holdfast gc
! grep -q first gc.out || fail "what is cleaned up is still named: $(cat gc.out)"
holdfast checkpoints show first >show.out
! grep -q 'at rest: its post' show.out || fail "$(cat show.out)"

# A deletion tries once more, while the journal still knows it.
rm works
fails 5 run.out holdfast -q run shop-protect.yaml --run-id third
[ -e frozen ] || fail "the application is not at rest: $(cat run.out)"
touch works
fails 0 delete.out holdfast -q checkpoints delete third
[ ! -e frozen ] || fail "the application is at rest, and its checkpoint is gone: $(cat delete.out)"
fails 0 gc.out holdfast gc
