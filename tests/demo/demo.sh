#!/usr/bin/env bash
# `make demo`: the main job, with real data. An application (a directory, an SQLite and a PostgreSQL
# database, all written to all the time) is protected, damaged, restored, lost but for the
# bank, and restored again. Says what it does; leaves nothing running and nothing behind but its log.
#   demo.sh [missing]   missing: only says what is missing for it, and fails (77); nothing when all is there
#   ENGINE        what runs the workflow files: local (this machine, default), argo (a cluster: tests/engines/argo/site.sh says which),
#                 mistral (one of the demo's own, in a network namespace)
#   BANK          where checkpoints go: filesystem (default), swift or s3 (a Swift of the demo's own)
#   DEMO_DIR      where it works (default: a new folder, removed at the end)
#   DEMO_FUSE     leaf: with leaf fusion
#   DEMO_RATE     bytes a second that copies are slowed to, such as "1 MiB", to watch it at work
#   DEMO_KEEP=1   keeps the folder
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-$top/build}
case "$build" in /*) ;; *) build=$top/$build ;; esac
export PATH="$build/bin:$PATH"
engine=${ENGINE:-local}
case $engine in
  local | argo | mistral) ;;
  *) echo "demo: there is no engine '$engine'; there are: local, argo, mistral" >&2; exit 2 ;;
esac
bank=${BANK:-filesystem}
case $bank in
  filesystem | swift | s3) ;;
  *) echo "demo: there is no bank '$bank'; there are: filesystem, swift, s3" >&2; exit 2 ;;
esac
engine_compile_options=()
engine_inside() { :; }
engine_changes() { :; } # between the first restore and the loss
engine_shows_steps() { grep -A3 -- '- name: ' "$1"; } # FILE
# shellcheck source=tests/demo/argo.sh
. "$top/tests/demo/$engine.sh"
# shellcheck source=tests/demo/banks/swift.sh
. "$top/tests/demo/banks/$bank.sh"
engine_missing >&2 || exit 77
bank_missing >&2 || exit 77
[ "${1:-}" != missing ] || exit 0
engine_inside

dir=${DEMO_DIR:-$(mktemp -d "${TMPDIR:-/tmp}/holdfast-demo.XXXXXX")}
mkdir -p "$dir"
chmod 755 "$dir" # the database server runs as another user, and so may steps
shop_pid=""
finish() {
  code=$?
  [ -z "$shop_pid" ] || { rm -f "$SHOP/running"; wait "$shop_pid" 2>/dev/null || true; }
  engine_stop || true # the rest is to be ended, too
  bank_stop || true
  "$top/tests/setup/pg_server.sh" stop "$dir/pg" >/dev/null 2>&1 || true # may never have started
  if [ "$code" != 0 ]; then
    echo "demo: failed; what it left is in $dir" >&2
  elif [ -z "${DEMO_KEEP:-}" ]; then
    rm -rf "$dir"
  fi
}
trap finish EXIT

bold="" plain=""
if [ -t 1 ]; then bold=$'\033[1m' plain=$'\033[0m'; fi
step() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
run() { printf '$ %s\n' "$*"; "$@"; }

engine_start
bank_start
step "A PostgreSQL server of our own (no network, its own folder)"
"$top/tests/setup/pg_server.sh" start "$dir/pg"
export PGHOST="$dir/pg" PGUSER=postgres
createdb shop

step "An application that takes orders all the time: into files, SQLite and PostgreSQL"
export SHOP="$dir/shop" SHOP_PSQL="psql -X -d shop"
mkdir -p "$SHOP/orders" "$SHOP/pictures"
for i in 1 2 3 4 5 6; do head -c 700000 /dev/urandom >"$SHOP/pictures/$i.jpg"; done
ln -s 1.jpg "$SHOP/pictures/logo.jpg"
sqlite3 "$SHOP/shop.db" 'create table orders(id integer primary key, what text); create table stock(item text, picture blob);
  with recursive n(i) as (select 1 union all select i + 1 from n where i < 64) insert into stock select "item " || i, randomblob(16384) from n'
psql -X -q -d shop -c 'create table orders(id integer primary key, what text);
  create table customers(id integer primary key, name text, notes text);
  insert into customers select i, $$customer $$ || i, (select string_agg(md5(random()::text), $$$$) from generate_series(1, 40)) from generate_series(1, 1000) i'
cp "$top/tests/demo/rest.sh" "$SHOP/"
hand_over "$SHOP"
# What nobody changes: every restore has to bring back these very bytes.
unchanging() {
  (cd "$SHOP" && find pictures -type f | LC_ALL=C sort | xargs sha256sum && readlink pictures/logo.jpg)
  sqlite3 "$SHOP/shop.db" 'select item, hex(picture) from stock order by item' | sha256sum
  psql -X -qAt -d shop -c 'select id, name, notes from customers order by id' | sha256sum
}
as_protected=$(unchanging)
# All orders up to the last one, each as it was taken.
orders_are_whole() {
  local last
  last=$(psql -X -qAt -d shop -c 'select max(id) from orders')
  cmp <(seq "$last" | xargs printf 'order %06d\n') <(cat "$SHOP"/orders/*) &&
    cmp <(seq "$last" | sed 's/.*/&|order &/') <(sqlite3 "$SHOP/shop.db" 'select id, what from orders order by id') &&
    cmp <(seq "$last" | sed 's/.*/&|order &/') <(psql -X -qAt -d shop -c 'select id, what from orders order by id')
}
as_it_was() { # WHAT
  [ "$(unchanging)" = "$as_protected" ] || { echo "demo: $1 differs from what was protected" >&2; exit 1; }
  orders_are_whole || { echo "demo: $1 has other orders than were taken" >&2; exit 1; }
}
as_shop "$top/tests/demo/shop.sh" &
shop_pid=$!
for _ in $(seq 200); do [ -e "$SHOP/orders/000005.txt" ] && break; sleep 0.05; done
echo "it runs (process $shop_pid) and has taken $(ls "$SHOP/orders" | wc -l) orders"

