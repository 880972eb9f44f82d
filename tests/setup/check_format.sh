#!/usr/bin/env bash
# Fails with the list of our C++ files that clang-format-14 would change. `--fix` changes them.
set -euo pipefail
cd "$(dirname "$0")/../.."
formatter=${CLANG_FORMAT:-clang-format-14}
if ! command -v "$formatter" >/dev/null; then
  echo "$formatter is missing; 'tests/setup/install_packages.sh ci' installs it" >&2
  exit 2
fi
mapfile -t files < <(git ls-files -- '*.cc' '*.h')
if [ ${#files[@]} -eq 0 ]; then
  echo "there is no C++ file: is this a git working tree?" >&2
  exit 2
fi
if [ "${1:-}" = --fix ]; then
  exec "$formatter" -i "${files[@]}"
fi
said=$(mktemp)
trap 'rm -f "$said"' EXIT
if "$formatter" --dry-run --Werror "${files[@]}" 2>"$said"; then
  echo "${#files[@]} files are formatted"
  exit 0
fi
wrong=$(sed -n 's/^\([^:]*\):[0-9]*:[0-9]*: error: code should be clang-formatted.*/\1/p' "$said" | sort -u)
if [ -z "$wrong" ]; then
  cat "$said" >&2
  exit 2
fi
printf '%s\n' "$wrong"
echo "$(wc -l <<<"$wrong") of ${#files[@]} files are not formatted: 'tests/setup/check_format.sh --fix'" >&2
exit 1
