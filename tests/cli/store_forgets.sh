#!/usr/bin/env bash
# A store that says that it has taken an object and has not got it is named, by the first command that finds out, and not with a hint to do
# what was just done.
#   store_forgets.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
"$here/store_at_fault.py" "$dir" forgets &
engine=$!
disown
soon [ -s port ]
seen() { cat out; }
(umask 077 && echo secret >secret)
{
  printf '[provider]\nname = p\nid = 2e0c8826-81d6-44f5-bbe5-8f46a98c5845\nbank = swift\nplugin = noop\n[noop]\ntypes = X::Disk\ngraph = %s/n.graph.yaml\n' "$dir"
  printf '[swift]\nauth_url = http://127.0.0.1:%s/auth/v1.0\nuser = u\npassword_file = %s/secret\nretry_window = 5s\n' "$(cat port)" "$dir"
} >providers.d/p.conf
printf "format: 1\nresources:\n- {type: 'X::Disk', id: a, name: a}\n" >n.graph.yaml
printf 'name: n\nprovider: p\nresources: ["X::Disk#a"]\n' >n.yaml
holdfast -q compile protect n.yaml
for command in "run n-protect.yaml" "publish n-protect.yaml"; do
  code=$(code_of out holdfast $command)
  [ "$code" = 12 ] || fail "$command ends with $code: $(cat out)"
  grep -q 'the bank said that it has stored t/local/bundles/[0-9a-f]*/bundle.json, and there is no such object' out || fail "$command: $(cat out)"
  grep -q "'holdfast bank check' tries" out || fail "$command says nothing to do: $(cat out)"
  ! grep -q 'puts a workflow.s bundle there' out || fail "$command says to do what it did: $(cat out)"
done
