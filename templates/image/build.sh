#!/usr/bin/env bash
# Makes the OCI image in which steps run, without a registry and without a daemon (`make image`):
#   build.sh BUILD_FOLDER [NAME[:TAG]]
# writes BUILD_FOLDER/holdfast-step-VERSION.oci.tar, an archive of an OCI image layout, and prints its layers, their
# sizes and its digest. NAME is what an import calls it (default: localhost/holdfast-step); TAG is the version.
# The same build, Debian packages and commit give the same digest. Layers carry no time; `created` is
# SOURCE_DATE_EPOCH, else the time of the commit, else 0.
set -euo pipefail
fail() { echo "build.sh: $*" >&2; exit 1; }
[ $# = 1 ] || [ $# = 2 ] || { sed -n '2,7p' "$0" >&2; exit 2; }
here=$(realpath "$(dirname "$0")")
top=$(realpath "$here/../..")
build=$(realpath "$1")
export LC_ALL=C TZ=UTC0
umask 022

version=$(sed -n 's/^CMAKE_PROJECT_VERSION:STATIC=//p' "$build/CMakeCache.txt")
[[ "$version" =~ ^[0-9.]+$ ]] || fail "$build is no build folder"
name=${2:-localhost/holdfast-step}
[[ "${name##*/}" == *:* ]] || name+=:$version
# What a registry takes, and nothing that JSON would have to escape.
component='[a-z0-9]+([._-]+[a-z0-9]+)*'
host='(localhost|[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+|[A-Za-z0-9-]+:[0-9]+)(:[0-9]+)?'
[[ "$name" =~ ^($host/)?$component(/$component)*:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$ ]] ||
  fail "'$name' is no name of an image: registry.example.org/holdfast-step:1.2"

# Sources that are no clone have no commit; with changes they are not their commit. (Git by itself gives root none of
# a clone that is a user's.)
git_() { git -C "$top" -c safe.directory="$top" "$@" 2>/dev/null; }
revision=$(git_ rev-parse HEAD) || revision=""
epoch=${SOURCE_DATE_EPOCH:-}
if [ -n "$revision" ]; then
  epoch=${epoch:-$(git_ log -1 --format=%ct)}
  [ -z "$(git_ status --porcelain)" ] || revision+=-modified
fi
created=$(date -u -d "@${epoch:-0}" +%Y-%m-%dT%H:%M:%SZ) || fail "SOURCE_DATE_EPOCH is not a number of seconds"

# What Go, and with it every container engine, calls the machine.
case $(dpkg --print-architecture) in
  amd64) platform='"architecture": "amd64"' ;;
  arm64) platform='"architecture": "arm64", "variant": "v8"' ;;
  ppc64el) platform='"architecture": "ppc64le"' ;;
  s390x) platform='"architecture": "s390x"' ;;
  *) fail "no image is made for $(dpkg --print-architecture)" ;;
esac

dir=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-image.XXXXXX")
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/layout/blobs/sha256"
"$here/stage.sh" "$build" "$dir/stage"

digest_of() { sha256sum "$1" | cut -d ' ' -f 1; }
# Puts a file among the blobs; $digest and $size are then its own.
add_blob() { # FILE
  digest=$(digest_of "$1")
  size=$(stat -c %s "$1")
  mv "$1" "$dir/layout/blobs/sha256/$digest"
}
descriptor() { # MEDIA_TYPE [MORE]: of the blob that was added last
  printf '{"mediaType": "%s", "digest": "sha256:%s", "size": %s%s}' "$1" "$digest" "$size" "${2:-}"
}
mebibytes() { awk -v bytes="$1" 'BEGIN { printf "%.1f MiB", bytes / 1048576 }'; }
archive() { # FILE FOLDER NAME...: the same bytes for the same files, whoever archives them
  tar --create --file "$1" --directory "$2" --format=gnu --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner \
    --hard-dereference "${@:3}"
}

echo "layer     files      compressed   digest"
layers="" diff_ids="" history="" total=0
# In the order of how seldom they change: an upgrade of ours moves the last one only.
for layer in system holdfast; do
  archive "$dir/layer.tar" "$dir/stage/$layer" .
  plain=$(stat -c %s "$dir/layer.tar")
  diff_ids+="${diff_ids:+, }\"sha256:$(digest_of "$dir/layer.tar")\""
  gzip -n "$dir/layer.tar"
  add_blob "$dir/layer.tar.gz"
  layers+="${layers:+, }$(descriptor application/vnd.oci.image.layer.v1.tar+gzip)"
  history+="${history:+, }{\"created\": \"$created\", \"created_by\": \"templates/image/stage.sh: $layer\"}"
  total=$((total + size))
  printf '%-9s %-10s %-12s sha256:%s\n' $layer "$(mebibytes "$plain")" "$(mebibytes "$size")" "$digest"
done

annotations="\"org.opencontainers.image.title\": \"holdfast-step\", \
\"org.opencontainers.image.description\": \"Runs one step of a workflow that Holdfast compiled\", \
\"org.opencontainers.image.version\": \"$version\", \"org.opencontainers.image.created\": \"$created\"\
${revision:+, \"org.opencontainers.image.revision\": \"$revision\"}"
cat >"$dir/config" <<END
{"created": "$created", $platform, "os": "linux", "config": {"User": "10001:10001",
"Env": ["PATH=/usr/local/bin:/usr/bin"], "Entrypoint": ["/usr/local/bin/holdfast-step"],
"Labels": {$annotations}}, "rootfs": {"type": "layers", "diff_ids": [$diff_ids]}, "history": [$history]}
END
add_blob "$dir/config"
cat >"$dir/manifest" <<END
{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
"config": $(descriptor application/vnd.oci.image.config.v1+json), "layers": [$layers], "annotations": {$annotations}}
END
add_blob "$dir/manifest"
# The first name is containerd's, the second one that of the image layout, by which skopeo and podman find it.
named=", \"platform\": {$platform, \"os\": \"linux\"}, \"annotations\": \
{\"io.containerd.image.name\": \"$name\", \"org.opencontainers.image.ref.name\": \"${name##*:}\"}"
cat >"$dir/layout/index.json" <<END
{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
"manifests": [$(descriptor application/vnd.oci.image.manifest.v1+json "$named")]}
END
printf '{"imageLayoutVersion": "1.0.0"}\n' >"$dir/layout/oci-layout"

out=$build/holdfast-step-$version.oci.tar
# Whoever reads it while it is made again finds a whole one.
archive "$out.new" "$dir/layout" oci-layout index.json blobs
mv "$out.new" "$out"
echo "image     $(mebibytes "$total") compressed"
echo "archive   $out"
echo "name      $name"
echo "digest    sha256:$digest"
echo "template  image: ${name%:*}@sha256:$digest"
