#!/usr/bin/env bash
# A database, and another directory, inside a protected directory: discovered below it, left out of its tree,
# restored after it into the tree that is there; from nothing, and over what is there. A graph that somebody
# has written without that is warned of, and never restored one into the other.
#   database_inside.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
mkdir -p app/db app/files/inner/deep
for i in $(seq 50); do echo "$i" >app/files/$i; done
echo deep >app/files/inner/deep/deep
sqlite3 app/db/data.db 'pragma journal_mode=wal; create table t(x); insert into t values (7)' >/dev/null
sqlite3 app/files/inner/inner.db 'create table t(x); insert into t values (8)'
provider local-directory local-sqlite <<END
[local]
inventory = $dir/inventory.yaml
END
ln -s app link # the same files by another name
state() {
  (cd app && find . -type f ! -name '*.db-*' ! -name '*.db' -exec sha256sum {} + | sort)
  sqlite3 app/db/data.db 'select x from t'
  sqlite3 app/files/inner/inner.db 'select x from t'
}
before=$(state)
left() { find app -name '.holdfast*'; ls -A | grep '^\.holdfast' || true; }
for exclude in '' '*.db'; do
  cat >inventory.yaml <<END
directories:
  - {id: app, path: $dir/app, exclude: [${exclude:+"'$exclude'"}]}
  - {id: inner, path: $dir/app/files/inner}
sqlite: [{id: data, path: $dir/link/db/data.db}, {id: inner.db, path: $dir/app/files/inner/inner.db}]
END
  printf 'name: p\nprovider: p\nresources: ["Local::Directory#app"]\n' >p.yaml
  rm -f p.graph.yaml
  holdfast -q plan discover p.yaml
  [ "$(grep -c 'owns:' p.graph.yaml)" = 3 ] || fail "not below it: $(cat p.graph.yaml)"
  holdfast -q check p.yaml >out 2>&1 || fail "$(cat out)"
  holdfast -q compile protect p.yaml >out 2>&1 || fail "$(cat out)"
  [ ! -s out ] || fail "a warning about nothing: $(cat out)"
  holdfast -q run p-protect.yaml -j 4
  holdfast checkpoints ls latest 'Local::Directory#app' >ls.out
  ! grep -qE 'data\.db|inner' ls.out || fail "the tree holds what others protect: $(cat ls.out)"
  holdfast checkpoints ls latest 'Local::Directory#inner' >ls.out
  grep -q deep/deep ls.out && ! grep -q 'inner\.db' ls.out || fail "$(cat ls.out)"

  # All is lost.
  rm -rf app
  holdfast -q compile restore latest -o lost.yaml
  holdfast -q run lost.yaml -j 4 >out 2>&1 || fail "after a loss: $(cat out)"
  [ "$(state)" = "$before" ] || fail "after a loss: $(state)"
  [ -z "$(left)" ] || fail "left: $(left)"

  # In place, over what is there.
  sqlite3 app/db/data.db 'update t set x = 9'
  echo other >app/files/1
  echo new >app/files/new
  cat >over.yaml <<END
Local::Directory: {overwrite: true, existing: replace}
Local::SQLite::Database: {overwrite: true}
END
  holdfast -q compile restore latest --parameters over.yaml -o over-restore.yaml
  holdfast -q run over-restore.yaml -j 4 >out 2>&1 || fail "in place: $(cat out)"
  [ "$(state)" = "$before" ] || fail "in place: $(state)"
  [ -z "$(left)" ] || fail "left: $(left)"
done

# One path of the directory: what is in it comes back with it, everything else stays as it is.
compile() { # PARAMETERS, on stdin: into part.yaml
  cat >part.parameters.yaml
  rm -f part.yaml
  code=0
  holdfast compile restore latest --parameters part.parameters.yaml -o part.yaml >out 2>&1 || code=$?
}
sqlite3 app/db/data.db 'update t set x = 9'
sqlite3 app/files/inner/inner.db 'update t set x = 9'
echo other >app/files/1
compile <<<'"Local::Directory#app": {overwrite: true, only: files/1}'
[ "$code" = 0 ] || fail "one path: $code, $(cat out)"
grep -q 'note: Local::SQLite::Database#data is left out: what is asked of Local::Directory#app' out &&
  grep -q 'note: Local::SQLite::Database#inner.db is left out with Local::Directory#inner' out || fail "$(cat out)"
