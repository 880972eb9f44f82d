#!/usr/bin/env bash
# A PostgreSQL server for a test or the demo: its own data folder, a Unix socket and no network.
#   pg_server.sh start DIR [PID]   starts it; the socket is in DIR, the superuser is "postgres", trusted.
#                                  It ends by itself when process PID (the caller) does.
#   pg_server.sh stop DIR          ends it and removes what it wrote below DIR/cluster
# PostgreSQL refuses to run as root: as root this runs it as user "postgres" (Debian's package makes
# it), or "nobody".
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,5p' "$0" >&2; exit 2; }
command=$1
dir=$2
caller=${3:-$PPID}
self=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
[ -n "$bin" ] || bin=$(dirname "$(command -v initdb || true)")
[ -x "$bin/initdb" ] || { echo "pg_server.sh: there is no initdb; install the package postgresql" >&2; exit 1; }

as_server() {
  if [ "$(id -u)" = 0 ]; then
    user=postgres
    id "$user" >/dev/null 2>&1 || user=nobody
    # HOME of root is not readable for it.
    (cd / && HOME=/ setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups -- "$@")
  else
    "$@"
  fi
}

stop() {
  if [ -d "$dir/cluster" ]; then
    as_server "$bin/pg_ctl" stop -D "$dir/cluster" -m immediate -w -t 30 >/dev/null 2>&1 || true
    rm -rf "$dir/cluster"
  fi
  rm -f "$dir"/.s.PGSQL.*
}

case "$command" in
  start)
    mkdir -p "$dir"
    if [ "$(id -u)" = 0 ]; then
      mkdir -p "$dir/cluster"
      user=postgres
      id "$user" >/dev/null 2>&1 || user=nobody
      chown "$user" "$dir" "$dir/cluster"
    fi
    log=$dir/cluster.log
    # No sync: it is thrown away. The settings are those of a small machine.
    as_server "$bin/initdb" -D "$dir/cluster" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$log" 2>&1 ||
      { cat "$log" >&2; exit 1; }
    cat >>"$dir/cluster/postgresql.conf" <<END
listen_addresses = ''
unix_socket_directories = '$dir'
fsync = off
shared_buffers = 16MB
max_connections = 40
wal_level = logical
max_prepared_transactions = 4
autovacuum = off
END
    as_server "$bin/pg_ctl" start -D "$dir/cluster" -w -t 60 -l "$dir/cluster/server.log" >>"$log" 2>&1 </dev/null ||
      { cat "$log" "$dir/cluster/server.log" >&2; stop; exit 1; }
    rm -f "$log"
    # Ends the server when the caller dies, however it dies.
    setsid bash -c 'tail --pid="$1" -s 0.5 -f /dev/null; exec "$2" stop "$3"' watch "$caller" "$self" "$dir" \
      </dev/null >/dev/null 2>&1 &
    echo "$!" >"$dir/watch.pid"
    ;;
  stop)
    if [ -s "$dir/watch.pid" ]; then
      # The watcher leads a session of its own; it may be the one that runs us.
      watcher=$(cat "$dir/watch.pid")
      rm -f "$dir/watch.pid"
      [ "$watcher" = "$$" ] || kill -TERM -- "-$watcher" 2>/dev/null || true
    fi
    stop
    ;;
  *)
    sed -n '2,5p' "$0" >&2
    exit 2
    ;;
esac
