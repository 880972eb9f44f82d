#!/usr/bin/env bash
# The client on a cluster that has Argo and runs pods: good, stopped, resumed, anew. Skipped (77) unless these say where:
#   HOLDFAST_TEST_KUBECONFIG   the cluster; the site's templates are applied in its context's namespace
#   HOLDFAST_TEST_WORKFLOW     a compiled file whose provider (HOLDFAST_PROVIDER_CONFIG_DIR) this machine has, too; its bundle beside it.
#                              It takes long enough to be stopped: 10 seconds or more
#   with_argo.sh BUILD_FOLDER
for name in HOLDFAST_TEST_KUBECONFIG HOLDFAST_TEST_WORKFLOW; do
  [ -n "${!name:-}" ] || { echo "skipped: no cluster with Argo ($name is not set)"; exit 77; }
done
providers=${HOLDFAST_PROVIDER_CONFIG_DIR:-/etc/holdfast/providers.d}
file=$(realpath "$HOLDFAST_TEST_WORKFLOW") config=$(realpath "$HOLDFAST_TEST_KUBECONFIG")
. "$(dirname "$0")/scene.sh"
export HOLDFAST_PROVIDER_CONFIG_DIR=$providers KUBECONFIG=$config HOLDFAST_ARGO_WATCH_SECONDS=60
holdfast submit "$file" --dry-run=server || fail "the server refuses it"

holdfast --json submit "$file" --watch >lines || fail "$(tail -5 lines)"
name=$(field run-submitted workflow <lines)
run=$(field run-submitted run <lines)
[ "$(holdfast --json status "$run" | field run state)" = succeeded ] || fail "$(holdfast status "$run")"
holdfast step list --from-cluster "$name" >/dev/null || fail "its steps"

stopped=$(holdfast -q submit "$file")
until holdfast --json status "$stopped" | grep '"step":"begin"' | grep -q '"phase":"Succeeded"'; do sleep 1; done
holdfast stop "$stopped" || fail "stop"
code=0; holdfast watch "$stopped" || code=$?
[ $code = 6 ] || fail "the verdict of what was stopped is $code"
# The pods of a run that succeeded are gone seconds after it; those of this one stay.
holdfast -q logs "$stopped" begin | grep -q '"message_type":"log"' || fail "$(holdfast logs "$stopped" begin)"
holdfast --json resume "$stopped" --watch >lines || fail "$(tail -5 lines)"
[ "$(field run-ended record <lines)" = "$(holdfast --json status "$stopped" | field run run)" ] || fail "it worked on another record"
holdfast -q resubmit "$name" --watch || fail "anew"
