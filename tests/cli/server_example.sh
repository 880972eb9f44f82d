#!/usr/bin/env bash
# The specification's own example (tests/golden/server_example: a server with its volume, image and
# network; pre, parallel and post, no pre_finish), run on this machine: the plugins are noop's. The file
# that is run is the golden one but for the bundle that it names; what happened is held to the four links.
#   server_example.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
golden=$here/../golden/server_example
cp "$golden/graph.yaml" os-nightly.graph.yaml
cat >providers.d/foo.conf <<END
[provider]
name = Foo
id = 2e0c8826-81d6-44f5-bbe5-8f46a98c5845
bank = filesystem
plugin = noop
[filesystem]
path = $dir/bank
[noop]
types = OS::Nova::Server, OS::Cinder::Volume, OS::Glance::Image, OS::Neutron::Network
activities = pre, parallel, post
quiesces = true
trace = $dir/trace
END
# The image and the network have no pre and no post. The server's post (resume) comes long after its
# own parallel has ended; a volume's copy takes long enough to meet the others.
cat >os-nightly.yaml <<END
name: os-nightly
provider: Foo
resources:
- OS::Nova::Server#5f0c
parameters:
  OS::Nova::Server: {pre_journal: true, parallel_data: 2 KiB}
  OS::Cinder::Volume: {pre_journal: true, parallel_data: 3 MiB, parallel_sleep: 1500ms}
  OS::Glance::Image: {pre_none: true, post_none: true, parallel_data: 1 MiB, parallel_sleep: 1500ms}
  OS::Neutron::Network: {pre_none: true, post_none: true, parallel_data: 100, parallel_sleep: 1500ms}
policy: {drift: ignore}
END
holdfast -q compile protect os-nightly.yaml
same() { grep -vE '^    - \{name: bundle,|^    holdfast/compiled-by:' "$1"; }
diff <(same "$golden/expected.argo.yaml") <(same os-nightly-protect.yaml)
holdfast -q run os-nightly-protect.yaml -j 4

python3 - "$dir/trace" <<'END'
import json, sys
server, volume = "OS::Nova::Server#5f0c", "OS::Cinder::Volume#v-data"
image, network = "OS::Glance::Image#img-7", "OS::Neutron::Network#net-1"
at = {}
for line in open(sys.argv[1]):
    e = json.loads(line)
    key = (e["resource"], e["activity"].removeprefix("protect."), e["event"])
    assert key not in at, f"{key} twice"
    at[key] = e["steady_ns"]
ran = {(r, a) for r, a, event in at if event == "begin"}
expected = {(r, a) for r in (server, volume) for a in ("pre", "parallel", "post")} | {(image, "parallel"), (network, "parallel")}
assert ran == expected, ran ^ expected
before = [((r, "pre"), (r, "parallel")) for r in (server, volume)]
before += [((r, "parallel"), (r, "post")) for r in (server, volume)]
before += [((server, "pre"), (volume, "pre")), ((volume, "post"), (server, "post"))]
before += [((server, "pre"), (r, "parallel")) for r in (image, network)]
before += [((r, "parallel"), (server, "post")) for r in (image, network)]
for x, y in before:
    assert at[x + ("end",)] < at[y + ("begin",)], f"{y} began before {x} had ended"
# Where there is no link, the work overlaps.
copies = [(r, "parallel") for r in (volume, image, network)]
last_begin = max(at[c + ("begin",)] for c in copies)
assert last_begin < min(at[c + ("end",)] for c in copies), "the copies did not overlap"
END
holdfast -q checkpoints verify latest
[ "$(holdfast --json checkpoints show latest | grep -c '"message_type":"record-resource"')" = 4 ]
holdfast -q compile restore latest -o restore.yaml
holdfast -q run restore.yaml
holdfast -q checkpoints delete latest
