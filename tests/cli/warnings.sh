#!/usr/bin/env bash
# What a step warns of is no secret of its log: it stands at the end of the run, in `show`, in the lists
# and in --json; bounded, and counted beyond that.
#   warnings.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
mkdir tree
echo text >tree/file
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("tree/socket")'
cat >inventory.yaml <<END
directories: [{id: tree, path: $dir/tree}]
END
provider local-directory <<END
[local]
inventory = $dir/inventory.yaml
END
cat >w.yaml <<END
name: w
provider: p
resources: ["Local::Directory#tree"]
END
holdfast -q plan discover w.yaml
holdfast -q compile protect w.yaml
holdfast -q run w-protect.yaml >run.out
id=$(holdfast checkpoints list | awk 'NR == 2 {print $1}')
warned() { # FILE: says both warnings, in the head, in the table and one by one
  grep -q "^checkpoint $id: available, 2 warnings$" "$1" || fail "the head does not say it: $(cat "$1")"
  grep -q '^Local::Directory#tree *done, 2 warnings ' "$1" || fail "the table does not say it: $(cat "$1")"
  grep -q '^  parallel of Local::Directory#tree: socket: left out: a socket$' "$1" || fail "$(cat "$1")"
  grep -q '^  parallel of Local::Directory#tree: .* was read live, without a snapshot' "$1" || fail "$(cat "$1")"
}
warned run.out
holdfast checkpoints show "$id" >show.out
warned show.out
holdfast show "$id" >by-id.out
cmp show.out by-id.out
holdfast checkpoints list | awk -v id="$id" '$1 == id && $NF == 2 {found = 1} END {exit !found}' ||
  fail "the list does not count them"
holdfast --json show "$id" >show.json
python3 - <<'END' || fail "$(cat show.json)"
import json
data = [json.loads(line) for line in open("show.json")]
record = next(d for d in data if d["message_type"] == "record")
assert record["warnings"] == 2, record
resource = next(d for d in data if d["message_type"] == "record-resource")
lines = next(a["warnings"] for a in resource["activities"] if a["activity"] == "parallel")
assert len(lines) == 2 and "socket: left out: a socket" in lines, lines
END

# More than the end of a run shows, and than is kept: how many more there are, and where they are, is said.
python3 -c 'import socket
for n in range(24): socket.socket(socket.AF_UNIX).bind(f"tree/more-{n}")'
holdfast -q run w-protect.yaml >many.out
id=$(holdfast checkpoints list | awk 'NR == 2 {print $1}')
grep -q "^checkpoint $id: available, 22 warnings$" many.out || fail "$(cat many.out)"
[ "$(grep -c '^  parallel of ' many.out)" = 10 ] || fail "$(cat many.out)"
grep -q "^  and 12 more: holdfast show $id$" many.out || fail "$(cat many.out)"
holdfast show "$id" >all.out
[ "$(grep -c '^  parallel of .*left out: a socket' all.out)" = 18 ] || fail "$(cat all.out)"
grep -q '^  parallel of .*: 25 sockets were left out$' all.out || fail "$(cat all.out)"
grep -q '^  parallel of .*: 2 more were not kept; they stand in the log of step ' all.out || fail "$(cat all.out)"

# What has nothing to warn of says nothing of warnings.
rm tree/socket tree/more-*
cat >quiet.yaml <<END
name: quiet
provider: p
resources: ["Local::Directory#tree"]
parameters: {"Local::Directory": {snapshot: copy}}
END
holdfast -q plan discover quiet.yaml
holdfast -q compile protect quiet.yaml
holdfast -q run quiet-protect.yaml >quiet.out
! grep -qi warning quiet.out || fail "it warns of nothing: $(cat quiet.out)"
code=0
holdfast show no-such-record >none.out 2>&1 || code=$?
[ "$code" = 10 ] || fail "an unknown record ended with $code: $(cat none.out)"