step "What is protected, and where to: an inventory, a provider, a plan"
mkdir -p "$dir/providers.d" "$dir/staging" "$dir/work"
chmod 700 "$dir/staging"
hand_over "$dir/staging" "$dir/work"
cat >"$dir/inventory.yaml" <<END
applications:
  - id: shop
    name: The shop
    volume: {hostPath: $SHOP, path: $SHOP}
    quiesce: {command: [$SHOP/rest.sh, freeze], timeout: 20s}
    resume: {command: [$SHOP/rest.sh, thaw], timeout: 20s}
    directories:
      - {id: orders, name: order files, path: $SHOP/orders}
      - {id: pictures, path: $SHOP/pictures}
    sqlite:
      - {id: shop.db, path: $SHOP/shop.db}
    postgresql:
      - {id: shop-db, host: $PGHOST, user: postgres, database: shop, volume: {hostPath: $PGHOST, path: $PGHOST}}
END
cat >"$dir/providers.d/demo.conf" <<END
[provider]
name = demo
id = 5d1f6c0e-7a53-4b0c-9f37-1f0f3d5c9a11
description = The demo: local plugins and $bank_name
bank = $bank
$(bank_keys)
plugin = local-application
plugin = local-directory
plugin = local-sqlite
plugin = local-postgresql
$(bank_section)
[local_postgresql]
staging = $dir/staging
[local]
inventory = $dir/inventory.yaml
END
cat >"$dir/work/shop.yaml" <<END
name: shop
provider: demo
resources:
  - Local::Application#shop
parameters:
  Local::Directory: {snapshot: copy${DEMO_RATE:+, rate_limit: $DEMO_RATE}}
${DEMO_RATE:+  Local::SQLite::Database: {rate_limit: $DEMO_RATE\}}
policy:
  fuse: ${DEMO_FUSE:-none}
END
export HOLDFAST_PROVIDER_CONFIG_DIR="$dir/providers.d"
cd "$dir/work"
run holdfast plan discover shop.yaml
run holdfast check shop.yaml
make_site

