#!/usr/bin/env bash
# OpenStack Mistral, the real one of Debian's package, in one process with SQLite, for tests and the demo: without Keystone, or
# with the one that tests/services/keystone.sh has started in the folder HOLDFAST_TEST_KEYSTONE. And an sshd for its action
# std.ssh, which knows no port but 22. Both in the network namespace of the caller, where that port is free
# (`mistral.sh inside`).
#   mistral.sh missing [FOLDER]      says what is missing to start it, and fails; nothing when all is there. The folder
#                                    is to be readable for who runs it.
#   mistral.sh inside COMMAND...     runs it in a network namespace of its own; as user postgres when we are root
#   mistral.sh start DIR             starts both in a new folder: the API at http://127.0.0.1:8989/v2, the key of the
#                                    ssh login in DIR/ssh/id. They end with the caller.
#   mistral.sh restart DIR           ends the engine's process, and starts it again with what it knew
#   mistral.sh engine DIR start|stop the engine's process alone
#   mistral.sh sshd DIR start|stop   the sshd alone; cut: with all of its connections
#   mistral.sh stop DIR              ends both
set -euo pipefail
self=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
# shellcheck source=tests/services/server.sh
. "$(dirname "$self")/../../services/server.sh"
port=8989

missing() {
  local what=""
  "$python" -c 'import mistral, yaml' 2>/dev/null || what="Mistral (the package python3-mistral)"
  [ -x /usr/sbin/sshd ] || what="${what:+$what, }sshd (the package openssh-server)"
  for tool in unshare setpriv ip curl; do
    command -v "$tool" >/dev/null || what="${what:+$what, }$tool"
  done
  if [ -z "$what" ] && ! isolated true 2>/dev/null; then
    what="the right to make a network namespace"
  elif [ -z "$what" ] && ! isolated test -r "${1:-/}" -a -r "$self"; then
    what="the right of user postgres to read ${1:-} and $self"
  fi
  [ -z "$what" ] || { echo "missing: $what"; return 1; }
}

# The command in a namespace with a loopback of its own, in which everybody may listen on port 22.
isolated() {
  local up='ip link set lo up && echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start && exec "$@"'
  if [ "$(id -u)" = 0 ]; then
    # Its shell must be one: sshd runs the steps in it.
    local user=postgres
    unshare --net sh -c "$up" - setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups -- "$@"
  else
    unshare --map-current-user --net --keep-caps sh -c "$up" - "$@"
  fi
}

authentication() {
  if [ -z "${HOLDFAST_TEST_KEYSTONE:-}" ]; then
    printf '[pecan]\nauth_enable = false\n'
    return
  fi
  local url
  url=$(cat "$HOLDFAST_TEST_KEYSTONE/url")
  cat <<END
[pecan]
auth_enable = true
[keystone_authtoken]
www_authenticate_uri = $url
auth_url = $url
auth_type = password
username = svc
password = svc-password
project_name = service
user_domain_id = default
project_domain_id = default
# Without it, an application credential with access rules is refused everything.
service_type = workflowv2
# What is taken back is refused after seconds, not after five minutes.
token_cache_time = 2
END
}

write_files() { # DIR
  echo '{}' >"$1/policy.yaml"
  cat >"$1/mistral.conf" <<END
[DEFAULT]
transport_url = fake://
log_file = $1/mistral.log
rpc_response_timeout = 120
# The default one hangs at joins with Debian's SQLAlchemy.
scheduler_type = legacy
executor_thread_pool_size = ${HOLDFAST_TEST_EXECUTOR_THREADS:-64}
[api]
host = 127.0.0.1
port = $port
api_workers = 1
$(authentication)
[database]
connection = sqlite:///$1/mistral.sqlite
[executor]
# 'local' would run steps over ssh one after another.
type = remote
[notifier]
type = local
[cron_trigger]
enabled = ${HOLDFAST_TEST_CRON:-false}
[oslo_policy]
policy_file = $1/policy.yaml
END
  # Mistral's migrations do not run on SQLite (ALTER of a constraint): its models make the tables.
  cat >"$1/tables.py" <<'END'
import sys
from mistral import config
config.parse_args(['--config-file', sys.argv[1]])
from mistral.db.v2 import api
api.setup_db()
END
  # The packaged launcher with two changes. The API is a green thread, not a forked child, so that it reaches the engine
  # over fake://. And each JSON schema is checked once, not again for every task (70 to 140 ms each): the same verdicts.
  cat >"$1/server.py" <<'END'
import sys
from mistral.cmd import launch
import jsonschema
from mistral.lang import base
validators = {}
def validate(data, schema, **_):
    key = repr(schema)
    validator = validators.get(key)
    if validator is None:
        kind = jsonschema.validators.validator_for(schema)
        kind.check_schema(schema)
        validator = validators[key] = kind(schema)
    error = jsonschema.exceptions.best_match(validator.iter_errors(data))
    if error is not None:
        raise error
base.jsonschema.validate = validate
from mistral.api import service
launch.LAUNCH_OPTIONS['api'] = launch.launch_api = lambda: launch.launch_thread(service.WSGIService('mistral_api'))
sys.exit(launch.main())
END
}

