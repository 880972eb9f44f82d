#!/usr/bin/env bash
# A restore never goes where the bank is, and a backup never holds the bank: refused at compile, in the
# preflight, and by the step where it is seen only then. What leaves the bank out may be around it.
#   bank_in_the_way.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
mkdir -p srv/bank srv/files
echo one >srv/files/one
sqlite3 shop.db 'create table t(x); insert into t values (7)'
cat >providers.d/p.conf <<END
[provider]
name = p
id = 0b0f6b1e-53f6-4f5c-9d0e-0f0a6d1d7a21
bank = filesystem
plugin = local-directory
plugin = local-sqlite
[filesystem]
path = $dir/srv/bank
[local]
inventory = $dir/inventory.yaml
END
cat >inventory.yaml <<END
directories: [{id: files, path: $dir/srv/files}]
sqlite: [{id: shop, path: $dir/shop.db}]
END
printf 'name: a\nprovider: p\nresources: ["Local::Directory#files", "Local::SQLite::Database#shop"]\n' >a.yaml
holdfast -q plan discover a.yaml
holdfast -q compile protect a.yaml
holdfast -q run a-protect.yaml

refused() { # WORDS: compiling a restore with to.yaml is refused, with its second line and these words
  local code=0
  rm -f r.yaml
  holdfast -q compile restore latest --parameters to.yaml -o r.yaml >out 2>&1 || code=$?
  [ "$code" = 3 ] || fail "$1: compiling ended with $code: $(cat out)"
  grep -q "to.yaml:2:.*$1" out || fail "expected 'to.yaml:2: ... $1', got: $(cat out)"
  [ ! -e r.yaml ] || fail "$1: a workflow was written"
}
to() { printf '"Local::Directory#files":\n  target: %s\n  overwrite: true\n  existing: replace\n' "$1" >to.yaml; }
ln -s srv/bank link
ln -s srv here
to "$dir/srv/bank"
refused 'is the folder of the bank'
to "$dir/srv/bank/t"
refused 'lies in the folder of the bank'
to "$dir/srv"
refused 'holds the folder of the bank'
to "$dir/link/deep/er"
refused 'lies in the folder of the bank'
to "$dir/here"
refused 'holds the folder of the bank'
printf 'Local::SQLite::Database:\n  path: %s\n' "$dir/./srv//bank/x.db" >to.yaml
refused 'lies in the folder of the bank'
printf 'Local::SQLite::Database:\n  path: %s\n' "$dir/here/../srv/bank/x.db" >to.yaml
refused "holds '\.\.'"

# What leads there only after the compile is seen by the step, before it writes.
to "$dir/later/fresh"
holdfast -q compile restore latest --parameters to.yaml -o later.yaml
ln -s srv/bank later
code=0
holdfast -q run later.yaml >out 2>&1 || code=$?
[ "$code" = 5 ] || fail "a restore into the bank ended with $code: $(cat out)"
grep -q 'lies in the folder of the bank' out || fail "$(cat out)"
[ ! -e srv/bank/fresh ] && [ -z "$(find srv/bank -name '.holdfast*')" ] || fail "the step wrote into the bank"
rm later

# A directory that holds the bank.
cat >inventory.yaml <<END
directories: [{id: all, path: $dir/srv}]
END
printf 'name: b\nprovider: p\nresources: ["Local::Directory#all"]\n' >b.yaml
holdfast -q plan discover b.yaml
code=0
holdfast -q compile protect b.yaml >out 2>&1 || code=$?
[ "$code" = 3 ] || fail "a bank in what is protected: $code"
grep -q "holds the folder of the bank" out && grep -q 'exclude: \["/bank/"\]' out || fail "$(cat out)"
code=0
holdfast check b.yaml >out 2>&1 || code=$?
[ "$code" = 3 ] && grep -q "holds the folder of the bank" out || fail "the preflight: $code, $(cat out)"

# Excluded, as the hint says, it is protected, and comes back around the bank.
sed -i 's#path: \(.*\)}\]#path: \1, exclude: ["/bank/"]}]#' inventory.yaml
holdfast -q check b.yaml >out || fail "$(cat out)"
holdfast -q plan discover b.yaml
holdfast -q compile protect b.yaml
holdfast -q run b-protect.yaml
holdfast checkpoints ls latest "Local::Directory#all" >ls.out || fail "no listing"
! grep -q bank ls.out || fail "the bank is in its own backup: $(cat ls.out)"
echo two >srv/files/two
printf 'Local::Directory: {overwrite: true, existing: replace}\n' >back.yaml
holdfast -q compile restore latest --parameters back.yaml -o back-restore.yaml
holdfast -q run back-restore.yaml
[ ! -e srv/files/two ] && [ "$(cat srv/files/one)" = one ] || fail "not what was protected"
holdfast -q checkpoints verify latest >/dev/null || fail "the bank was harmed"

# So it does when only the plan excludes it.
cat >inventory.yaml <<END
directories: [{id: all, path: $dir/srv}]
END
printf 'name: c\nprovider: p\nresources: ["Local::Directory#all"]\nparameters: {Local::Directory: {exclude: [/bank/]}}\n' >c.yaml
holdfast -q plan discover c.yaml
holdfast -q compile protect c.yaml
holdfast -q run c-protect.yaml
echo two >srv/files/two
holdfast -q compile restore latest --parameters back.yaml -o c-restore.yaml >out 2>&1 || fail "excluded by the plan: $(cat out)"
holdfast -q run c-restore.yaml >out 2>&1 || fail "excluded by the plan: $(cat out)"
[ ! -e srv/files/two ] && [ "$(cat srv/files/one)" = one ] || fail "not what was protected"
holdfast -q checkpoints verify latest >/dev/null || fail "the bank was harmed"
