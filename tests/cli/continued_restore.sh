#!/usr/bin/env bash
# A restore that failed for one resource is continued on its record: what was restored stays as it
# is, the application above rests again meanwhile, and the rest is restored.
#   continued_restore.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
mkdir data
for i in $(seq 20); do echo "$i" >data/$i; done
python3 -c 'import sqlite3; d = sqlite3.connect("shop.db"); d.execute("create table t(x)"); d.executemany("insert into t values(?)", [(i,) for i in range(1000)]); d.commit()'
cat >inventory.yaml <<END
applications:
  - id: app
    quiesce: ['true']
    resume: ['true']
    stop: [sh, -c, echo stop >>$dir/calls]
    start: [sh, -c, echo start >>$dir/calls]
    directories: [{id: data, path: $dir/data}]
    sqlite: [{id: shop, path: $dir/shop.db}]
END
provider local-application local-directory local-sqlite <<END
[local]
inventory = $dir/inventory.yaml
END
printf 'name: app\nprovider: p\nresources: ["Local::Application#app"]\n' >app.yaml
holdfast -q plan discover app.yaml
holdfast -q compile protect app.yaml
holdfast -q run app-protect.yaml
sum() { sha256sum data/*; python3 -c 'import sqlite3; print(*sqlite3.connect("shop.db").iterdump())'; }
before=$(sum)
rm -r shop.db data
mkdir data
echo "somebody else's" >data/other
holdfast -q compile restore latest -o restore.yaml
code=0
holdfast -q --json run restore.yaml >first.json || code=$?
[ $code = 4 ] || [ $code = 5 ] || fail "a restore onto what is there ended with $code"
[ "$(cat data/other)" = "somebody else's" ] || fail "what was there was touched"
[ -e shop.db ] || fail "the database was not restored"
inode=$(stat -c %i shop.db)
record=$(python3 -c 'import json
print(*[d["id"] for d in map(json.loads, open("first.json")) if d["message_type"] == "record"])')
rm -r data
: >calls
holdfast -q run restore.yaml --record "$record" || fail "the restore could not be continued"
[ "$(sum)" = "$before" ] || fail "the data differs"
[ "$(stat -c %i shop.db)" = "$inode" ] || fail "the database was restored again"
[ "$(tr '\n' ' ' <calls)" = "stop start " ] || fail "the application did not rest meanwhile: $(cat calls)"
# A typing error begins nothing new.
before=$(find bank | sort)
code=0; holdfast -q run restore.yaml --new --record no-such-record 2>said || code=$?
[ $code = 10 ] || fail "an unknown record: exit code $code, not 10"
grep -q "there is no restore no-such-record" said || fail "nothing names the record: $(cat said)"
code=0; holdfast -q run restore.yaml --run-id latest 2>said || code=$?
[ $code = 2 ] || fail "--run-id latest: exit code $code, not 2"
[ "$(find bank | sort)" = "$before" ] || fail "something was written"