start_engine() { # DIR
  # The API last: what it starts while no executor listens is handed to nobody, as fake:// keeps nothing.
  setsid "$python" "$1/server.py" --server engine,executor,notifier,api --config-file "$1/mistral.conf" \
    >>"$1/out" 2>&1 </dev/null &
  echo $! >"$1/mistral.pid"
  answers "http://127.0.0.1:$port/" "$(cat "$1/mistral.pid")" && return
  echo "mistral.sh: the server does not answer" >&2
  tail -n 20 "$1/out" "$1/mistral.log" >&2 || true
  return 1
}

start_sshd() { # DIR
  mkdir -p "$1/ssh"
  [ -f "$1/ssh/host" ] || ssh-keygen -q -t ed25519 -N '' -f "$1/ssh/host"
  # std.ssh reads RSA keys alone, in PEM.
  [ -f "$1/ssh/id" ] || ssh-keygen -q -t rsa -b 2048 -m PEM -N '' -f "$1/ssh/id"
  cat >"$1/ssh/config" <<END
Port 22
ListenAddress 127.0.0.1
HostKey $1/ssh/host
AuthorizedKeysFile $1/ssh/id.pub
PidFile $1/ssh/sshd.pid
StrictModes no
UsePAM no
PasswordAuthentication no
MaxStartups 200
MaxSessions 200
END
  /usr/sbin/sshd -f "$1/ssh/config" -E "$1/ssh/log"
}

end_by_file() { # PIDFILE
  [ -s "$1" ] || return 0
  local pid
  pid=$(cat "$1")
  kill "$pid" 2>/dev/null || true
  for _ in $(seq 100); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.05
  done
  kill -KILL "$pid" 2>/dev/null || true
  rm -f "$1"
}

case ${1:-} in
  missing) missing "${2:-}" ;;
  inside)
    shift
    isolated "$@"
    ;;
  start)
    dir=$2
    mkdir -p "$dir"
    write_files "$dir"
    "$python" "$dir/tables.py" "$dir/mistral.conf"
    start_sshd "$dir"
    start_engine "$dir"
    # Ends both when the caller does, however it ends.
    setsid bash -c 'tail --pid="$1" -s 0.5 -f /dev/null; exec "$2" stop "$3"' watch "$PPID" "$self" "$dir" \
      </dev/null >/dev/null 2>&1 &
    ;;
  restart)
    end_by_file "$2/mistral.pid"
    start_engine "$2"
    ;;
  engine)
    case $3 in
      start) start_engine "$2" ;;
      stop) end_by_file "$2/mistral.pid" ;;
    esac
    ;;
  sshd)
    case $3 in
      start) start_sshd "$2" ;;
      stop) end_by_file "$2/ssh/sshd.pid" ;;
      cut)
        connections=$(pgrep -f -P "$(cat "$2/ssh/sshd.pid")" '^sshd: ' || true)
        end_by_file "$2/ssh/sshd.pid"
        for pid in $connections; do
          # Its child has the privileges of the login, and its shell is a child of that.
          pkill -KILL -P "$pid" '^sshd$' || true
          kill -KILL "$pid" 2>/dev/null || true
        done
        ;;
    esac
    ;;
  stop)
    end_by_file "$2/mistral.pid"
    end_by_file "$2/ssh/sshd.pid"
    ;;
  *)
    sed -n '2,14p' "$0" >&2
    exit 2
    ;;
esac
