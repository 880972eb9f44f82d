#!/usr/bin/env bash
# `holdfast providers check` and `list` name what stands in the folder and is no provider file, to
# people and to machines. Of the samples that are shipped it asks for nothing but the inventory.
#   provider_folder.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"

mkdir -p providers.d/folder.conf providers.d/old
provider noop <<END
[noop]
types = Noop::Thing
END
cp providers.d/p.conf providers.d/p.conf.bak
for command in check list; do
  holdfast providers "$command" >out 2>words || fail "$command: $(cat out words)"
  grep -qx "$dir/providers.d/folder.conf is ignored: it is a folder" words || fail "$command: $(cat words)"
  grep -qx "$dir/providers.d/p.conf.bak is ignored: provider files end in .conf" words || fail "$command: $(cat words)"
  ! grep -q "/old" words || fail "$command names a folder that nobody takes for a provider: $(cat words)"
  holdfast --json providers "$command" >json 2>words || fail "$command: $(cat json words)"
  python3 - "$dir/providers.d" <<'END' || fail "$command: $(cat json)"
import json, sys
found = {(d["file"], d["why"]) for d in map(json.loads, open("json")) if d["message_type"] == "ignored-file"}
assert found == {(sys.argv[1] + "/folder.conf", "it is a folder"),
                 (sys.argv[1] + "/p.conf.bak", "provider files end in .conf")}, found
END
done

# The samples: as they stand, and with their inventory.
cp -r "$here/../../providers.d" samples
grep -q '^inventory = /etc/holdfast/inventory.yaml$' samples/local.conf || fail "the sample names another inventory"
code=0
holdfast providers check --provider-config-dir samples >out 2>words || code=$?
[ "$code" = 3 ] || fail "a sample without its inventory ended with $code: $(cat out words)"
grep -q '^samples/local.conf:.*inventory' words || fail "$(cat words)"
grep -q 'provider rehearsal is right' out || fail "$(cat out)"
sed -i "s#^inventory = .*#inventory = $dir/inventory.yaml#" samples/*.conf
printf 'directories: [{id: d, path: %s}]\n' "$dir" >inventory.yaml
holdfast providers check --provider-config-dir samples >out 2>words || fail "$(cat out words)"
grep -q 'provider local is right' out || fail "$(cat out)"
