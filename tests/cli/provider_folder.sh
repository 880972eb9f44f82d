#!/usr/bin/env bash
# `holdfast providers check` and `list` name what stands in the folder and is no provider file, to
# people and to machines.
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
