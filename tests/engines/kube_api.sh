#!/usr/bin/env bash
# A real Kubernetes API with Argo's own definitions, for tests of the client: the machinery of the API server (apiextensions-apiserver
# of Kubernetes 1.34, built by `go install`) on Debian's etcd.
#   kube_api.sh install      builds the server: minutes, once; kept in ${XDG_CACHE_HOME:-~/.cache}/holdfast-tests
#   kube_api.sh missing      says what is missing to start it, and fails; nothing when all is there
#   kube_api.sh start DIR    starts it in a new folder on free ports of loopback, and writes DIR/kubeconfig
#   kube_api.sh stop DIR     ends it and removes the folder
# HOLDFAST_ARGO_CRDS names the folder of the definitions: workflows.json, workflowtemplates.json, cronworkflows.json.
# Real: objects, versions, conflicts, strict validation, the definitions' schemas and rules, dry runs, watches with bookmarks
# and 410, TLS with client certificates. Not there: pods, roles, tokens, and whoever moves a workflow: a test does.
set -euo pipefail
cache=${XDG_CACHE_HOME:-$HOME/.cache}/holdfast-tests
server=$cache/bin/apiextensions-apiserver
version=v0.34.4
free_ports=$(realpath "$(dirname "$0")")/../services/free_ports.py
kinds="workflows workflowtemplates cronworkflows"

missing() {
  local what=""
  command -v etcd >/dev/null || what="etcd (the package etcd-server)"
  command -v curl >/dev/null || what="${what:+$what, }curl"
  command -v openssl >/dev/null || what="${what:+$what, }openssl"
  if ! [ -x "$server" ]; then
    command -v go >/dev/null && what="${what:+$what, }the API server ('tests/engines/kube_api.sh install' builds it)" ||
      what="${what:+$what, }the API server, and a Go toolchain (1.24 or newer) to build it with"
  fi
  for kind in $kinds; do
    [ -f "${HOLDFAST_ARGO_CRDS:-}/$kind.json" ] || { what="${what:+$what, }Argo's definitions (HOLDFAST_ARGO_CRDS)"; break; }
  done
  [ -z "$what" ] || { echo "missing: $what"; return 1; }
}

install_server() {
  [ -x "$server" ] && return
  command -v go >/dev/null || { echo "kube_api: building the API server needs a Go toolchain, 1.24 or newer" >&2; exit 77; }
  mkdir -p "$cache/bin"
  (cd "$cache" && CGO_ENABLED=0 GOBIN=$cache/bin go install k8s.io/apiextensions-apiserver@$version)
}

certificate() { # NAME SUBJECT EXTENSION
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1.key" -out "$1.csr" -subj "$2" 2>/dev/null
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out "$1.crt" -extfile <(echo "$3") 2>/dev/null
}

start() {
  missing >&2 || exit 77
  local dir client peer port
  mkdir -p "$1"
  cd "$1"
  dir=$PWD
  read -r client peer port <<<"$("$free_ports" 3)"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -keyout ca.key -out ca.crt -subj /CN=test-ca 2>/dev/null
  certificate server /CN=localhost subjectAltName=IP:127.0.0.1,DNS:localhost
  certificate admin /O=system:masters/CN=admin ""
  cat >kubeconfig <<END
apiVersion: v1
kind: Config
clusters: [{name: test, cluster: {server: "https://127.0.0.1:$port", certificate-authority: ca.crt}}]
users: [{name: admin, user: {client-certificate: admin.crt, client-key: admin.key}}]
contexts: [{name: test, context: {cluster: test, user: admin, namespace: argo}}]
current-context: test
END
  echo "https://127.0.0.1:$port" >url
  setsid etcd --data-dir "$dir/etcd" --listen-client-urls "http://127.0.0.1:$client" --advertise-client-urls "http://127.0.0.1:$client" \
    --listen-peer-urls "http://127.0.0.1:$peer" --initial-advertise-peer-urls "http://127.0.0.1:$peer" --initial-cluster "default=http://127.0.0.1:$peer" \
    --unsafe-no-fsync >etcd.log 2>&1 </dev/null &
  echo $! >etcd.pid
  setsid "$server" --etcd-servers="http://127.0.0.1:$client" --bind-address=127.0.0.1 --secure-port="$port" --tls-cert-file=server.crt \
    --tls-private-key-file=server.key --client-ca-file=ca.crt --authentication-skip-lookup --authentication-kubeconfig=kubeconfig \
    --authorization-kubeconfig=kubeconfig --kubeconfig=kubeconfig --enable-priority-and-fairness=false \
    --disable-admission-plugins=NamespaceLifecycle,MutatingAdmissionWebhook,ValidatingAdmissionWebhook,ValidatingAdmissionPolicy,MutatingAdmissionPolicy \
    >api.log 2>&1 </dev/null &
  echo $! >api.pid
  # Minutes: beside other tests on two cores it has needed more than half of one.
  local api="curl -sS --fail-with-body --max-time 60 --cacert ca.crt --cert admin.crt --key admin.key -o /dev/null"
  wait_for() {
    local until=$((SECONDS + 180)) name
    while [ $SECONDS -lt $until ]; do
      "$@" 2>/dev/null && return
      for name in etcd api; do
        kill -0 "$(cat $name.pid)" 2>/dev/null || { echo "kube_api: $name has ended: $(tail -3 $name.log)" >&2; exit 1; }
      done
      sleep 0.2
    done
    echo "kube_api: it does not answer: $*: $(tail -3 etcd.log api.log)" >&2
    exit 1
  }
  wait_for $api "https://127.0.0.1:$port/livez"
  for kind in $kinds; do
    $api -X POST -H 'Content-Type: application/json' --data-binary "@$HOLDFAST_ARGO_CRDS/$kind.json" \
      "https://127.0.0.1:$port/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
  done
  for kind in $kinds; do wait_for $api "https://127.0.0.1:$port/apis/argoproj.io/v1alpha1/$kind"; done
}

stop() {
  local name pid
  for name in api etcd; do
    pid=$(cat "$1/$name.pid" 2>/dev/null) || continue
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$pid" 2>/dev/null || true
  done
  rm -rf "$1"
}

case ${1:-} in
  install) install_server ;;
  missing) missing ;;
  start) start "$2" ;;
  stop) stop "$2" ;;
  *) sed -n '2,11p' "$0"; exit 2 ;;
esac
