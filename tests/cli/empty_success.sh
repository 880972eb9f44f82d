#!/usr/bin/env bash
# An engine runs what is in its files, and calls it a success when they do. Where those do nothing, the bank knows better.
#   empty_success.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
printf '[noop]\ntypes = X::Disk\ngraph = %s/n.graph.yaml\n' "$dir" | provider noop
printf 'format: 1\nresources:\n- {type: "X::Disk", id: a, name: a}\n' >n.graph.yaml
printf 'name: n\nprovider: p\nresources: ["X::Disk#a"]\npolicy: {drift: ignore}\n' >n.yaml
holdfast -q compile protect n.yaml -o protect.yaml
cp -r "$build/share/holdfast/templates/argo/." site
sed -i 's,command: \[/usr/local/bin/.*,command: ["true"],' site/holdfast-steps.yaml
[ "$(code_of said holdfast run protect.yaml --templates site)" = 5 ] || fail "a run that did nothing ended well: $(cat said)"
grep -q 'the bank knows of no such run: nothing was done' said || fail "$(cat said)"
[ "$(code_of said holdfast run protect.yaml)" = 0 ] || fail "$(cat said)"
