# Sourced first by the tests of this folder, with the build folder as their first argument: the scene of tests/cli, and a
# cluster of the tests' own (cluster.py).
scene=$(realpath "$(dirname "${BASH_SOURCE[0]}")") # that one goes to another folder
. "$scene/../../cli/scene.sh"
unset KUBECONFIG ARGO_SERVER ARGO_TOKEN ARGO_NAMESPACE ARGO_SECURE ARGO_INSECURE_SKIP_VERIFY ARGO_BASE_HREF HTTP_PROXY http_proxy
export HOME=$dir HOLDFAST_ARGO_WATCH_SECONDS=2

# Starts a cluster in the folder cluster and makes a kubeconfig for it; more options go to it.
start_cluster() { # [OPTION...]
  mkdir -p cluster/logs
  python3 "$scene/cluster.py" --dir "$dir/cluster" --token token-of-the-test "$@" >cluster/log 2>&1 &
  engine=$!
  for _ in $(seq 200); do [ -e cluster/port ] && break; sleep 0.05; done
  port=$(cat cluster/port) || fail "the cluster does not listen: $(cat cluster/log)"
  kubeconfig "http://127.0.0.1:$port" token-of-the-test
}
kubeconfig() { # SERVER TOKEN
  cat >kubeconfig <<END
current-context: test
clusters: [{name: c, cluster: {server: "$1"}}]
users: [{name: u, user: {token: $2}}]
contexts: [{name: test, context: {cluster: c, user: u, namespace: backups}}]
END
  export KUBECONFIG=$dir/kubeconfig
}
behave() { printf '%s' "$1" >cluster/behave.new && mv cluster/behave.new cluster/behave.json; }

# The site's templates, as kubectl would apply them.
apply() { # FILE
  python3 - "$1" "http://127.0.0.1:$port/apis/argoproj.io/v1alpha1/namespaces/backups/workflowtemplates" <<'END'
import json, sys, urllib.request, yaml
body = json.dumps(yaml.safe_load(open(sys.argv[1]))).encode()
urllib.request.urlopen(urllib.request.Request(sys.argv[2], body, {"Authorization": "Bearer token-of-the-test"}))
END
}

# A plan of the disks a and b, compiled to file.yaml.
compiled() { # [OPTION...]
  disks a b
  printf 'name: n\nprovider: p\nresources: ["X::Disk#a", "X::Disk#b"]\npolicy: {drift: ignore}\n' >n.yaml
  holdfast -q compile protect n.yaml -o file.yaml "$@"
}
# The same of the disks fast and slow, which leave a trace of what steps do to them, in the file trace.
fast_and_slow() { # PARAMETERS OF slow
  noop="trace = $dir/trace" disks fast slow
  printf 'name: n\nprovider: p\nresources: [X::Disk#fast, X::Disk#slow]\npolicy: {drift: ignore}\nparameters:\n  "X::Disk#slow": {%s}\n' "$1" >n.yaml
  holdfast -q compile protect n.yaml -o file.yaml
}
# From here on the cluster is asked over the Argo server.
over_argo_server() {
  unset KUBECONFIG
  export ARGO_SERVER=127.0.0.1:$port ARGO_SECURE=false ARGO_TOKEN="Bearer token-of-the-test" ARGO_NAMESPACE=backups
}
