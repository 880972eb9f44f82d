#!/usr/bin/env bash
# A checkpoint in which something is missing, restored with --partial: what it holds comes back, what it
# does not hold is one clear error each, and nothing is left.
#   partial_checkpoint.sh BUILD_FOLDER
set -euo pipefail
build=$(realpath "$1")
dir=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-partial.XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export PATH="$build/bin:$PATH" HOLDFAST_PROVIDER_CONFIG_DIR=$dir/providers.d
fail() { echo "partial_checkpoint: $*" >&2; exit 1; }
mkdir -p providers.d bank data/good data/bad data/restored
echo one >data/good/file
echo two >data/bad/file
sqlite3 data/good.db 'create table t(a); insert into t values (1)'
cp data/good.db data/bad.db
cat >inventory.yaml <<END
directories: [{id: good, path: $dir/data/good}, {id: bad, path: $dir/data/bad}]
sqlite: [{id: good.db, path: $dir/data/good.db}, {id: bad.db, path: $dir/data/bad.db}]
END
cat >providers.d/p.conf <<END
[provider]
name = p
id = 0b0f6b1e-53f6-4f5c-9d0e-0f0a6d1d7a13
bank = filesystem
plugin = local-directory
plugin = local-sqlite
[filesystem]
path = $dir/bank
[local]
inventory = $dir/inventory.yaml
END
cat >plan.yaml <<END
name: plan
provider: p
resources: ["Local::Directory#good", "Local::Directory#bad", "Local::SQLite::Database#good.db", "Local::SQLite::Database#bad.db"]
policy: {drift: ignore}
END
holdfast -q plan discover plan.yaml
mv data/bad data/elsewhere
mv data/bad.db data/elsewhere.db
for fuse in none leaf; do
  holdfast -q compile protect plan.yaml --fuse $fuse
  code=0
  holdfast -q run plan-protect.yaml --run-id partial-$fuse >words 2>&1 || code=$?
  [ "$code" = 5 ] || fail "a protect of what is not there ended with $code: $(cat words)"
  rm -rf data/good data/good.db
  ! holdfast -q compile restore partial-$fuse -o refused.yaml 2>words || fail "restored without --partial"
  holdfast -q compile restore partial-$fuse --partial --fuse $fuse -o restore-$fuse.yaml
  code=0
  holdfast -q run restore-$fuse.yaml --run-id restore-$fuse >words 2>&1 || code=$?
  [ "$code" = 5 ] || fail "the restore ended with $code: $(cat words)"
  [ "$(cat data/good/file)" = one ] || fail "the directory that was protected is not back"
  [ "$(sqlite3 data/good.db 'select a from t')" = 1 ] || fail "the database that was protected is not back"
  [ ! -e data/bad ] && [ ! -e data/bad.db ] || fail "there is something of what was not protected"
  holdfast --json restores show restore-$fuse >shown
  for resource in Local::Directory#bad Local::SQLite::Database#bad.db; do
    grep -qF "holds nothing of $resource" shown || fail "it does not say that there is nothing of $resource: $(cat shown)"
  done
  # The post of a resource whose pre failed is not called: nothing but the two is said to be wrong.
  ! grep -qE 'post of [^ ]+ failed|still be at rest|not cleaned up' shown || fail "$(cat shown)"
  [ -z "$(find data -name '.holdfast*')" ] || fail "left: $(find data -name '.holdfast*')"
done
