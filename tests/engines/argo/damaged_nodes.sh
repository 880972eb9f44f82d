#!/usr/bin/env bash
# One run whose compressed nodes cannot be read: the others are listed, it is too, and it can be watched and stopped.
#   damaged_nodes.sh BUILD_FOLDER [server]      with `server`: over the Argo server
. "$(dirname "$0")/scene.sh"
compiled
start_cluster
apply "$scene/../../../templates/argo/holdfast-steps.yaml"
[ "${2:-}" != server ] || over_argo_server
step=$(holdfast step list file.yaml | awk '/parallel/ { print $1; exit }')
whole=$(holdfast -q submit file.yaml --watch | grep -o 'n-protect-[a-z0-9]\{5\}' | head -1)
[ -n "$whole" ] || whole=$(holdfast --json status | field run workflow | head -1)
behave "{\"hold\": [\"$step\"]}"
name=$(holdfast -q submit file.yaml)
until holdfast --json status "$name" | grep '"node"' | grep "\"step\":\"$step\"" | grep -q Running; do sleep 0.05; done
run=$(holdfast --json status "$name" | field run run)
damaged() { behave "{\"hold\": [\"$step\"], \"damage\": [\"$1\"]}"; }
damaged "$name"
reason="the workflow's compressed nodes cannot be read: no gzip"

holdfast status >said 2>warned || fail "the list: $(cat said warned)"
grep -qE "^$name +$run +running +unknown " said && grep -q "^$whole .* succeeded " said || fail "$(cat said)"
grep -qF "$name: $reason" warned || fail "$(cat warned)"
holdfast --json status 2>/dev/null | grep "$run" | grep -q "\"nodes_unreadable\":\"$reason\"" || fail "$(holdfast --json status)"
[ "$(code_of said holdfast status "$name")" = 0 ] && grep -q ': running, unknown steps$' said && grep -qF "$reason" said || fail "$(cat said)"
[ "$(code_of said holdfast status "$run")" = 0 ] || fail "by its id: $(cat said)"
[ "$(code_of said holdfast logs "$name")" = 12 ] && grep -qF "$reason" said || fail "$(cat said)"

holdfast watch "$name" >watched 2>&1 &
watcher=$!
until grep -qs "^watching run" watched; do sleep 0.05; done
[ "$(code_of said holdfast stop "$name")" = 0 ] || fail "$(cat said)"
grep -q 'whether its last step has cleaned up is in its record' said && ! grep -q 'nothing was cleaned up' said || fail "$(cat said)"
code=0; wait $watcher || code=$?
[ $code = 6 ] && grep -qF "$reason" watched || fail "$code: $(cat watched)"

behave "{\"hold\": [\"$step\"]}"
name=$(holdfast -q submit file.yaml)
damaged "$name"
[ "$(code_of said holdfast stop "$name" --terminate)" = 0 ] || fail "$(cat said)"
grep -q 'holdfast gc --run' said || fail "$(cat said)"
