#!/usr/bin/env bash
# Several resources are never restored to one place, nor one into another: compiling says which, where to, and
# which line of the parameters leads there. Each to a place of its own is fine.
#   one_target.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
mkdir a b
echo a >a/a
echo b >b/b
for name in one two; do sqlite3 $name.db "create table t(x); insert into t values ('$name')"; done
provider local-directory local-sqlite <<END
[local]
inventory = $dir/inventory.yaml
END
cat >inventory.yaml <<END
directories: [{id: a, path: $dir/a}, {id: b, path: $dir/b}]
sqlite: [{id: one, path: $dir/one.db}, {id: two, path: $dir/two.db}]
END
cat >p.yaml <<END
name: p
provider: p
resources: ["Local::Directory#a", "Local::Directory#b", "Local::SQLite::Database#one", "Local::SQLite::Database#two"]
END
holdfast -q plan discover p.yaml
holdfast -q compile protect p.yaml >out 2>&1 || fail "$(cat out)"
[ ! -s out ] || fail "a warning about nothing: $(cat out)"
holdfast -q run p-protect.yaml

refused() { # LINE WORDS...: compiling a restore with to.yaml is refused, with this line and these words
  local code=0 line=$1
  shift
  holdfast -q compile restore latest --parameters to.yaml -o r.yaml >out 2>&1 || code=$?
  [ "$code" = 3 ] || fail "$*: compiling ended with $code: $(cat out)"
  [ ! -e r.yaml ] || fail "$*: a workflow was written"
  grep -q "to.yaml:$line:" out || fail "expected line $line, got: $(cat out)"
  for words in "$@"; do grep -q -- "$words" out || fail "expected '$words', got: $(cat out)"; done
}
printf 'Local::Directory:\n  target: %s//x/\n' "$dir" >to.yaml
refused 2 "Local::Directory#a and Local::Directory#b would all be restored to '$dir/x'"
printf 'Local::SQLite::Database:\n  overwrite: true\n  path: %s/x.db\n' "$dir" >to.yaml
refused 3 "Local::SQLite::Database#one and Local::SQLite::Database#two would all be restored to '$dir/x.db'"
# Onto where another one was.
printf '"Local::SQLite::Database#one":\n  path: %s/two.db\n' "$dir" >to.yaml
refused 2 "Local::SQLite::Database#one and Local::SQLite::Database#two would all be restored to '$dir/two.db'"
# One into the other.
printf '"Local::SQLite::Database#one":\n  path: %s/./a/sub/one.db\n' "$dir" >to.yaml
refused 2 "Local::SQLite::Database#one would be restored to '$dir/a/sub/one.db', inside '$dir/a', to which Local::Directory#a is restored"
printf '"Local::Directory#a": {target: %s/x}\n"Local::Directory#b": {target: %s/x/b}\n' "$dir" "$dir" >to.yaml
refused 2 "Local::Directory#b would be restored to '$dir/x/b', inside '$dir/x', to which Local::Directory#a is restored"

# Names that only look alike are places of their own.
cat >to.yaml <<END
"Local::Directory#a": {target: $dir/x}
"Local::Directory#b": {target: $dir/x-b}
"Local::SQLite::Database#one": {path: $dir/x.db}
"Local::SQLite::Database#two": {path: $dir/y.db}
END
holdfast -q compile restore latest --parameters to.yaml -o r.yaml
holdfast -q run r.yaml
[ "$(cat x/a x-b/b)" = "$(printf 'a\nb')" ] || fail "not what was protected"
[ "$(sqlite3 x.db 'select x from t')$(sqlite3 y.db 'select x from t')" = onetwo ] || fail "not what was protected"
