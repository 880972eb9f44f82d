#!/usr/bin/env bash
# Each invariant of docs/explanation/crash-safety.md has its number and names tests that exist.
set -euo pipefail
cd "$(dirname "$0")/../.."
page=docs/explanation/crash-safety.md
number=0
code=0
while IFS='|' read -r _ id weight _ tests _; do
  number=$((number + 1))
  [ "$(tr -d ' ' <<<"$id")" = $number ] || { echo "$page: invariant $id stands where $number should" >&2; code=1; }
  case "$(tr -d ' ' <<<"$weight")" in must | should) ;; *) echo "$page: invariant $number is neither must nor should" >&2; code=1 ;; esac
  names=$(grep -o '`[A-Za-z]*\.[A-Za-z0-9]*`' <<<"$tests" | tr -d '`') || { echo "$page: invariant $number names no test" >&2; code=1; continue; }
  for name in $names; do
    grep -rqE "^TEST(_F|_P)?\(${name%%.*}, ${name#*.}\)" tests --include='*.cc' || { echo "$page: invariant $number: there is no test $name" >&2; code=1; }
  done
done < <(grep -E '^\| *[0-9]+ *\|' $page)
[ $number -gt 0 ] || { echo "$page lists no invariant" >&2; code=1; }
[ $code = 0 ] && echo "$number invariants, each with its tests"
exit $code
