#!/usr/bin/env bash
# A PostgreSQL server whose databases are discovered, `postgres` with a table among them: protected,
# then restored in place, all of them at once, while each is in use; and once more on an empty server.
#   whole_server.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
chmod 755 "$dir" # the server may run as another user
trap '"$here/../setup/pg_server.sh" stop "$dir/pg" || true; leave' EXIT
mkdir staging
"$here/../setup/pg_server.sh" start "$dir/pg" $$
databases="one postgres two"
sql() { psql -XqAt -v ON_ERROR_STOP=1 -h "$dir/pg" -U postgres -d "$1" -c "$2"; }
sums() { for name in $databases; do sql "$name" "select '$name', count(*), sum(id) from orders"; done; }

for name in one two; do sql postgres "create database $name"; done
for name in $databases; do
  sql "$name" "create table orders as select i * ${#name} as id from generate_series(1, 1000) i"
done
cat >inventory.yaml <<END
postgresql: [{id: server, host: $dir/pg, user: postgres, discover: true}]
END
provider local-postgresql <<END
[local]
inventory = $dir/inventory.yaml
[local_postgresql]
staging = $dir/staging
END
cat >server.yaml <<END
name: server
provider: p
resources: ["Local::PostgreSQL::Database#server/one", "Local::PostgreSQL::Database#server/postgres",
            "Local::PostgreSQL::Database#server/two"]
END
sql postgres "create database pattern is_template true"
for command in "resources list" "plan discover server.yaml"; do
  holdfast $command >resources.txt 2>warnings.txt || fail "no resources"
  [ "$(grep -c "^warning: database 'pattern' of server 'server' is not protected: it is a template" warnings.txt)" = 1 ] \
    || fail "$command: not said, or not once: $(cat warnings.txt)"
done
sql postgres "alter database pattern is_template false"
sql postgres "drop database pattern"
holdfast resources list >resources.txt || fail "no resources"
grep -q 'server/postgres' resources.txt || fail "postgres was not discovered: $(cat resources.txt)"
before=$(sums)
holdfast -q plan discover server.yaml
holdfast -q compile protect server.yaml
holdfast -q run server-protect.yaml -j 4

# In place, over databases that have something in them.
for name in $databases; do sql "$name" "delete from orders where id > 50"; done
holdfast -q compile restore latest -o refused.yaml
! holdfast -q run refused.yaml -j 4 >refused.txt 2>&1 || fail "restored over what was there"
[ "$(sums)" != "$before" ] || fail "the refused restore changed something"
cat >over.yaml <<END
Local::PostgreSQL::Database: {overwrite: true}
END
holdfast -q compile restore latest --parameters over.yaml -o over-restore.yaml
holdfast -q run over-restore.yaml -j 4
[ "$(sums)" = "$before" ] || fail "not what was protected: $(sums)"

# Not all of them into one.
printf 'Local::PostgreSQL::Database:\n  database: all\n' >all.yaml
code=0
holdfast -q compile restore latest --parameters all.yaml -o all-restore.yaml >all.txt 2>&1 || code=$?
[ "$code" = 3 ] || fail "three databases into one: $code"
grep -q "^all.yaml:2:.*server/one, .*server/postgres and .*server/two would all be restored to PostgreSQL database '$dir/pg:5432/all'" all.txt ||
  fail "$(cat all.txt)"

# The server is lost. A new one has an empty `postgres`; nothing is to be overwritten.
"$here/../setup/pg_server.sh" stop "$dir/pg"
"$here/../setup/pg_server.sh" start "$dir/pg" $$
holdfast -q compile restore latest -o lost.yaml
holdfast -q run lost.yaml -j 4
[ "$(sums)" = "$before" ] || fail "not what was protected: $(sums)"
left=$(sql template1 "select datname from pg_database where datname ~ '^holdfast'")
[ -z "$left" ] || fail "left: $left"
