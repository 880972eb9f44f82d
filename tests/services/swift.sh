#!/usr/bin/env bash
# OpenStack Swift, the real one of Debian's package, with its S3 API: on one folder, one replica unless told so, on free ports of loopback.
#   swift.sh install                 installs it, as root or with sudo
#   swift.sh missing                 says what is missing to start it, and fails; nothing when all is there
#   swift.sh reserve DIR             chooses its ports, for a Keystone that is started before it and is to have
#                                    'object-store=<DIR/keystone-url>/v1/AUTH_%(project_id)s' in its catalog
#   swift.sh start DIR [KEYSTONE_DIR]
#                                    starts it in a folder, as user nobody when we are root and that user can reach the folder:
#                                    a proxy with tempauth and S3 (DIR/url), and with KEYSTONE_DIR, a folder of keystone.sh,
#                                    a second one with that Keystone (DIR/keystone-url)
#   swift.sh server DIR stop|start   its servers alone: they come back with what they had
#   swift.sh expire DIR              removes what has expired (X-Delete-After) from the listings now
#   swift.sh stop DIR                ends it and removes the folder
# It ends with whoever calls start. Users of tempauth: test:tester (testing), test:reader (reading, may not write),
# other:tester (testing), each also with the S3 API, as access key and secret; region us-east-1.
# HOLDFAST_TEST_MOST_OBJECT: the largest object in bytes (5 GiB). HOLDFAST_TEST_REPLICAS: of objects (1), each in a folder
# DIR/node/d1, d2, ...
set -euo pipefail
self=$(realpath "$0")
folder=$(dirname "$self")
# shellcheck source=tests/services/server.sh
. "$folder/server.sh"
servers=(account container object proxy)

missing() {
  local what=""
  "$python" -c 'import swift' 2>/dev/null || what="Swift (the package python3-swift)"
  for tool in memcached setpriv curl; do
    command -v "$tool" >/dev/null || what="${what:+$what, }$tool"
  done
  [ -z "$what" ] || { echo "missing: $what"; return 1; }
}

reserve() { # DIR
  mkdir -p "$1"
  local ports
  read -ra ports <<<"$("$folder/free_ports.py" 6)"
  printf '%s\n' memcached="${ports[0]}" account="${ports[1]}" container="${ports[2]}" object="${ports[3]}" proxy="${ports[4]}" \
    keystone_proxy="${ports[5]}" >"$1/ports"
  . "$1/ports"
  echo "http://127.0.0.1:$proxy" >"$1/url"
  echo "http://127.0.0.1:$keystone_proxy" >"$1/keystone-url"
}

# The pipeline of a proxy whose authentication is $3.
proxy_conf() { # DIR PORT "FILTER..."
  cat <<END
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $2
workers = 0
user = $(id -un "${as[0]:+$user}")
swift_dir = $1
log_name = proxy
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache listing_formats bulk $3 copy slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:$memcached
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
# A bucket may also stand before the name: http://BUCKET.localhost:PORT.
storage_domain = localhost
END
  local filter
  for filter in catch_errors gatekeeper healthcheck listing_formats bulk copy slo dlo; do
    printf '[filter:%s]\nuse = egg:swift#%s\n' $filter $filter
  done
}

