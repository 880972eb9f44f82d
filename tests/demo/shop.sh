#!/usr/bin/env bash
# The demo's application: takes orders all the time. Each order goes to a file of its own, to an
# SQLite database and to a PostgreSQL database, so that a backup of one point in time holds the same
# last order in all three.
#   shop.sh serve     takes orders until it is told to end
#   shop.sh freeze    brings it to rest: returns when no order is half-way (an application's own hook)
#   shop.sh thaw      lets it go on
# Needs SHOP (its folder), SHOP_PSQL (a psql command line).
set -euo pipefail
cd "$SHOP"

case "$1" in
  serve)
    n=0
    : >running
    while [ -e running ]; do
      if [ -e freeze ]; then
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
    ;;
  freeze)
    : >freeze
    # Not serving: already at rest.
    for _ in $(seq 500); do
      [ ! -e running ] || [ -e frozen ] || { sleep 0.02; continue; }
      exit 0
    done
    echo "the shop did not come to rest" >&2
    exit 1
    ;;
  thaw)
    rm -f freeze
    ;;
esac
