#!/usr/bin/env bash
# The demo's application: takes orders all the time, until the file 'running' in its folder is gone. Each order goes to a file of its
# own, to an SQLite database and to a PostgreSQL database, so that a backup of one point in time holds the same
# last order in all three. Its hooks are rest.sh.
# Needs SHOP (its folder), SHOP_PSQL (a psql command line).
set -euo pipefail
cd "$SHOP"
n=0
: >running
while [ -e running ]; do
  wanted=""
  [ ! -e wanted ] || read -r wanted <wanted || true # it is being written
  if [ "$wanted" = rest ]; then
    : >frozen
    sleep 0.02
    continue
  fi
  rm -f frozen
  n=$((n + 1))
  printf 'order %06d\n' "$n" >"orders/$(printf %06d "$n").txt"
  sqlite3 shop.db "insert into orders(id, what) values ($n, 'order $n')"
  $SHOP_PSQL -qc "insert into orders(id, what) values ($n, 'order $n')"
done
