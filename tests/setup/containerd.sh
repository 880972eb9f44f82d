#!/usr/bin/env bash
# A containerd for a test: its own folder, socket and cgroup, no network, no CRI.
#   containerd.sh start DIR [PID]   starts it, and runs a first container to see that this machine lets it. It ends by
#                                   itself when process PID (the caller) does. DIR/env is for the caller to source:
#                                   CONTAINERD_ADDRESS, CONTAINERD_NAMESPACE, CONTAINERD_SNAPSHOTTER (ctr reads them)
#   containerd.sh stop DIR          ends its containers and itself, and removes what they left
# Exit code 77: this machine cannot, and stderr says why.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,8p' "$0" >&2; exit 2; }
command=$1
dir=$2
caller=${3:-$PPID}
self=$(realpath "$0")

cannot() { echo "containerd.sh: $*" >&2; exit 77; }
# Ours, of this folder alone.
ctr_() { timeout -k 5 "${deadline:-60}" ctr --address "$dir/socket" --namespace "$namespace" "$@"; }

# The processes of this containerd: each has the folder among its arguments.
our_processes() {
  local file
  for file in /proc/[0-9]*/cmdline; do
    # It may have ended between the listing and this.
    if { tr '\0' '\n' <"$file" | grep -qxF -e "$dir/socket" -e "$dir/config.toml"; } 2>/dev/null; then
      basename "$(dirname "$file")"
    fi
  done
}

stop() {
  local id pid mount cgroup
  if [ -s "$dir/namespace" ]; then
    namespace=$(cat "$dir/namespace")
    for id in $(ctr_ tasks ls -q 2>/dev/null); do
      ctr_ tasks kill --signal SIGKILL "$id" >/dev/null 2>&1 || true # it may have ended
      ctr_ tasks delete --force "$id" >/dev/null 2>&1 || true
    done
    for id in $(ctr_ containers ls -q 2>/dev/null); do ctr_ containers delete "$id" >/dev/null 2>&1 || true; done
    # Itself, and then the shims of containers that it no longer knew.
    for signal in TERM KILL; do
      mapfile -t pids < <(our_processes)
      for pid in "${pids[@]}"; do kill -s $signal "$pid" 2>/dev/null || true; done
      for _ in $(seq 100); do
        [ -n "$(our_processes)" ] || break
        sleep 0.05
      done
    done
    awk -v dir="$dir/" 'index($2, dir) == 1 { print $2 }' /proc/mounts | sort -r |
      while IFS= read -r mount; do umount "$mount" || umount --lazy "$mount"; done
    find /sys/fs/cgroup -maxdepth 2 -type d -name "$namespace" 2>/dev/null |
      while IFS= read -r cgroup; do find "$cgroup" -depth -type d -exec rmdir {} + || true; done
    # Where shims have their sockets, whatever the configuration says; another containerd may use it too.
    rmdir /run/containerd/fifo /run/containerd/s /run/containerd 2>/dev/null || true
  fi
  rm -rf "$dir"
}

start() {
  local program snapshotter
  [ "$(id -u)" = 0 ] || cannot "only root may start containers"
  for program in containerd ctr runc containerd-shim-runc-v2; do
    command -v $program >/dev/null || cannot "$program is missing; 'tests/setup/install_packages.sh ci' installs it"
  done
  mkdir -p "$dir"
  dir=$(realpath "$dir")
  namespace=holdfast-test-$$
  echo "$namespace" >"$dir/namespace"
  cat >"$dir/config.toml" <<END
version = 2
root = "$dir/root"
state = "$dir/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "$dir/socket"
END
  containerd --config "$dir/config.toml" >"$dir/log" 2>&1 </dev/null &
  # Ends it when the caller dies, however it dies.
  setsid bash -c 'tail --pid="$1" -s 0.5 -f /dev/null; exec "$2" stop "$3"' watch "$caller" "$self" "$dir" \
    </dev/null >/dev/null 2>&1 &
  echo "$!" >"$dir/watch.pid"
  for _ in $(seq 200); do
    ! deadline=5 ctr_ version >/dev/null 2>&1 || break
    sleep 0.05
  done
  deadline=5 ctr_ version >"$dir/words" 2>&1 || cannot "containerd does not start: $(cat "$dir/words"; tail -3 "$dir/log")"
  snapshotter=overlayfs
  ctr_ plugins ls | grep -q '^io.containerd.snapshotter.v1 *overlayfs .* ok *$' || snapshotter=native
  printf 'export CONTAINERD_ADDRESS=%q CONTAINERD_NAMESPACE=%q CONTAINERD_SNAPSHOTTER=%q\n' \
    "$dir/socket" "$namespace" $snapshotter >"$dir/env"

  # A container without an image: what this one is refused, none can do.
  mkdir -p "$dir/probe/bin" "$dir/probe/proc" "$dir/probe/dev" "$dir/probe/sys" "$dir/probe/tmp"
  cp "$(command -v dash)" "$dir/probe/bin/sh"
  ldd "$dir/probe/bin/sh" | sed -nE 's/^\t(.* => )?(\/[^ ]*) \(0x.*/\2/p' | xargs -I FILE cp --dereference --parents FILE "$dir/probe"
  ctr_ run --rm --read-only --seccomp --runc-root "$dir/runc" --fifo-dir "$dir/fifo" --rootfs "$dir/probe" probe \
    /bin/sh -c 'echo it runs' >"$dir/words" 2>&1 </dev/null || cannot "this machine refuses containers: $(cat "$dir/words")"
  grep -q '^it runs' "$dir/words" || cannot "this machine refuses containers: $(cat "$dir/words")"
  rm -rf "$dir/probe"
}

case "$command" in
  start)
    # (Not in an `if`, where bash goes on after a failure.)
    set +e
    (set -e; start)
    code=$?
    set -e
    # What cannot leaves nothing.
    [ $code = 0 ] || "$self" stop "$dir"
    exit $code
    ;;
  stop)
    dir=$(realpath "$dir")
    if [ -s "$dir/watch.pid" ]; then
      # The watcher leads a session of its own; it may be the one that runs us.
      watcher=$(cat "$dir/watch.pid")
      rm -f "$dir/watch.pid"
      [ "$watcher" = "$$" ] || kill -TERM -- "-$watcher" 2>/dev/null || true
    fi
    stop
    ;;
  *)
    sed -n '2,8p' "$0" >&2
    exit 2
    ;;
esac
