#!/usr/bin/env bash
# `holdfast check PLAN`: every problem of every resource in one run, exit code 0 or 3.
#   preflight.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
mkdir data
sqlite3 data/shop.db 'create table t(x)'
provider local-application local-directory local-sqlite <<END
[local]
inventory = $dir/inventory.yaml
END
cat >inventory.yaml <<END
applications:
  - id: shop
    name: The shop
    quiesce: {command: [$dir/freeze], timeout: 20s}
    resume: {command: ['true'], timeout: 20s}
    directories:
      - {id: data, path: $dir/data}
    sqlite:
      - {id: shop.db, path: $dir/data/shop.db}
END
cat >shop.yaml <<END
name: shop
provider: p
resources: ['Local::Application#shop']
END
printf '#!/bin/sh\n' >freeze
chmod +x freeze
holdfast check shop.yaml >out || fail "a plan without problems ended with $?: $(cat out)"
[ "$(grep -c '^ok ' out)" = 8 ] || fail "$(cat out)"
[ -z "$(find bank -type f)" ] || fail "the preflight left something in the bank"

# Compiling looks at nothing on this machine: discovering says who does.
holdfast plan discover shop.yaml 2>words
grep -q '; next: holdfast check shop.yaml$' words || fail "$(cat words)"
mv data real
ln -s real data
code=0
holdfast check shop.yaml >out 2>/dev/null || code=$?
[ "$code" = 3 ] && grep -A1 '^FAILED  Local::Directory#data' out | grep -q "data is a symlink" || fail "$code, $(cat out)"
grep -q "help: name what it points to: $dir/real" out || fail "$(cat out)"
rm data
mv real data

# Three resources, a fault each, and a fourth in the bank: all are said, with name and hint.
chmod -x freeze
rm data/shop.db
echo 'parameters: {"Local::Directory": {snapshot: copy, staging: /nowhere}}' >>shop.yaml
mv bank bank.gone
touch bank
code=0
holdfast check shop.yaml >out 2>words || code=$?
[ "$code" = 3 ] || fail "problems ended with $code"
grep -q 'FAILED  bank is writable' out || fail "$(cat out)"
grep -A2 '^FAILED  Local::Application#shop (The shop)' out | grep -q "$dir/freeze' may not be run" || fail "$(cat out)"
grep -A2 '^FAILED  Local::Application#shop (The shop)' out | grep -q 'help: it must be executable' || fail "$(cat out)"
[ "$(grep -c 'it must be executable' out)" = 1 ] || fail "a hint is told twice: $(cat out)"
grep -A1 '^FAILED  Local::Directory#' out | grep -q "the folder for the snapshot, '/nowhere'" || fail "$(cat out)"
grep -A1 '^FAILED  Local::SQLite::Database#' out | grep -q "database file '$dir/data/shop.db'" || fail "$(cat out)"
grep -q '^4 problems stand in the way of plan shop' words || fail "$(cat words)"
code=0
holdfast --json check shop.yaml >json 2>/dev/null || code=$?
[ "$code" = 3 ] || fail "problems ended with $code"
python3 - <<'END'
import json
checks = [c for c in map(json.loads, open("json")) if c["message_type"] == "check"]
bad = {c.get("id", c["check"]): c for c in checks if not c["ok"]}
assert set(bad) == {"bank is writable", "shop", "data", "shop.db"}, bad.keys()
assert bad["shop"]["type"] == "Local::Application" and bad["shop"]["name"] == "The shop"
problem, = bad["shop"]["problems"]
assert problem["code"] == "denied" and "freeze" in problem["message"] and problem["hint"], problem
END
rm bank
mv bank.gone bank

# Parameters that are wrong are a problem as well, and nobody guesses what would hold without them.
sed -i 's/snapshot: copy/snapshot: photo/' shop.yaml
code=0
holdfast check shop.yaml >out 2>/dev/null || code=$?
[ "$code" = 3 ] || fail "wrong parameters ended with $code"
grep -A1 '^FAILED  parameters' out | grep -q "photo" || fail "$(cat out)"

# What a plugin refuses of them is told as well, and beside it what stands in the way outside.
sed -i 's#staging: /nowhere#staging: nowhere#; s/snapshot: photo/snapshot: copy/' shop.yaml
code=0
holdfast check shop.yaml >out 2>words || code=$?
[ "$code" = 3 ] || fail "parameters that a plugin refuses ended with $code"
grep -A1 '^FAILED  parameters' out |
  grep -q "shop.yaml:4:.*protect parameters of Local::Directory#data: staging 'nowhere' is not absolute" || fail "$(cat out)"
grep -A1 '^FAILED  Local::SQLite::Database#' out | grep -q "database file '$dir/data/shop.db'" || fail "$(cat out)"
[ "$(grep -c "'nowhere'" out)" = 1 ] || fail "it is told twice: $(cat out)"
