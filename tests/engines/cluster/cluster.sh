#!/usr/bin/env bash
# A Kubernetes of one node that runs pods, with Argo Workflows, for a test: the real API server, etcd, controller manager, scheduler,
# kubelet and containerd, and Argo's controller and executor; no registry. All of it lives in namespaces of its own (processes, mounts,
# network), so ending their first process ends it, mounts and interfaces included; only the API is reachable, on a port of loopback.
#   cluster.sh missing                     says what is missing to start it, and fails; nothing when all is there
#   cluster.sh start DIR [PID [IMAGE...]]  starts it in a new folder, imports these archives of images (each by its name and by its
#                                          digest), and writes DIR/kubeconfig. Ends by itself when process PID (the caller) does
#   cluster.sh import DIR IMAGE...         imports more
#   cluster.sh stop DIR                    ends it, and removes the folder
# Folders of this machine are the node's: a hostPath is the path here, but for /run, /var/log and /var/lib.
# HOLDFAST_ARGO_CRDS: Argo's definitions (see kube_api.sh) instead of those of the version that was built.
# Exit code 77: this machine cannot, and stderr says why. Logs of all parts are in DIR/log.
set -euo pipefail
here=$(realpath "$(dirname "$0")")
self=$here/$(basename "$0")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/holdfast-tests
bin=$cache/bin
service=10.96.0.1 # of the API, as pods know it
node=10.244.0.1   # the node's end of the bridge that pods are on
argoexec=localhost/argoexec:1
pause=localhost/pause:1

cannot() { echo "cluster.sh: $*" >&2; exit 77; }

missing() {
  local program what=""
  [ "$(id -u)" = 0 ] || what="root, who alone may start containers"
  for program in containerd containerd-shim-runc-v2 runc ctr etcd ip openssl python3 unshare; do
    command -v $program >/dev/null || what="${what:+$what, }$program"
  done
  [ -x /usr/lib/cni/bridge ] || what="${what:+$what, }CNI's bridge (the package containernetworking-plugins)"
  program=$("$here/build.sh" missing) || what="${what:+$what, }${program#missing: }"
  [ -z "$what" ] || { echo "missing: $what"; return 1; }
}

certificate() { # NAME SUBJECT EXTENSION
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1.key" -out "$1.csr" -subj "$2" 2>/dev/null
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out "$1.crt" -extfile <(echo "$3") 2>/dev/null
}
write_kubeconfig() { # FILE SERVER
  cat >"$1" <<END
apiVersion: v1
kind: Config
clusters: [{name: test, cluster: {server: "$2", certificate-authority: ca.crt}}]
users: [{name: admin, user: {client-certificate: admin.crt, client-key: admin.key}}]
contexts: [{name: test, context: {cluster: test, user: admin, namespace: argo}}]
current-context: test
END
}

