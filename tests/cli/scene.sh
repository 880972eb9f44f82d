# Sourced first by the tests of this folder ("scene.sh"; their first argument is the build folder). The test
# then stands in a folder of its own, $dir, which goes at its end, with empty folders for providers, a bank
# and temporary files; the programs are those of the build; $engine, where it is set, is a process that is
# ended with the test.
set -euo pipefail
build=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
test_name=$(basename "$0" .sh)
dir=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-$test_name.XXXXXX")
engine=""
leave() {
  [ -z "$engine" ] || kill -9 $engine 2>/dev/null || true # it may have ended
  rm -rf "$dir"
}
trap leave EXIT
cd "$dir"
mkdir providers.d bank tmp
export PATH="$build/bin:$PATH" HOLDFAST_PROVIDER_CONFIG_DIR=$dir/providers.d TMPDIR=$dir/tmp

fail() { echo "$test_name: $*" >&2; exit 1; }

# The one provider: its plugins as arguments, their sections on stdin.
provider() {
  {
    printf '[provider]\nname = p\nid = 2e0c8826-81d6-44f5-bbe5-8f46a98c5845\nbank = filesystem\n'
    printf 'plugin = %s\n' "$@"
    printf '[filesystem]\npath = %s/bank\n' "$dir"
    cat
  } >providers.d/p.conf
}
