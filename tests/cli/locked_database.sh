#!/usr/bin/env bash
# An SQLite database that another process writes for longer than busy_timeout: its step is tried again, and
# what keeps it out is named; when the lock is gone the run ends well, when it stays the run says why not.
#   locked_database.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
writer=""
trap '[ -z "$writer" ] || kill -9 $writer 2>/dev/null || true; leave' EXIT # it may have ended
sqlite3 shop.db 'create table t(a); insert into t values (1)'
echo "sqlite: [{id: shop.db, path: $dir/shop.db}]" >inventory.yaml
provider local-sqlite <<END
[local]
inventory = $dir/inventory.yaml
[local_sqlite]
busy_timeout = 100ms
END
cat >shop.yaml <<END
name: shop
provider: p
resources: ["Local::SQLite::Database#shop.db"]
policy: {retries: 1}
END
holdfast -q plan discover shop.yaml
holdfast -q compile protect shop.yaml

# Holds the lock until its stdin is closed.
mkfifo hold
start_writer() {
  rm -f locked
  python3 -c '
import sqlite3, sys
db = sqlite3.connect("shop.db", isolation_level=None)
db.execute("begin exclusive")
open("locked", "w").close()
sys.stdin.read()
db.execute("rollback")' <hold &
  writer=$!
  exec 3>hold
  for _ in $(seq 1000); do [ -e locked ] && return; sleep 0.01; done
  fail "the writer did not get its lock"
}
stop_writer() {
  exec 3>&-
  wait $writer
  writer=""
}

start_writer
holdfast run shop-protect.yaml >run.out 2>&1 3>&- &
engine=$!
for _ in $(seq 1000); do
  grep -q '^retrying ' run.out && break
  kill -0 $engine 2>/dev/null || fail "the run ended without another try: $(cat run.out)"
  sleep 0.01
done
grep -q "^retrying .*database is locked.*process $writer (python3) has a lock on it" run.out || fail "$(cat run.out)"
stop_writer
wait $engine || fail "the run ended with $? although the lock was gone: $(cat run.out)"
engine=""

# A lock that goes in time: what was written before it went is in the copy, and the point in time says so.
sed -i 's/busy_timeout = .*/busy_timeout = 30s/' providers.d/p.conf
start_writer
holdfast -q run shop-protect.yaml --run-id waited >run.out 2>&1 3>&- &
engine=$!
for _ in $(seq 1000); do
  ! compgen -G 'bank/t/local/checkpoints/waited/journal/*-pre*/*/intent-*' >/dev/null || break
  kill -0 $engine 2>/dev/null || fail "it did not wait: $(cat run.out)"
  sleep 0.01
done
sleep 0.5
freed=$(date -u +%Y-%m-%dT%H:%M:%S.%3NZ)
stop_writer
wait $engine || fail "the run ended with $? although the lock went: $(cat run.out)"
engine=""
holdfast --json checkpoints show waited >show.json
python3 - "$freed" <<'END' || fail "$(cat show.json)"
import json, sys
[resource] = [d for d in map(json.loads, open("show.json")) if d["message_type"] == "record-resource"]
assert resource["point_in_time"] >= sys.argv[1], (resource["point_in_time"], sys.argv[1])
END
sed -i 's/busy_timeout = .*/busy_timeout = 100ms/' providers.d/p.conf

start_writer
code=0
holdfast -q run shop-protect.yaml >stays.out 2>&1 || code=$?
[ "$code" = 5 ] || fail "the run that could never get the lock ended with $code: $(cat stays.out)"
grep -q "pre of Local::SQLite::Database#shop.db did not end: .*process $writer (python3) has a lock" stays.out || fail "$(cat stays.out)"
stop_writer
ls -A | grep -q '^\.holdfast' && fail "something half-made was left: $(ls -A)"
exit 0