holdfast -q run part.yaml >out 2>&1 || fail "one path: $(cat out)"
[ "$(grep -c '^Local::.* left out ' out)" = 3 ] || fail "not said to be left out: $(cat out)"
[ "$(cat app/files/1)" = 1 ] || fail "the path that was asked for is not back"
[ "$(sqlite3 app/db/data.db 'select x from t') $(sqlite3 app/files/inner/inner.db 'select x from t')" = '9 9' ] ||
  fail "a database was restored that nobody asked for"
compile <<<'{"Local::Directory#app": {overwrite: true, only: db}, Local::SQLite::Database: {overwrite: true}}'
holdfast -q run part.yaml >out 2>&1 || fail "the folder of a database: $(cat out)"
[ "$(sqlite3 app/db/data.db 'select x from t') $(sqlite3 app/files/inner/inner.db 'select x from t')" = '7 9' ] ||
  fail "not the one database that was asked for"

# Elsewhere: everything that is in it is told where to, or nothing is compiled.
compile <<<"\"Local::Directory#app\": {target: $dir/new}"
[ "$code" = 3 ] && [ ! -e part.yaml ] || fail "elsewhere: $code, $(cat out)"
grep -q "Local::SQLite::Database#data: .*give 'path: $dir/new/db/data.db'" <(tr '\n' ' ' <out) &&
  grep -q "give 'target: $dir/new/files/inner'" out || fail "$(cat out)"
compile <<END
"Local::Directory#app": {target: $dir/new}
"Local::Directory#inner": {target: $dir/new/files/inner}
"Local::SQLite::Database#data": {path: $dir/new/db/data.db}
"Local::SQLite::Database#inner.db": {path: $dir/new/files/inner/inner.db}
END
holdfast -q run part.yaml -j 4 >out 2>&1 || fail "elsewhere: $(cat out)"
mv app old && mv new app
[ "$(state)" = "$before" ] || fail "elsewhere: $(state)"

# What would be refused when the directory is overwritten already is refused before.
compile <<<'Local::Directory: {overwrite: true}'
[ "$code" = 3 ] && grep -q "give 'overwrite: true' for 'Local::SQLite::Database#data' too" out ||
  fail "a late refusal: $code, $(cat out)"

# A graph without the edges.
cat >q.graph.yaml <<END
format: 1
resources:
- {type: 'Local::Directory', id: app, name: app, extra: {path: $dir/app}}
- {type: 'Local::SQLite::Database', id: data, name: data, extra: {path: $dir/app/db/data.db}}
END
printf 'name: q\nprovider: p\npolicy: {drift: ignore}\nresources: ["Local::Directory#app", "Local::SQLite::Database#data"]\n' >q.yaml
holdfast -q compile protect q.yaml 2>/dev/null || fail "a warning is no error"
holdfast compile protect q.yaml >out 2>&1
grep -q "warning: .*Local::SQLite::Database#data, at '$dir/app/db/data.db', lies inside Local::Directory#app, at '$dir/app'" out ||
  fail "no warning: $(cat out)"
holdfast -q run q-protect.yaml
rm -rf app
code=0
holdfast -q compile restore latest -o q-restore.yaml >out 2>&1 || code=$?
[ "$code" = 3 ] || fail "one into the other: $code"
grep -q "Local::SQLite::Database#data would be restored to '$dir/app/db/data.db', inside '$dir/app'" out || fail "$(cat out)"
printf '"Local::SQLite::Database#data": {path: %s/apart.db}\n' "$dir" >apart.yaml
holdfast -q compile restore latest --parameters apart.yaml -o q-restore.yaml
holdfast -q run q-restore.yaml
[ "$(sqlite3 apart.db 'select x from t')" = 7 ] || fail "not what was protected"
