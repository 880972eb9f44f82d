#!/usr/bin/env bash
# What is stored is taken for what was written only where it is: a changed byte, or an object of another
# checkpoint, makes verify and restore fail; a damaged bundle is written anew by whoever has it.
#   changed_bytes.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
disks a
printf 'name: n\nprovider: p\nresources: [X::Disk#a]\nparameters: {X::Disk: {parallel_data: 1 KiB}}\n' >n.yaml
holdfast -q compile protect n.yaml
for id in aaaa bbbb; do holdfast -q run n-protect.yaml --run-id $id >run.out 2>&1 || fail "$(cat run.out)"; done
holdfast -q compile restore bbbb -o r.yaml
cp -r bank good
chmod -R u+w good
bbbb=bank/t/local/checkpoints/bbbb
resource=$bbbb/resources/X@3A@3ADisk/a

anew() { # WHAT: a bank that is whole
  what=$1
  rm -rf bank
  cp -r good bank
}
ends() { # CODE WORDS COMMAND...
  local code=0
  "${@:3}" >out 2>&1 || code=$?
  [ $code = "$1" ] || fail "$what: ${*:3}: exit $code, not $1: $(cat out)"
  grep -q -- "$2" out || fail "$what: ${*:3}: expected '$2' in: $(cat out)"
}

anew "nothing changed"
ends 0 "verified" holdfast checkpoints verify bbbb
ends 0 "restored" holdfast run r.yaml

anew "a manifest with another point in time"
sed -i 's/"point_in_time":"2/"point_in_time":"3/' $resource/000001/manifest
ends 5 "checkpoints/bbbb/resources/.*/manifest is not what was written" holdfast checkpoints verify bbbb
ends 5 "checkpoints/bbbb/resources/.*/manifest is not what was written" holdfast run r.yaml

anew "saved info with another value"
[ -e $resource/000001/saved ] || fail "this plugin saves no info any more: $(find $bbbb)"
sed -i 's/"version":1/"version":2/' $resource/000001/saved
ends 5 "checkpoints/bbbb/resources/.*/saved is not what was written" holdfast checkpoints verify bbbb
ends 5 "checkpoints/bbbb/resources/.*/saved is not what was written" holdfast run r.yaml

anew "what another checkpoint holds of a resource"
for part in resources data; do
  rm -rf $bbbb/$part
  cp -r bank/t/local/checkpoints/aaaa/$part $bbbb/$part
done
ends 5 "manifest is of aaaa, not of bbbb" holdfast checkpoints verify bbbb
ends 5 "manifest is of aaaa, not of bbbb" holdfast run r.yaml

anew "two folders swapped"
mv $bbbb other
mv bank/t/local/checkpoints/aaaa $bbbb
mv other bank/t/local/checkpoints/aaaa
ends 12 "is of aaaa, not of bbbb" holdfast checkpoints verify bbbb
ends 0 "damaged" holdfast checkpoints list

bundle=bank/t/local/bundles/$(python3 -c 'import json; print(json.load(open("bank/t/local/runs/bbbb"))["bundle"])')
for file in bundle.json shard-0.json; do
  anew "a truncated $file"
  truncate -s -5 $bundle/$file
  ends 0 "its bundle is damaged or gone: .*$file" holdfast checkpoints show bbbb
  grep -q "X::Disk#a *done" out || fail "$what: what it holds is not shown: $(cat out)"
  ends 0 "available" holdfast run n-protect.yaml --run-id "new-${file%.json}"
  ends 0 "X::Disk#a *done" holdfast checkpoints show bbbb
  ! grep -q damaged out || fail "$what: it is still damaged: $(cat out)"
done
