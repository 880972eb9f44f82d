#!/usr/bin/env bash
# The programs do not load the libraries of REST calls; the module of the client does.
#   what_is_linked.sh BUILD_FOLDER
set -euo pipefail
build=$(realpath "$1")
needed() { objdump -p "$1" | awk '$1 == "NEEDED" { print $2 }'; }
for program in holdfast holdfast-step; do
  if needed "$build/bin/$program" | grep -E '^lib(cpprest|ssl|curl|brotli)'; then
    echo "$program is linked with the above: it costs every start" >&2
    exit 1
  fi
done
grep -q '^libcpprest' <<<"$(needed "$build/lib/holdfast/engine_argo.so")" || { echo "the module has another transport" >&2; exit 1; }
