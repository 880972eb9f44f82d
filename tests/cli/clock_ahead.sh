#!/usr/bin/env bash
# A checkpoint of a clock that was ahead would be the newest, and young, for as long as it was ahead: status does
# not call it fresh, and `latest` names what else there is instead of choosing.
#   clock_ahead.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
disks a
printf 'name: n\nprovider: p\nresources: [X::Disk#a]\n' >n.yaml
holdfast -q compile protect n.yaml
for id in before ahead; do
  holdfast -q run n-protect.yaml --run-id $id >run.out 2>&1 || fail "$(cat run.out)"
done

created() { made_at "$1" "$(date -u -d "+$2 seconds" +%FT%TZ)"; } # ID SECONDS: that many from now

# Clocks agree only so far.
created ahead 120
[ "$(code_of status.out holdfast checkpoints status --max-age 1h)" = 0 ] || fail "2 minutes: $(cat status.out)"
[ "$(code_of restore.out holdfast compile restore latest -o latest.yaml)" = 0 ] || fail "2 minutes: $(cat restore.out)"
grep -q '"checkpoint": "ahead"' latest.bundle/bundle.json || fail "2 minutes: not of the newest"

created ahead 86400
[ "$(code_of status.out holdfast checkpoints status --max-age 1h --prometheus metrics)" = 7 ] || fail "a day: $(cat status.out)"
grep -q '^n *ahead *in the future .*NOT FRESH$' status.out || fail "a day: $(cat status.out)"
grep -q 'warning: checkpoint ahead of plan n was made in the future, on ' status.out || fail "a day: $(cat status.out)"
grep -qxF 'holdfast_checkpoint_fresh{plan="n"} 0' metrics || fail "a day: $(cat metrics)"
holdfast --json checkpoints status --max-age 1h >json 2>/dev/null || true # 7, as above
grep '"in_future":true' json | grep -q '"fresh":false' || fail "a day: $(cat json)"
[ "$(code_of restore.out holdfast compile restore latest -o other.yaml)" = 3 ] || fail "a day: $(cat restore.out)"
grep -q 'which checkpoint is the latest cannot be said: ahead was made in the future' restore.out || fail "a day: $(cat restore.out)"
grep -q 'the newest that is not in the future is before, of ' restore.out || fail "a day: $(cat restore.out)"
[ ! -e other.yaml ] || fail "a refused compile wrote a file"
for id in before ahead; do
  [ "$(code_of restore.out holdfast compile restore $id -o $id.yaml)" = 0 ] || fail "by its id: $(cat restore.out)"
done
