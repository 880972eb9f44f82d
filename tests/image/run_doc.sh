#!/usr/bin/env bash
# tests/docs/run_doc.sh for a document that needs a containerd and a registry: ctr finds a containerd of the test's own,
# and REGISTRY is one on this machine.
#   run_doc.sh FILE.md BUILD_FOLDER
# Exit code 77: this machine cannot, and stderr says why.
set -euo pipefail
top=$(realpath "$(dirname "$0")/../..")
dir=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-containers.XXXXXX")
registry=""
leave() {
  [ -z "$registry" ] || kill "$registry" 2>/dev/null || true # it may have ended
  [ ! -e "$dir/containerd" ] || "$top/tests/setup/containerd.sh" stop "$dir/containerd"
  rm -rf "$dir"
}
trap leave EXIT
for program in skopeo docker-registry; do
  command -v $program >/dev/null || { echo "$program is missing; 'tests/setup/install_packages.sh ci' installs it" >&2; exit 77; }
done
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=registry -addext subjectAltName=IP:127.0.0.1 \
  -keyout "$dir/key" -out "$dir/certificate" 2>"$dir/words" || { cat "$dir/words" >&2; exit 1; }
cat >"$dir/registry.yml" <<END
version: 0.1
log: {level: info}
storage: {filesystem: {rootdirectory: $dir/registry}}
http: {addr: "127.0.0.1:0", tls: {certificate: $dir/certificate, key: $dir/key}}
END
# (It ends also where nobody is left to end it.)
timeout 900 docker-registry serve "$dir/registry.yml" >"$dir/registry.log" 2>&1 </dev/null &
registry=$!
address_of_registry() { sed -nE 's/.*listening on (127\.0\.0\.1:[0-9]+).*/\1/p' "$dir/registry.log"; }
for _ in $(seq 200); do
  [ -z "$(address_of_registry)" ] || break
  sleep 0.05
done
REGISTRY=$(address_of_registry)
[ -n "$REGISTRY" ] || { cat "$dir/registry.log" >&2; exit 1; }
export REGISTRY SSL_CERT_FILE=$dir/certificate

"$top/tests/setup/containerd.sh" start "$dir/containerd" $$
# shellcheck source=/dev/null
. "$dir/containerd/env"
"$top/tests/docs/run_doc.sh" "$@"
