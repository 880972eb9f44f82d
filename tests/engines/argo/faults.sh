#!/usr/bin/env bash
# Servers that fail in passing: each command comes through, and what a lost answer left behind is not made twice.
#   faults.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
compiled
start_cluster
apply "$scene/../../../templates/argo/holdfast-steps.yaml"

for faults in '"429"' '"500"' '"reset", "500"'; do
  behave "{\"next\": [$faults]}"
  holdfast -q status >/dev/null 2>said || fail "$faults: $(cat said)"
done
# The second request is the one that creates.
for fault in 429 500 reset reset-after; do
  before=$(holdfast --json status | wc -l)
  python3 -c 'import json; json.dump({"next": ["passed", "'$fault'"]}, open("cluster/behave.json", "w"))'
  holdfast -q submit file.yaml >/dev/null 2>said || fail "$fault while creating: $(cat said)"
  after=$(holdfast --json status | wc -l)
  [ $((after - before)) = 1 ] || fail "$fault while creating made $((after - before)) workflows"
done

# A watch that is cut, told that it is too old, refused and slowed down.
step=$(holdfast step list file.yaml | awk '/parallel/ { print $1; exit }')
behave "{\"hold\": [\"$step\"]}"
name=$(holdfast -q submit file.yaml)
holdfast watch "$name" >watched 2>&1 &
watcher=$!
until grep -qs "^watching run" watched; do sleep 0.05; done
behave "{\"hold\": [\"$step\"], \"next\": [\"410\", \"500\", \"reset\", \"429\", \"410\", \"reset\"]}"
for _ in $(seq 300); do grep -q '"next": \[\]' cluster/behave.json && break; sleep 0.1; done
grep -q '"next": \[\]' cluster/behave.json || fail "the watch does not go on: $(cat watched cluster/behave.json)"
behave '{}'
code=0; wait $watcher || code=$?
[ $code = 0 ] && grep -q '^the run succeeded$' watched || fail "$code: $(cat watched)"
[ "$(grep -c '^done       X::Disk a\b' watched)" = 1 ] || fail "something is said twice: $(cat watched)"