start() { # DIR PID IMAGE...
  local what dir caller=$2 image images=()
  what=$(missing) || cannot "$what"
  for image in "${@:3}"; do images+=("$(realpath "$image")"); done
  mkdir -p "$1"
  dir=$(realpath "$1")
  # Sockets are in it, and their names may have 107 bytes.
  [ ${#dir} -le 80 ] || cannot "the name of the folder is too long: $dir"
  cd "$dir"
  mkdir log images
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -keyout ca.key -out ca.crt -subj /CN=test-ca 2>/dev/null
  certificate server /CN=kubernetes "subjectAltName=IP:127.0.0.1,IP:$service,IP:$node,DNS:localhost,DNS:kubernetes.default.svc"
  certificate admin /O=system:masters/CN=admin ""
  openssl ecparam -name prime256v1 -genkey -noout -out accounts.key
  python3 "$here/image.py" images/pause.tar $pause "$bin/pause" /bin/pause
  python3 "$here/image.py" images/argoexec.tar $argoexec "$bin/argoexec" /bin/argoexec
  echo "holdfast-cluster-$$" >cgroup
  # The socket is this machine's; whoever accepts from it connects in the network of the cluster.
  setsid python3 - "$self" "$dir" >log/all 2>&1 <<'END' &
import os, socket, sys
here = socket.create_server(("127.0.0.1", 0), backlog=64)
os.set_inheritable(here.fileno(), True)
with open("port.new", "w") as file:
    file.write(str(here.getsockname()[1]))
os.rename("port.new", "port")
null = os.open("/dev/null", os.O_RDONLY)
os.dup2(null, 0)
os.execvp("unshare", ["unshare", "--mount", "--net", "--pid", "--ipc", "--fork", "--kill-child", "--mount-proc", "--propagation", "private",
                      "nice", "-n", "5", sys.argv[1], "inside", sys.argv[2], str(here.fileno())])
END
  echo $! >pid
  # shellcheck disable=SC2016 # they are its own
  setsid bash -c 'tail --pid="$1" -s 0.5 -f /dev/null; exec "$2" stop "$3"' watch "$caller" "$self" "$dir" </dev/null >/dev/null 2>&1 &
  echo $! >watch.pid
  for _ in $(seq 3000); do
    [ ! -e ready ] || break
    kill -0 "$(cat pid)" 2>/dev/null || { echo "cluster.sh: it does not start: $(tail -5 log/all)" >&2; return 1; }
    sleep 0.1
  done
  [ -e ready ] || { echo "cluster.sh: it is not ready after 5 minutes: $(tail -5 log/all)" >&2; return 1; }
  local port
  port=$(cat port)
  write_kubeconfig kubeconfig "https://127.0.0.1:$port"
  [ ${#images[@]} = 0 ] || import "$dir" "${images[@]}"
}

# --- Inside: the first process of the namespaces ---

inside() { # DIR DESCRIPTOR
  cd "$1"
  local dir=$1 socket=$2
  mount --make-rshared /
  # What has fixed places: in a folder of ours, or gone with us.
  mount -t tmpfs tmpfs /run
  mount -t tmpfs tmpfs /var/log
  mkdir -p var/upper var/work sysctl
  mount -t overlay overlay -o "lowerdir=/var/lib,upperdir=$dir/var/upper,workdir=$dir/var/work" /var/lib
  # A kubelet sets these for the whole machine, unless they are as it wants them.
  local name value
  while read -r name value; do
    echo "$value" >"sysctl/${name//\//.}"
    mount --bind "sysctl/${name//\//.}" "/proc/sys/$name"
  done <<<"vm/overcommit_memory 1
vm/panic_on_oom 0
kernel/panic 10
kernel/panic_on_oops 1
kernel/keys/root_maxkeys 1000000
kernel/keys/root_maxbytes 25000000"
  local hierarchy
  for hierarchy in /sys/fs/cgroup/*/; do mkdir -p "$hierarchy$(cat cgroup)"; done
  ip link set lo up
  ip address add $service/32 dev lo
  # With an address of its own: else it has that of one of the pods, and another one when that pod ends, and for up to a minute those
  # that know the old one reach nobody.
  ip link add cni0 address 0a:58:0a:f4:00:01 type bridge
  ip address add $node/24 dev cni0
  ip link set cni0 up

  run() { "${@:2}" >"log/$1" 2>&1 </dev/null & }
  wait_for() {
    for _ in $(seq 1200); do
      "$@" >log/waiting 2>&1 && return
      sleep 0.1
    done
    echo "not within two minutes: $*: $(cat log/waiting)"
    exit 1
  }
  write_kubeconfig inside.kubeconfig https://127.0.0.1:443
  export KUBECONFIG=$dir/inside.kubeconfig HOME=$dir
  kubectl() { "$bin/kubernetes" kubectl "$@"; }

  python3 - "$socket" >log/forward 2>&1 <<'END' &
import socket, sys, threading
def pump(one, other):
    try:
        while data := one.recv(65536):
            other.sendall(data)
    except OSError:
        pass
    for end in (one, other):
        try:
            end.shutdown(socket.SHUT_RDWR if end is one else socket.SHUT_WR)
        except OSError:
            pass
def serve(one):
    try:
        other = socket.create_connection(("127.0.0.1", 443))
    except OSError:
        one.close()
        return
    back = threading.Thread(target=pump, args=(other, one), daemon=True)
    back.start()
    pump(one, other)
    back.join()
    one.close()
    other.close()
here = socket.socket(fileno=int(sys.argv[1]))
while True:
    threading.Thread(target=serve, args=(here.accept()[0],), daemon=True).start()
END
  eval "exec $socket>&-"

  run etcd etcd --data-dir "$dir/etcd" --unsafe-no-fsync
  run apiserver "$bin/kubernetes" apiserver --etcd-servers=http://127.0.0.1:2379 --secure-port=443 --advertise-address=$node \
    --service-cluster-ip-range=${service%.*}.0/24 --tls-cert-file=server.crt --tls-private-key-file=server.key --client-ca-file=ca.crt \
    --service-account-issuer=https://kubernetes.default.svc --service-account-key-file=accounts.key \
    --service-account-signing-key-file=accounts.key --authorization-mode=RBAC --kubelet-client-certificate=admin.crt \
    --kubelet-client-key=admin.key --kubelet-preferred-address-types=InternalIP --cert-dir="$dir/apiserver" --feature-gates=WatchList=false,SizeBasedListCostEstimate=false
  mkdir -p cni
  cat >cni/bridge.conf <<END
{"cniVersion": "0.4.0", "name": "pods", "type": "bridge", "bridge": "cni0", "isDefaultGateway": true,
 "ipam": {"type": "host-local", "dataDir": "$dir/addresses", "ranges": [[{"subnet": "${node%.*}.0/24", "gateway": "$node"}]]}}
END
  cat >containerd.toml <<END
version = 2
root = "$dir/containerd"
state = "/run/containerd"
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$pause"
  # Root of a virtual machine may lack the right to protect processes from the kernel.
  restrict_oom_score_adj = true
  disable_apparmor = true
  disable_hugetlb_controller = true
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$dir/cni"
END
  run containerd containerd --config containerd.toml
  wait_for ctr version
  local image
  for image in images/*.tar; do ctr --namespace k8s.io images import "$image"; done
  wait_for kubectl get --raw /readyz
  run controllers "$bin/kubernetes" controllers --kubeconfig "$KUBECONFIG" --leader-elect=false --service-account-private-key-file=accounts.key \
    --root-ca-file=ca.crt --bind-address=127.0.0.1 --cert-dir="$dir/controllers"
  run scheduler "$bin/kubernetes" scheduler --kubeconfig "$KUBECONFIG" --leader-elect=false --bind-address=127.0.0.1 --cert-dir="$dir/scheduler"
  cat >kubelet.yaml <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, x509: {clientCAFile: $dir/ca.crt}}
cgroupDriver: cgroupfs
cgroupRoot: /$(cat cgroup)
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
failSwapOn: false
failCgroupV1: false
# Images cannot be pulled again, and a disk that is rather full is no reason to evict anything.
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: 50Mi}
oomScoreAdj: 0
resolvConf: /etc/resolv.conf
volumePluginDir: $dir/volume-plugins
registerWithTaints: []
END
  run kubelet "$bin/kubernetes" kubelet --config kubelet.yaml --kubeconfig "$KUBECONFIG" --hostname-override=node --node-ip=$node

  kubectl create namespace argo
  # The server's side: as an annotation, as kubectl's own apply keeps them, Argo's definitions would be too large.
  mkdir definitions
  cp "$cache"/argo-definitions/*.yaml definitions/
  local kind
  for kind in workflows workflowtemplates cronworkflows; do
    [ -z "${HOLDFAST_ARGO_CRDS:-}" ] || cp "$HOLDFAST_ARGO_CRDS/$kind.json" "definitions/argoproj.io_$kind.yaml"
  done
  kubectl apply --server-side --filename definitions >log/definitions 2>&1 || { cat log/definitions; exit 1; }
  kubectl wait --for=condition=Established --timeout=60s --filename definitions >/dev/null
  kubectl create configmap --namespace argo workflow-controller-configmap
  # (It looks at a Workflow again after 10 s, unless told otherwise; so many seconds each step then takes.)
  LEADER_ELECTION_DISABLE=true DEFAULT_REQUEUE_TIME=1s run argo "$bin/argo-controller" --kubeconfig "$KUBECONFIG" --configmap workflow-controller-configmap \
    --namespace argo --executor-image $argoexec --executor-image-pull-policy IfNotPresent
  wait_for kubectl get node node
  kubectl wait --for=condition=Ready --timeout=120s node/node
  wait_for kubectl get serviceaccount --namespace argo default
  touch ready
  # As the first process it ends what is left of others, too.
  wait
}

import() { # DIR IMAGE...
  local first image
  first=$(pgrep -P "$(cat "$1/pid")")
  for image in "${@:2}"; do
    # shellcheck disable=SC2016 # they are its own
    nsenter --target "$first" --mount --net -- bash -euc '
      name=$(tar -xOf "$1" index.json | sed -nE "s/.*\"io.containerd.image.name\": *\"([^\"]*)\".*/\1/p")
      ctr --namespace k8s.io images import "$1"
      digest=$(ctr --namespace k8s.io images ls "name==$name" | grep -o "sha256:[0-9a-f]*" | head -1)
      ctr --namespace k8s.io images tag --force "$name" "${name%:*}@$digest"' import "$(realpath "$image")" >"$1/log/import" 2>&1 || {
      cat "$1/log/import" >&2
      return 1
    }
  done
}

cgroups_of() { find /sys/fs/cgroup -mindepth 2 -maxdepth 2 -type d -name "$1"; }

stop() { # DIR
  local pid cgroup=""
  [ -d "$1" ] || return 0
  [ ! -s "$1/cgroup" ] || cgroup=$(cat "$1/cgroup")
  if [ -s "$1/pid" ]; then
    pid=$(cat "$1/pid")
    local first=""
    first=$(pgrep -P "$pid") || true
    # Its first process goes with it, and with that one all the others.
    kill -KILL "$pid" 2>/dev/null || true
    for _ in $(seq 200); do kill -0 "$pid" 2>/dev/null || { [ -n "$first" ] && kill -0 "$first" 2>/dev/null; } || break; sleep 0.05; done
  fi
  if [ -n "$cgroup" ]; then
    # They are busy until the last process is gone.
    for _ in $(seq 100); do
      cgroups_of "$cgroup" | while IFS= read -r cgroup; do find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null || true; done
      [ -n "$(cgroups_of "$cgroup")" ] || break
      sleep 0.1
    done
  fi
  rm -rf "$1"
}

case ${1:-} in
  missing) missing ;;
  start)
    set +e
    (set -e; start "$2" "${3:-$PPID}" "${@:4}")
    code=$?
    set -e
    # What cannot leaves nothing.
    [ $code = 0 ] || [ -n "${HOLDFAST_TEST_KEEP:-}" ] || "$self" stop "$2"
    exit $code
    ;;
  inside) inside "$2" "$3" ;;
  import) import "$2" "${@:3}" ;;
  stop)
    if [ -s "$2/watch.pid" ]; then
      # The watcher leads a session of its own; it may be the one that runs us.
      watcher=$(cat "$2/watch.pid")
      rm -f "$2/watch.pid"
      [ "$watcher" = "$$" ] || kill -TERM -- "-$watcher" 2>/dev/null || true
    fi
    stop "$2"
    ;;
  *) sed -n '2,13p' "$0" >&2; exit 2 ;;
esac
