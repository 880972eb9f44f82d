# shellcheck shell=bash
# Sourced by what works on a Kubernetes with Argo that runs pods: the test of the product on a cluster, and the demo. The
# cluster is tests/engines/cluster's, or where these say:
#   HOLDFAST_TEST_KUBECONFIG   a cluster whose one node is this machine: folders are hostPath volumes there. The context's namespace has
#                              no site of Holdfast yet
#   HOLDFAST_TEST_IMAGE        the image of the steps, which that node has or can pull; else the one of `make image`, by its name
# A bank that is a folder can be read by the user of its steps alone, so the client runs as that one: root as 10001, others as themselves.
site_here=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
kubernetes=${XDG_CACHE_HOME:-$HOME/.cache}/holdfast-tests/bin/kubernetes
step_user=$(id -u) step_group=$(id -g)
[ "$step_user" != 0 ] || step_user=10001 step_group=10001

as_step_user() {
  if [ "$(id -u)" = "$step_user" ]; then "$@"; else setpriv --reuid="$step_user" --regid="$step_group" --clear-groups -- "$@"; fi
}
hand_to_steps() { chown -R -h "$step_user:$step_group" "$@"; } # FILE...

kubectl() {
  if [ -x "$kubernetes" ]; then "$kubernetes" kubectl "$@"; else command kubectl "$@"; fi
}

# Says why there is no cluster to work on, and how one gets it, and fails; nothing where there is one.
missing_cluster() {
  local what
  if [ -z "${HOLDFAST_TEST_KUBECONFIG:-}" ]; then
    what=$("$site_here/../cluster/cluster.sh" missing) && return
    echo "no cluster: HOLDFAST_TEST_KUBECONFIG names none, and to start one here this is $what"
    return 1
  fi
  what="the cluster of HOLDFAST_TEST_KUBECONFIG"
  [ -r "$HOLDFAST_TEST_KUBECONFIG" ] || { echo "$what: $HOLDFAST_TEST_KUBECONFIG cannot be read"; return 1; }
  [ -x "$kubernetes" ] || command -v kubectl >/dev/null || { echo "$what: there is no kubectl"; return 1; }
  (
    export KUBECONFIG=$HOLDFAST_TEST_KUBECONFIG
    words=$(kubectl get workflows -o name --request-timeout=30s 2>&1 >/dev/null) || { echo "$what has no Argo that can be used: $words"; exit 1; }
    # Who has it would find our image and our bank in it.
    [ -z "$(kubectl get workflowtemplates holdfast-steps -o name --ignore-not-found)" ] ||
      { echo "$what: the context's namespace has a site of Holdfast already; another one is needed"; exit 1; }
  )
}

# Says why the image of the steps is not at hand, and fails.
missing_image() { # RELEASE_BUILD
  local archive
  [ -z "${HOLDFAST_TEST_KUBECONFIG:-}" ] || [ -z "${HOLDFAST_TEST_IMAGE:-}" ] || return 0
  archive=$(echo "$1"/holdfast-step-*.oci.tar)
  [ -f "$archive" ] || { echo "no image $archive: 'make image' makes it"; return 1; }
}

# Takes the cluster that is named, or starts one in the folder DIR/cluster, and sets image, namespace and KUBECONFIG, a file in
# DIR that the steps' user can read. Exit code 77: there is none, and stderr says why.
open_cluster() { # DIR RELEASE_BUILD
  local config what archive name code=0
  what=$(missing_cluster) && what=$(missing_image "$2") || { echo "$what" >&2; return 77; }
  archive=$(echo "$2"/holdfast-step-*.oci.tar)
  [ ! -f "$archive" ] || name=$(tar -xOf "$archive" index.json | sed -nE 's/.*"io.containerd.image.name": "([^"]*)".*/\1/p')
  if [ -n "${HOLDFAST_TEST_KUBECONFIG:-}" ]; then
    config=$(realpath "$HOLDFAST_TEST_KUBECONFIG")
    image=${HOLDFAST_TEST_IMAGE:-$name}
  else
    # (The names of its sockets have to be short.)
    TMPDIR=/tmp "$site_here/../cluster/cluster.sh" start "$1/cluster" $$ "$archive" || code=$?
    [ $code = 0 ] || { echo "the cluster does not start" >&2; return $code; }
    config=$1/cluster/kubeconfig
    image=${name%:*}@$(tar -xOf "$archive" index.json | grep -o '"digest": "sha256:[0-9a-f]*"' | head -1 | cut -d '"' -f 4)
  fi
  (umask 077 && KUBECONFIG=$config kubectl config view --raw --flatten >"$1/kubeconfig")
  hand_to_steps "$1/kubeconfig"
  export KUBECONFIG=$1/kubeconfig
  namespace=$(kubectl config view --minify -o 'jsonpath={..namespace}')
  namespace=${namespace:-default}
  # What is named a node may pull.
  [ -z "${HOLDFAST_TEST_KUBECONFIG:-}" ] || [ -z "${HOLDFAST_TEST_IMAGE:-}" ] || return 0
  # (A node tells of a new image with its next report.)
  for _ in $(seq 60); do
    [[ " $(kubectl get nodes -o 'jsonpath={.items[*].status.images[*].names[*]}') " != *" $image "* ]] || return 0
    sleep 1
  done
  echo "no node has the image $image: docs/how-to/build-the-image.md says how one gets it, HOLDFAST_TEST_IMAGE names another one" >&2
  return 77
}

# Ends the cluster that was started; on another one it removes the site in DIR/site and all runs of its files.
close_cluster() { # DIR SITE
  if [ -e "$1/cluster" ]; then
    "$site_here/../cluster/cluster.sh" stop "$1/cluster"
  elif [ -n "${HOLDFAST_TEST_KUBECONFIG:-}" ] && [ -e "$1/kubeconfig" ] && [ -e "$2" ]; then
    kubectl delete workflows -l holdfast/bundle --ignore-not-found --cascade=foreground >/dev/null
    kubectl delete -k "$2" --ignore-not-found >/dev/null
  fi
}
