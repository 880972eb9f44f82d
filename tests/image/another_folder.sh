#!/usr/bin/env bash
# The same sources compiled in another folder, without the compiler cache and by another user, give the same layers, byte
# for byte.
#   another_folder.sh RELEASE_BUILD (for which `make image` has run)
set -euo pipefail
build=$(realpath "$1")
top=$(realpath "$(dirname "$0")/../..")
dir=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-another.XXXXXX")
chmod 755 "$dir"
trap 'rm -rf "$dir"' EXIT
fail() { echo "another_folder: $*" >&2; exit 1; }
mkdir -p "$dir/a/folder elsewhere"
# What git knows of, with what is changed here: no build, nothing that lies about.
(cd "$top" && git ls-files -z | tar --create --null --files-from=- --ignore-failed-read) | tar --extract --directory "$dir/a/folder elsewhere"
cd "$dir/a/folder elsewhere"
export CCACHE_DISABLE=1
{ cmake --preset release --log-level=WARNING && ninja -C build-release -j "${JOBS:-2}" programs; } >"$dir/words" 2>&1 || fail "$(tail -20 "$dir/words")"
layers() { grep -E '^(system|holdfast) '; }
here=$("$top/templates/image/build.sh" "$build" | layers)
as_another=()
if [ "$(id -u)" = 0 ]; then
  # `nobody` may make an image.
  chown -R 65534:65534 "$dir"
  as_another=(setpriv --reuid=65534 --regid=65534 --clear-groups -- env HOME=/nonexistent)
fi
there=$("${as_another[@]}" templates/image/build.sh build-release | layers)
[ "$here" = "$there" ] || fail "other layers: $here
$there"
