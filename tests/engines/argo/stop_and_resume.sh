#!/usr/bin/env bash
# A run is stopped, and what follows: its exit codes, a new run on its record, and one anew.
#   stop_and_resume.sh BUILD_FOLDER [server]      with `server`: over the Argo server
. "$(dirname "$0")/scene.sh"
compiled
start_cluster
apply "$scene/../../../templates/argo/holdfast-steps.yaml"
[ "${2:-}" != server ] || over_argo_server
step=$(holdfast step list file.yaml | awk '/parallel/ { print $1; exit }')
behave "{\"hold\": [\"$step\"]}"
name=$(holdfast -q submit file.yaml)
[[ "$name" =~ ^n-protect-[a-z0-9]{5}$ ]] || fail "submit prints the name alone on stdout: $name"
until holdfast --json status "$name" | grep '"node"' | grep "\"step\":\"$step\"" | grep -q Running; do sleep 0.05; done
[ "$(code_of said holdfast resume "$name")" = 3 ] && grep -q 'has not ended' said || fail "$(cat said)"

holdfast watch "$name" >watched 2>&1 &
watcher=$!
[ "$(code_of said holdfast stop "$name")" = 0 ] || fail "$(cat said)"
grep -q "^told $name to stop$" said || fail "$(cat said)"
grep -q "its pod is being ended" said || fail "it does not say that it waits for a dying step: $(cat said)"
grep -q "^  holdfast resume $name$" said || fail "$(cat said)"
code=0; wait $watcher || code=$?
[ $code = 6 ] || fail "the verdict of a stopped run is $code: $(cat watched)"
grep -q '^stopping: ' watched && grep -q '^the run was stopped; to go on:$' watched || fail "$(cat watched)"
[ "$(code_of said holdfast stop "$name")" = 3 ] && grep -q 'has ended already' said || fail "$(cat said)"

behave '{}'
run=$(holdfast --json status "$name" | field run run)
[ "$(code_of said holdfast resume "$name" --watch)" = 0 ] || fail "$(cat said)"
second=$(grep -o 'n-protect-[a-z0-9]\{5\}' said | head -1)
[ "$second" != "$name" ] || fail "$(cat said)"
[ "$(holdfast --json status "$second" | field run record)" = "$run" ] || fail "it works on another record"
[ "$(code_of said holdfast resume "$second")" = 3 ] && grep -q 'nothing to resume' said || fail "$(cat said)"

third=$(holdfast -q resubmit "$second")
[ "$(holdfast --json status "$third" | field run record)" = "$(holdfast --json status "$third" | field run run)" ] || fail "no record of its own"
holdfast -q watch "$third" >/dev/null || fail "the third run"

behave "{\"hold\": [\"$step\"]}"
fourth=$(holdfast -q submit file.yaml)
until holdfast --json status "$fourth" | grep '"node"' | grep "\"step\":\"$step\"" | grep -q Running; do sleep 0.05; done
[ "$(code_of said holdfast stop "$fourth" --terminate)" = 0 ] || fail "$(cat said)"
grep -q 'holdfast gc --run' said || fail "what was not cleaned up is said: $(cat said)"

# Ctrl-C ends the watching alone.
fifth=$(holdfast -q submit file.yaml)
holdfast watch "$fifth" >interrupted 2>&1 &
watcher=$!
until grep -qs "^watching run" interrupted; do sleep 0.05; done
kill -INT $watcher
code=0; wait $watcher || code=$?
[ $code = 130 ] && grep -q "^  holdfast watch $fifth$" interrupted || fail "interrupted ($code): $(cat interrupted)"
[ "$(holdfast --json status "$fifth" | field run state)" = running ] || fail "the run does not go on"
holdfast -q stop "$fifth" --no-wait || fail "--no-wait"
