#!/usr/bin/env bash
# The image as files: what is in it and what must not be, its size, and that making it once more, in other
# circumstances, gives the same bytes; what has changed gives another digest of one layer only.
#   what_is_in_it.sh RELEASE_BUILD (for which `make image` has run)
set -euo pipefail
build=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
top=$(realpath "$here/../..")
dir=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-image.XXXXXX")
trap 'rm -rf "$dir"' EXIT
fail() { echo "what_is_in_it: $*" >&2; exit 1; }
image=$top/templates/image/build.sh
archive=$(echo "$build"/holdfast-step-*.oci.tar)
[ -f "$archive" ] || fail "no image in $build: make image"

# The archive that is there may have another name, or be of an earlier commit.
said=$("$image" "$build")
echo "$said"
digest=$(sed -n 's/^digest  *//p' <<<"$said")
[[ "$digest" =~ ^sha256:[0-9a-f]{64}$ ]] || fail "no digest"
grep -q "^template  *image: localhost/holdfast-step@$digest$" <<<"$said" || fail "nothing says what goes into the templates"
python3 "$here/check_archive.py" "$archive" "$top" >"$dir/faults" || fail "$(cat "$dir/faults")"
cp "$archive" "$dir/first"

# Nothing of the caller's circumstances goes in.
mkdir "$dir/tmp"
(umask 077 && LC_ALL=C.UTF-8 TZ=Asia/Tokyo TMPDIR=$dir/tmp "$image" "$build" >"$dir/again")
cmp "$dir/first" "$archive" || fail "made a second time it is another image"
[ -z "$(ls -A "$dir/tmp")" ] || fail "left behind: $(ls "$dir/tmp")"

layers_of() { awk '$1 == "system" || $1 == "holdfast" { print $NF }' "$1"; }
# Another time or name: other digests, the same layers, so that a registry has them already.
SOURCE_DATE_EPOCH=1700000000 "$image" "$build" registry.example.org:5000/a/holdfast-step:1.2-rc1 >"$dir/named"
grep -q '^name  *registry.example.org:5000/a/holdfast-step:1.2-rc1$' "$dir/named" || fail "$(cat "$dir/named")"
[ "$(sed -n 's/^digest  *//p' "$dir/named")" != "$digest" ] || fail "another time gives the same digest"
[ "$(layers_of "$dir/named")" = "$(layers_of "$dir/again")" ] || fail "a layer depends on the time"
python3 "$here/check_archive.py" "$archive" "$top" >"$dir/faults" || fail "$(cat "$dir/faults")"
# The same time and another name: the same digest, for the name is no part of the image.
"$image" "$build" registry.example.org/holdfast-step >"$dir/named"
[ "$(sed -n 's/^digest  *//p' "$dir/named")" = "$digest" ] || fail "the digest depends on the name"

for name in Upper/case 'a b' 'x:"' 'x@sha256:00' '../x' 'x:'; do
  ! "$image" "$build" "$name" >"$dir/words" 2>&1 || fail "'$name' was taken for a name"
  grep -q 'is no name of an image' "$dir/words" || fail "$(cat "$dir/words")"
done
"$image" "$build" >/dev/null # as `make image` left it
