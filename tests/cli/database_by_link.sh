#!/usr/bin/env bash
# A database that the inventory names by a symlink is the file that the link leads to: protected and restored
# without a warning, and the link is kept; inside a directory, out of one, and when all of it is gone.
#   database_by_link.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
mkdir -p app/data other
sqlite3 app/data/inside.db "create table t(x); insert into t values ('inside')"
sqlite3 other/outside.db "create table t(x); insert into t values ('outside')"
ln -s data/inside.db app/inside.db
ln -s ../other/outside.db app/outside.db
provider local-directory local-sqlite <<END
[local]
inventory = $dir/inventory.yaml
END
cat >inventory.yaml <<END
directories: [{id: app, path: $dir/app}]
sqlite: [{id: in, path: $dir/app/inside.db}, {id: out, path: $dir/app/outside.db}]
END
cat >p.yaml <<END
name: p
provider: p
resources: ["Local::Directory#app", "Local::SQLite::Database#in", "Local::SQLite::Database#out"]
parameters: {Local::Directory: {snapshot: copy}}
END
silent() { # COMMAND...: it succeeds and warns of nothing
  "$@" >out 2>&1 && ! grep -qi warning out || fail "$*: $(cat out)"
}
silent holdfast -q plan discover p.yaml
silent holdfast -q check p.yaml
silent holdfast -q compile protect p.yaml
silent holdfast -q run p-protect.yaml

whole() {
  [ "$(readlink app/inside.db) $(readlink app/outside.db)" = "data/inside.db ../other/outside.db" ] || fail "$1: $(ls -l app)"
  [ "$(sqlite3 app/inside.db 'select x from t') $(sqlite3 app/outside.db 'select x from t')" = "inside outside" ] || fail "$1"
  [ -f app/data/inside.db ] && [ -f other/outside.db ] || fail "$1: not where they were"
}
for file in app/inside.db app/outside.db; do sqlite3 $file "update t set x = 'changed'"; done
printf 'Local::Directory: {overwrite: true, existing: merge}\nLocal::SQLite::Database: {overwrite: true}\n' >over.yaml
silent holdfast -q compile restore latest --parameters over.yaml -o over-restore.yaml
silent holdfast -q run over-restore.yaml
whole "over what is there"
rm -r app other
silent holdfast -q compile restore latest -o lost.yaml
silent holdfast -q run lost.yaml
whole "after a loss"