write_files() { # DIR KEYSTONE_DIR
  local kind
  # Of this folder alone: /etc/swift is not looked at.
  cat >"$1/swift.conf" <<END
[swift-hash]
swift_hash_path_prefix = holdfast
swift_hash_path_suffix = tests
[swift-constraints]
max_file_size = ${HOLDFAST_TEST_MOST_OBJECT:-5368709122}
END
  seq -f "$1/node/d%.0f" "${HOLDFAST_TEST_REPLICAS:-1}" | xargs mkdir -p "$1/cache"
  for kind in account container object; do
    cat >"$1/$kind.conf" <<END
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${!kind}
workers = 0
user = $(id -un "${as[0]:+$user}")
swift_dir = $1
devices = $1/node
mount_check = false
fallocate_reserve = 0
disable_fallocate = true
db_preallocation = off
log_name = $kind
recon_cache_path = $1/cache
[pipeline:main]
pipeline = healthcheck $kind-server
[app:$kind-server]
use = egg:swift#$kind
[filter:healthcheck]
use = egg:swift#healthcheck
[container-updater]
interval = 2
[object-updater]
interval = 5
END
  done
  { proxy_conf "$1" "$proxy" "s3api tempauth"
    cat <<END
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
user_test_reader = reading
user_other_tester = testing .admin
token_life = ${HOLDFAST_TEST_TOKEN_SECONDS:-86400}
END
  } >"$1/proxy.conf"
  cat >"$1/expirer.conf" <<END
[DEFAULT]
swift_dir = $1
user = $(id -un "${as[0]:+$user}")
[object-expirer]
recon_cache_path = $1/cache
[pipeline:main]
pipeline = catch_errors cache proxy-server
[app:proxy-server]
use = egg:swift#proxy
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:$memcached
[filter:catch_errors]
use = egg:swift#catch_errors
END
  [ -n "$2" ] || return 0
  local url credentials
  url=$(cat "$2/url")
  credentials="auth_type = password
auth_url = $url
username = svc
password = svc-password
project_name = service
user_domain_id = default
project_domain_id = default"
  # authtoken stands before s3api, or it refuses every request of S3, and s3token behind it.
  { proxy_conf "$1" "$keystone_proxy" "authtoken s3api s3token keystoneauth"
    cat <<END
[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
www_authenticate_uri = $url
$credentials
delay_auth_decision = True
memcached_servers = 127.0.0.1:$memcached
token_cache_time = ${HOLDFAST_TEST_TOKEN_CACHE_SECONDS:-300}
[filter:s3token]
use = egg:swift#s3token
auth_uri = $url
delay_auth_decision = true
$credentials
# Without it each request of S3 costs one of Keystone.
secret_cache_duration = 60
[filter:keystoneauth]
use = egg:swift#keystoneauth
operator_roles = admin, swiftoperator
END
  } >"$1/keystone_proxy.conf"
}

# Swift reads /etc/swift/swift.conf when its modules are loaded: told of another one before that.
write_launcher() { # DIR
  cat >"$1/launch.py" <<'END'
import sys
from swift.common import utils
folder, name = sys.argv[1:3]
utils.SWIFT_CONF_FILE = folder + "/swift.conf"
replicas = int(sys.argv[3]) if name == "rings" else 0
sys.argv = [name, folder + "/" + name + ".conf", "-v"]
if name == "rings":
    from swift.cli import ringbuilder
    for kind, port in (pair.split("=") for pair in open(folder + "/ports").read().split()):
        if kind not in ("account", "container", "object"): continue
        builder = folder + "/" + kind + ".builder"
        count = replicas if kind == "object" else 1
        devices = ["r1z%d-127.0.0.1:%s/d%d" % (i, port, i) for i in range(1, count + 1)]
        for words in [["create", "4", str(count), "0"]] + [["add", d, "1"] for d in devices] + [["rebalance"]]:
            try: ringbuilder.main(["swift-ring-builder", builder] + words)
            except SystemExit as done:
                if done.code: raise
elif name == "updater":
    from swift.common.daemon import run_daemon
    from swift.container.updater import ContainerUpdater
    run_daemon(ContainerUpdater, folder + "/container.conf", once=True)
elif name == "object_updater":
    # What a container server was too busy to be told gets into the listings by this.
    from swift.common.daemon import run_daemon
    from swift.obj.updater import ObjectUpdater
    run_daemon(ObjectUpdater, folder + "/object.conf")
elif name == "expirer":
    from swift.common.daemon import run_daemon
    from swift.obj.expirer import ObjectExpirer
    run_daemon(ObjectExpirer, folder + "/expirer.conf", once=True)
else:
    from swift.common.wsgi import run_wsgi
    sys.exit(run_wsgi(sys.argv[1], "proxy-server" if "proxy" in name else name + "-server"))
END
}

run_in_background() { # DIR NAME COMMAND...
  "${as[@]}" setsid "${@:3}" >>"$1/$2.out" 2>&1 </dev/null &
  echo $! >"$1/$2.pid"
}

start_servers() { # DIR
  choose_user "$1"
  . "$1/ports"
  run_in_background "$1" memcached memcached -l 127.0.0.1 -p "$memcached" -U 0 -m 32
  local name names=("${servers[@]}")
  [ ! -e "$1/keystone_proxy.conf" ] || names+=(keystone_proxy)
  for name in "${names[@]}"; do run_in_background "$1" "$name" "$python" "$1/launch.py" "$1" "$name"; done
  run_in_background "$1" object_updater "$python" "$1/launch.py" "$1" object_updater
  for name in "${names[@]}"; do
    answers "http://127.0.0.1:${!name}/healthcheck" "$(cat "$1/$name.pid")" && continue
    echo "swift.sh: the $name server does not answer" >&2
    tail -n 20 "$1/$name.out" >&2
    return 1
  done
}

end_servers() { # DIR
  local file pid
  for file in "$1"/*.pid; do
    [ -e "$file" ] || continue
    pid=$(cat "$file")
    # Each is a group of its own.
    kill -KILL -- "-$pid" 2>/dev/null || true
    rm -f "$file"
  done
}

start() { # DIR [KEYSTONE_DIR]
  missing >&2 || exit 77
  [ -e "$1/ports" ] || reserve "$1"
  local dir
  dir=$(realpath "$1")
  . "$dir/ports"
  chmod 700 "$dir"
  choose_user "$dir"
  write_files "$dir" "${2:+$(realpath "$2")}"
  write_launcher "$dir"
  [ ${#as[@]} = 0 ] || chown -R "$user:$(id -g $user)" "$dir"
  "${as[@]}" "$python" "$dir/launch.py" "$dir" rings "${HOLDFAST_TEST_REPLICAS:-1}" >"$dir/rings.out" 2>&1 || { cat "$dir/rings.out" >&2; return 1; }
  start_servers "$dir"
  ends_with_caller "$self" "$dir"
}

case ${1:-} in
  install) "$folder/../setup/install_packages.sh" swift ;;
  missing) missing ;;
  reserve) reserve "$2" ;;
  start) start "${@:2}" ;;
  server)
    dir=$(realpath "$2")
    case ${3:-} in
      stop) end_servers "$dir" ;;
      start) start_servers "$dir" ;;
      *) echo "swift.sh server DIR stop|start" >&2; exit 2 ;;
    esac
    ;;
  expire)
    dir=$(realpath "$2")
    choose_user "$dir"
    # The expirer looks where the updater has noted what is to expire.
    for name in updater expirer; do
      timeout 60 "${as[@]}" "$python" "$dir/launch.py" "$dir" $name >>"$dir/expirer.out" 2>&1 </dev/null || { cat "$dir/expirer.out" >&2; exit 1; }
    done
    ;;
  stop)
    end_servers "$2"
    rm -rf "$2"
    ;;
  *)
    sed -n '2,22p' "$0" >&2
    exit 2
    ;;
esac
