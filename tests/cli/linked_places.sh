#!/usr/bin/env bash
# A symlink gives a place no second name: two resources are not restored to one place by two spellings of it,
# nor one into another, and one database that an inventory lists twice by two spellings is warned of.
#   linked_places.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
mkdir a b real
ln -s real link
echo a >a/a
echo b >b/b
sqlite3 real/one.db "create table t(x); insert into t values ('one')"
provider local-directory local-sqlite <<END
[local]
inventory = $dir/inventory.yaml
END
cat >inventory.yaml <<END
directories: [{id: a, path: $dir/a}, {id: b, path: $dir/b}]
sqlite: [{id: one, path: $dir/real/one.db}, {id: again, path: $dir/link/one.db}]
END
cat >p.yaml <<END
name: p
provider: p
resources: ["Local::Directory#a", "Local::Directory#b", "Local::SQLite::Database#again", "Local::SQLite::Database#one"]
END
holdfast -q plan discover p.yaml
warning="Local::SQLite::Database#again and Local::SQLite::Database#one are all of '$dir/link/one.db' (by a link the same as '$dir/real/one.db')"
for command in 'check' 'compile protect'; do
  holdfast $command p.yaml >out 2>&1 || fail "$command: $(cat out)"
  grep -qF "$warning" out || fail "$command: one database by two names: $(cat out)"
done
holdfast -q run p-protect.yaml >out 2>&1 || fail "$(cat out)"

refused() { # LINE WORDS: compiling a restore with to.yaml is refused, with this line and these words
  local code=0
  holdfast -q compile restore latest --parameters to.yaml -o r.yaml >out 2>&1 || code=$?
  [ "$code" = 3 ] && [ ! -e r.yaml ] || fail "$2: compiling ended with $code: $(cat out)"
  grep -q "to.yaml:$1:" out && grep -qF -- "$2" out || fail "expected line $1 and '$2', got: $(cat out)"
}
apart="\"Local::SQLite::Database#again\": {path: $dir/again.db}"
printf '%s\n"Local::Directory#a": {target: %s/link/x}\n"Local::Directory#b": {target: %s/real/x}\n' "$apart" "$dir" "$dir" >to.yaml
refused 2 "Local::Directory#a and Local::Directory#b would all be restored to '$dir/link/x' (by a link the same as '$dir/real/x')"
# What the link leads to need not be there.
ln -s later soon
printf '%s\n"Local::Directory#a": {target: %s/soon/x}\n"Local::Directory#b": {target: %s/later/x}\n' "$apart" "$dir" "$dir" >to.yaml
refused 2 "Local::Directory#a and Local::Directory#b would all be restored to '$dir/soon/x'"
# One into the other.
printf '%s\n"Local::Directory#a": {target: %s/real}\n"Local::Directory#b": {target: %s/link/in}\n"Local::SQLite::Database#one": {path: %s/one.db}\n' \
  "$apart" "$dir" "$dir" "$dir" >to.yaml
refused 3 "Local::Directory#b would be restored to '$dir/link/in', inside '$dir/real', to which Local::Directory#a is restored"
# Each to a place of its own, by a link or not.
printf '%s\n"Local::Directory#a": {target: %s/link/xa}\n"Local::Directory#b": {target: %s/real/xb}\n"Local::SQLite::Database#one": {path: %s/one.db}\n' \
  "$apart" "$dir" "$dir" "$dir" >to.yaml
holdfast -q compile restore latest --parameters to.yaml -o r.yaml >out 2>&1 || fail "$(cat out)"
holdfast -q run r.yaml >out 2>&1 || fail "$(cat out)"
[ "$(cat real/xa/a real/xb/b)" = "$(printf 'a\nb')" ] || fail "not what was protected"