step "Compile: a workflow file for ${engine_of_file:-Argo}, to be reviewed, and its bundle"
run holdfast compile protect shop.yaml "${engine_compile_options[@]}" -o protect.yaml
echo "the workflow is $dir/work/protect.yaml; its steps:"
engine_shows_steps protect.yaml | sed -n 1,24p # to its end: what writes into a closed pipe fails

step "Run that very file on $engine_name; the shop goes on taking orders"
carry_out protect.yaml
before=$(ls "$SHOP/orders" | wc -l)

step "The checkpoint"
run holdfast checkpoints list
run holdfast checkpoints show latest
bank_shows_nothing
for _ in $(seq 200); do [ "$(ls "$SHOP/orders" | wc -l)" -gt "$before" ] && break; sleep 0.05; done
echo "the shop has gone on: $(ls "$SHOP/orders" | wc -l) orders by now"
rm -f "$SHOP/running"
wait "$shop_pid" || true # its last order may meet the end of the demo's data
shop_pid=""

# What the checkpoint holds is one point in time: the same last order in all three. The sums are
# what the restores are held to.
state() {
  (cd "$SHOP" && find orders pictures -type f | LC_ALL=C sort | xargs sha256sum | sha256sum)
  sqlite3 "$SHOP/shop.db" 'select count(*), max(id), (select sum(length(picture)) from stock) from orders'
  psql -X -qAt -d shop -c 'select count(*), max(id), (select md5(string_agg(id || name || notes, $$,$$ order by id)) from customers) from orders'
}
last_orders() {
  echo "files: $(ls "$SHOP/orders" | tail -1 | sed 's/^0*//; s/.txt//')" \
    "sqlite: $(sqlite3 "$SHOP/shop.db" 'select max(id) from orders')" \
    "postgresql: $(psql -X -qAt -d shop -c 'select max(id) from orders')"
}

cat >"$dir/work/overwrite.yaml" <<END
Local::Directory: {overwrite: true, existing: replace}
Local::SQLite::Database: {overwrite: true}
Local::PostgreSQL::Database: {overwrite: true}
END

step "Damage everything"
rm -rf "$SHOP/orders" && mkdir "$SHOP/orders" && echo garbage >"$SHOP/orders/000001.txt"
echo garbage >"$SHOP/pictures/1.jpg"
rm "$SHOP/pictures/2.jpg"
head -c 8192 /dev/urandom | dd of="$SHOP/shop.db" bs=8192 count=1 conv=notrunc status=none
psql -X -q -d shop -c 'drop table customers; delete from orders'
hand_over "$SHOP"
echo "files deleted and overwritten, shop.db scribbled over, tables dropped"

step "Restore over it (overwriting is asked for in a parameters file)"
run holdfast compile restore latest --parameters overwrite.yaml "${engine_compile_options[@]}" -o restore.yaml
carry_out restore.yaml
last_orders
first=$(state)
printf 'state:\n%s\n' "$first"
set -- $(last_orders)
[ "$2" = "$4" ] && [ "$4" = "$6" ] || { echo "demo: the three are not of one point in time" >&2; exit 1; }
as_it_was "the first restore"
echo "every byte is as it was protected"

engine_changes
step "Lose everything but the bank, $engine_keeps"
cd "$dir" # not in a folder that goes
rm -rf "$dir/work" "$dir/inventory.yaml" "$SHOP"
dropdb shop
mkdir -p "$dir/work" "$SHOP"
hand_over "$dir/work" "$SHOP"
cd "$dir/work"
sed -i '/^\[local\]/,$d' "$dir/providers.d/demo.conf"
ls -A "$dir/work" "$SHOP"
run holdfast checkpoints list
run holdfast compile restore latest "${engine_compile_options[@]}" -o restore.yaml
carry_out restore.yaml
second=$(state)
printf 'state:\n%s\n' "$second"
[ "$first" = "$second" ] || { echo "demo: the second restore differs from the first" >&2; exit 1; }
as_it_was "the second restore"
echo "all is back: same files, same rows"

step "Verify, then delete the checkpoint"
verify_latest
delete_latest
run holdfast checkpoints list

step "Done: nothing is left running"
