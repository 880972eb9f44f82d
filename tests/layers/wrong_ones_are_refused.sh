#!/usr/bin/env bash
# A link against the table of layers stops the configure step, and so does a third-party library in a
# layer that does not wrap it; an #include against it fails the check. On a copy of the sources.
set -euo pipefail
top=$(realpath "$(dirname "$0")/../..")
check=$top/tests/layers/check_includes.py
dir=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-layers.XXXXXX")
trap 'rm -rf "$dir"' EXIT
fail() { echo "wrong_ones_are_refused: $*" >&2; exit 1; }

copy() {
  rm -rf "$dir/src"
  mkdir "$dir/src"
  cp -r "$top"/{CMakeLists.txt,CMakePresets.json,compiler,runtime,plugins,templates,providers.d,docs} "$dir/src"
}
configure() { cmake -S "$dir/src" -B "$dir/build" -G Ninja -DHOLDFAST_TESTS=OFF --log-level=WARNING >"$dir/words" 2>&1; }
# refused_link FOLDER LINE WORDS: with LINE at the end of FOLDER's list the configure step says WORDS.
refused_link() {
  copy
  echo "$2" >>"$dir/src/$1/CMakeLists.txt"
  ! configure || fail "a wrong link was accepted: $2"
  grep -q "$3" "$dir/words" || fail "'$3' is not said: $(cat "$dir/words")"
}
# refused_include FILE LINE WORDS: with LINE as the first of FILE the check says WORDS.
refused_include() {
  copy
  sed -i "1i $2" "$dir/src/$1"
  ! "$check" "$dir/build/layers.txt" "$dir/src" >"$dir/words" 2>&1 || fail "a wrong include was accepted: $2"
  grep -qF "$1:1: $3" "$dir/words" || fail "'$3' is not said: $(cat "$dir/words")"
  [ "$(wc -l <"$dir/words")" = 1 ] || fail "more is said than is wrong: $(cat "$dir/words")"
}

copy
configure || fail "the sources as they are were refused: $(cat "$dir/words")"
"$check" "$dir/build/layers.txt" "$dir/src" || fail "the sources as they are were refused"
refused_include compiler/graph/digraph.cc '#include "runtime/store/lease.h"' \
  'compiler/graph (compiler) may not include runtime/store/lease.h (runtime)'
refused_include runtime/step/run_view.h '#  include   "compiler/compile.h"' \
  'runtime/step (runtime) may not include compiler/compile.h (compiler)'
refused_include plugins/sdk/text.h '#include "plugins/noop/trace.h"' \
  'plugins/sdk (sdk) may not include plugins/noop/trace.h (plugin)'
refused_include plugins/banks/memory/memory_bank.cc '#include "plugins/banks/filesystem/file_calls.h"' \
  'plugins/banks/memory (bank) may not include plugins/banks/filesystem/file_calls.h (bank)'
refused_include compiler/graph/digraph.cc '#include "digraph.h"' '"digraph.h" is no path'
refused_link compiler/graph 'target_link_libraries(compiler_graph PUBLIC sdk_yaml runtime_store)' \
  'compiler_graph (compiler) may not depend on runtime_store (runtime)'
refused_link plugins/noop 'target_link_libraries(plugin_noop PRIVATE yaml-cpp)' \
  'plugin_noop (plugin) may not link yaml-cpp'
