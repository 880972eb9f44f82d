#!/usr/bin/env bash
# Fails with the list of headers that do not compile alone, which is what whoever includes one first
# finds out. About a second each. (The version is given by the build.)
#   tests/setup/check_headers.sh [HEADER ...]      default: all below plugins, compiler and runtime
set -euo pipefail
cd "$(dirname "$0")/../.."
compiler=${CXX:-g++}
read -ra flags <<<"$(pkg-config --cflags libpq libarchive libsodium)"
flags+=('-DHOLDFAST_VERSION="0"') # as the build defines it
if [ $# -eq 0 ]; then
  mapfile -t headers < <(git ls-files -- 'plugins/*.h' 'compiler/*.h' 'runtime/*.h')
else
  headers=("$@")
fi
[ ${#headers[@]} -gt 0 ] || { echo "there is no header: is this a git working tree?" >&2; exit 2; }
wrong=()
for header in "${headers[@]}"; do
  # Included, not compiled: `#pragma once` in a main file is a warning. Twice: so it is seen to be there.
  printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
    "$compiler" -std=c++20 -fsyntax-only -Wall -Wextra -Werror -I. "${flags[@]}" -x c++ - || wrong+=("$header")
done
if [ ${#wrong[@]} -gt 0 ]; then
  printf '%s\n' "${wrong[@]}"
  echo "${#wrong[@]} of ${#headers[@]} headers do not compile alone" >&2
  exit 1
fi
echo "${#headers[@]} headers compile alone"
