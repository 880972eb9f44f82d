#!/usr/bin/env bash
# The Dockerfile gives the image that `make image` gives: the same files, user, entrypoint and environment. Its last stage is
# built for real, by buildah; the stage before, whose base image only a registry has, runs what `make image` runs.
#   dockerfile.sh RELEASE_BUILD
# Exit code 77: there is no buildah.
set -euo pipefail
build=$(realpath "$1")
top=$(realpath "$(dirname "$0")/../..")
dir=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-dockerfile.XXXXXX")
trap 'rm -rf "$dir"' EXIT
fail() { echo "dockerfile: $*" >&2; exit 1; }
command -v buildah >/dev/null || { echo "buildah is missing; 'tests/setup/install_packages.sh ci' installs it" >&2; exit 77; }
[ "$(id -u)" = 0 ] || { echo "only root may give files of an image to root here" >&2; exit 77; }
dockerfile=$top/templates/image/Dockerfile
# What the other stage makes is made here.
for command in 'tests/setup/install_packages.sh image' 'cmake --preset release' 'ninja -C build-release programs' \
  'templates/image/stage.sh build-release /stage'; do
  grep -q "^RUN.*$command" "$dockerfile" || fail "its first stage does not run '$command'"
done
"$top/templates/image/stage.sh" "$build" "$dir/context/stage"
sed -n '/^FROM scratch$/,$p' "$dockerfile" | sed 's,--from=build /stage/,stage/,' >"$dir/Dockerfile"
[ "$(grep -c '^COPY stage/' "$dir/Dockerfile")" = 2 ] || fail "its last stage does not copy two layers"
# A store of its own; vfs, for the disk may be one on which overlays are refused.
buildah_() { timeout 300 buildah --root "$dir/store" --runroot "$dir/run" --storage-driver vfs "$@"; }
buildah_ bud --timestamp 0 -f "$dir/Dockerfile" -t image "$dir/context" >"$dir/words" 2>&1 || fail "$(tail -5 "$dir/words")"
container=$(buildah_ from --pull-never image)
files=$(buildah_ mount "$container")
mkdir "$dir/ours"
cp -a "$dir/context/stage/system/." "$dir/context/stage/holdfast/." "$dir/ours"
list() { (cd "$1" && find . -mindepth 1 \( -type d -printf '%p %m %U:%G\n' -o -printf '%p %m %U:%G %s %l\n' \) | LC_ALL=C sort); }
diff <(list "$dir/ours") <(list "$files") || fail "other files"
diff -r --no-dereference "$dir/ours" "$files" || fail "other contents"
buildah_ umount "$container" >/dev/null
buildah_ inspect --type image image >"$dir/inspected"
archive=$(echo "$build"/holdfast-step-*.oci.tar)
python3 - "$archive" "$dir/inspected" <<'END' || fail "another configuration"
import json, sys, tarfile
archive = tarfile.open(sys.argv[1])
blob = lambda descriptor: json.load(archive.extractfile("blobs/sha256/" + descriptor["digest"][len("sha256:"):]))
ours = blob(blob(json.load(archive.extractfile("index.json"))["manifests"][0])["config"])
theirs = json.load(open(sys.argv[2]))["OCIv1"]
for key in ["User", "Entrypoint", "Env"]:
    assert ours["config"][key] == theirs["config"][key], (key, ours["config"], theirs["config"])
END
