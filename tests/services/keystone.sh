#!/usr/bin/env bash
# OpenStack Keystone, the real one of Debian's package, on SQLite and behind uwsgi, for tests of what speaks with it.
#   keystone.sh install              installs it, as root or with sudo
#   keystone.sh missing              says what is missing to start it, and fails; nothing when all is there
#   keystone.sh start DIR [TYPE=URL...]
#                                    starts it in a new folder, on a free port of loopback, as user nobody when we are root
#                                    and that user can reach the folder. Its catalog has these services beside itself:
#                                    workflowv2=http://127.0.0.1:8989/v2 'object-store=http://127.0.0.1:8080/v1/AUTH_%(project_id)s'
#   keystone.sh restart DIR          ends the server, and starts it again with what it knew
#   keystone.sh stop DIR             ends it and removes the folder
# It ends with whoever calls start. DIR/url has its URL, DIR/NAME.openrc the variables of demo, other and admin, whose
# passwords are their names followed by -password; DIR/out has a line for each request, with its status and client.
# keystone_api.py says who there is.
# HOLDFAST_TEST_TOKEN_SECONDS, at start and restart: how long a token lasts (3600).
set -euo pipefail
self=$(realpath "$0")
folder=$(dirname "$self")
# shellcheck source=tests/services/server.sh
. "$folder/server.sh"

missing() {
  local what=""
  "$python" -c 'import keystone' 2>/dev/null || what="Keystone (the package python3-keystone)"
  command -v uwsgi >/dev/null || what="${what:+$what, }uwsgi (the package uwsgi-core)"
  [ -e /usr/lib/uwsgi/plugins/python3_plugin.so ] || what="${what:+$what, }uwsgi's Python (the package uwsgi-plugin-python3)"
  for tool in setpriv curl; do
    command -v "$tool" >/dev/null || what="${what:+$what, }$tool"
  done
  [ -z "$what" ] || { echo "missing: $what"; return 1; }
}

write_files() { # DIR PORT
  echo '{}' >"$1/policy.yaml"
  cat >"$1/keystone.conf" <<END
[DEFAULT]
log_file = $1/keystone.log
[database]
connection = sqlite:///$1/keystone.sqlite
[token]
provider = fernet
expiration = ${HOLDFAST_TEST_TOKEN_SECONDS:-3600}
[fernet_tokens]
key_repository = $1/fernet
[fernet_receipts]
key_repository = $1/fernet
[credential]
key_repository = $1/credential
[identity]
# By default a password takes it 0.25 s.
password_hash_rounds = 4
[oslo_policy]
policy_file = $1/policy.yaml
END
  # One thread in a process: more, and SQLite's connections go from one to another.
  cat >"$1/uwsgi.ini" <<END
[uwsgi]
plugin = python3
chdir = $1
http-socket = 127.0.0.1:$2
wsgi-file = /usr/bin/keystone-wsgi-public
env = OS_KEYSTONE_CONFIG_FILES=$1/keystone.conf
master = true
processes = 2
threads = 1
enable-threads = true
die-on-term = true
buffer-size = 65535
post-buffering = 65535
# It closes connections that its clients would use again.
add-header = Connection: close
log-format = %(method) %(uri) %(status) %(uagent)
END
  # The tables, the keys, and user admin: what four calls of keystone-manage do, which take 3 s each.
  cat >"$1/prepare.py" <<'END'
import os, sqlite3, sys
folder, url = sys.argv[1:]
# Without it, requests that come at once find the database locked.
with sqlite3.connect(folder + "/keystone.sqlite") as database:
    database.execute("pragma journal_mode=wal")
del sys.argv[1:] # not its arguments
import keystone.conf
from keystone.server import configure
CONF = keystone.conf.CONF
configure(config_files=[folder + "/keystone.conf"])
from keystone.common import fernet_utils
from keystone.common.sql import upgrades
upgrades.offline_sync_database_to_version()
for group, keys in ("fernet_tokens", 3), ("credential", 3):
    os.mkdir(getattr(CONF, group).key_repository, 0o700)
    fernet_utils.FernetUtils(getattr(CONF, group).key_repository, keys, group).initialize_key_repository()
from keystone.cmd import bootstrap
first = bootstrap.Bootstrapper()
first.admin_username = first.project_name = first.admin_role_name = "admin"
first.admin_password = "admin-password"
first.service_name = "keystone"
first.service_id = None
first.region_id = "RegionOne"
first.public_url = first.internal_url = first.admin_url = url
first.bootstrap()
END
}

openrc() { # URL USER: on stdout
  cat <<END
export OS_AUTH_URL=$1 OS_IDENTITY_API_VERSION=3 OS_REGION_NAME=RegionOne OS_INTERFACE=public
export OS_USERNAME=$2 OS_PASSWORD=$2-password OS_USER_DOMAIN_ID=default
export OS_PROJECT_NAME=$2 OS_PROJECT_DOMAIN_ID=default
END
}

start_server() { # DIR
  choose_user "$1"
  "${as[@]}" setsid uwsgi --ini "$1/uwsgi.ini" >>"$1/out" 2>&1 </dev/null &
  echo $! >"$1/pid"
  answers "$(cat "$1/url")" "$(cat "$1/pid")" && return
  echo "keystone.sh: the server does not answer" >&2
  tail -n 20 "$1/out" "$1/keystone.log" >&2 || true
  return 1
}

end_server() { # DIR
  local pid
  pid=$(cat "$1/pid" 2>/dev/null) || return 0
  kill "$pid" 2>/dev/null || true
  for _ in $(seq 100); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.05
  done
  # With its workers, which are its group.
  kill -KILL -- "-$pid" 2>/dev/null || true
  rm -f "$1/pid"
}

start() { # DIR TYPE=URL...
  missing >&2 || exit 77
  mkdir -p "$1"
  local dir port
  dir=$(realpath "$1")
  port=$("$folder/free_ports.py" 1)
  chmod 700 "$dir"
  choose_user "$dir"
  [ ${#as[@]} = 0 ] || chown "$user:$(id -g $user)" "$dir"
  echo "http://127.0.0.1:$port/v3" >"$dir/url"
  write_files "$dir" "$port"
  "${as[@]}" "$python" "$dir/prepare.py" "$dir" "$(cat "$dir/url")" >"$dir/out" 2>&1 || { tail -n 40 "$dir/out" "$dir/keystone.log" >&2; return 1; }
  start_server "$dir"
  "$python" "$folder/keystone_api.py" "$(cat "$dir/url")" populate "${@:2}"
  for name in demo other admin; do openrc "$(cat "$dir/url")" $name >"$dir/$name.openrc"; done
  ends_with_caller "$self" "$dir"
}

case ${1:-} in
  install) "$folder/../setup/install_packages.sh" keystone ;;
  missing) missing ;;
  start) start "${@:2}" ;;
  restart)
    dir=$(realpath "$2")
    end_server "$dir"
    sed -i "s/^expiration = .*/expiration = ${HOLDFAST_TEST_TOKEN_SECONDS:-3600}/" "$dir/keystone.conf"
    start_server "$dir"
    ;;
  stop)
    end_server "$2"
    rm -rf "$2"
    ;;
  *)
    sed -n '2,17p' "$0" >&2
    exit 2
    ;;
esac
