#!/usr/bin/env bash
# What `make install` installs is the release preset, which compiles no failpoint; a build that has them
# refuses to be installed. (installed_step.sh does it for real.)
#   what_is_installed.sh BUILD_FOLDER
set -euo pipefail
build=$(realpath "$1")
top=$(realpath "$(dirname "$0")/../..")
dir=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-install.XXXXXX")
trap 'rm -rf "$dir"' EXIT
fail() { echo "what_is_installed: $*" >&2; exit 1; }

make -C "$top" -n install DESTDIR="$dir/root" PREFIX=/usr >"$dir/recipe"
grep -q -- '--preset release' "$dir/recipe" || fail "$(cat "$dir/recipe")"
grep -q 'cmake --install build-release --prefix "/usr"' "$dir/recipe" || fail "$(cat "$dir/recipe")"
! grep -E 'cmake --install' "$dir/recipe" | grep -v build-release || fail "something else is installed"

cmake -S "$top" --preset release -B "$dir/release" --log-level=WARNING >"$dir/words" 2>&1 || fail "$(cat "$dir/words")"
grep -q '^HOLDFAST_FAILPOINTS:BOOL=OFF$' "$dir/release/CMakeCache.txt" || fail "the release preset has failpoints"
grep -q 'step_driver.cc' "$dir/release/compile_commands.json" || fail "no step is compiled"
! grep -q 'HOLDFAST_FAILPOINTS' "$dir/release/compile_commands.json" || fail "a release is compiled with failpoints"
# The tests' own build has them: what is looked for above is what turns them on.
grep -q 'HOLDFAST_FAILPOINTS=1' "$build/compile_commands.json" || fail "the tests' build has no failpoints"

! DESTDIR="$dir/root" cmake --install "$build" --prefix /usr >"$dir/words" 2>&1 || fail "a build with failpoints was installed"
grep -q 'this build has failpoints' "$dir/words" || fail "$(cat "$dir/words")"
[ -z "$(find "$dir/root" -type f 2>/dev/null)" ] || fail "a refused installation left files"
