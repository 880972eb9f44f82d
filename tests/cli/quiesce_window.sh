#!/usr/bin/env bash
# The application is at rest only while the snapshots are taken: under 2 s, although the copies are
# slowed to 20 s and only two steps may run at once. Also with leaf fusion. The hooks themselves say
# when: what the product says of it is held to that.
#   quiesce_window.sh BUILD_FOLDER none|leaf
. "$(dirname "$0")/scene.sh"
fuse=$2
mkdir one two three
for folder in one two three; do head -c 20000000 /dev/urandom >$folder/data; done
sqlite3 shop.db 'create table t(a); insert into t values (1)'
cat >inventory.yaml <<END
applications:
  - id: shop
    quiesce: [sh, -c, 'touch $dir/frozen; date +%s%N >$dir/rested']
    resume: [sh, -c, 'rm $dir/frozen; date +%s%N >$dir/went-on']
    directories: [{id: one, path: $dir/one}, {id: two, path: $dir/two}, {id: three, path: $dir/three}]
    sqlite: [{id: shop.db, path: $dir/shop.db}]
END
provider local-application local-directory local-sqlite <<END
[local]
inventory = $dir/inventory.yaml
END
cat >shop.yaml <<END
name: shop
provider: p
resources: ["Local::Application#shop"]
parameters:
  Local::Directory: {snapshot: copy, rate_limit: 1 MB}
policy: {fuse: $fuse}
END
holdfast -q plan discover shop.yaml
holdfast -q compile protect shop.yaml
holdfast -q run shop-protect.yaml -j 2
[ ! -e frozen ] || fail "the application is still at rest"
holdfast --json checkpoints show latest | python3 -c '
import json, sys
said = copy = 0
for line in sys.stdin:
    datum = json.loads(line)
    if datum["message_type"] != "record-resource": continue
    said = max(said, datum.get("at_rest_ms", 0))
    if datum["type"] == "Local::Directory": copy = max(copy, datum["duration_ms"])
real = (int(open("went-on").read()) - int(open("rested").read())) / 1e6
print(f"at rest {real:.0f} ms by the hooks, {said} ms by the record; the longest copy {copy} ms")
sys.exit(0 if real < 2000 and real <= said < 2000 and copy > 19000 else 1)'
