#!/usr/bin/env bash
# One no-op step on the filesystem bank, from process start to exit: wall time (median of 20 runs) and
# peak memory. The step's outcome is recorded by the first; a new run is begun for each, so that every
# one does its work. Beside it /bin/true, for what starting a process costs on this machine. Exit code 1
# when it is 20 ms or 16 MiB or more.
#   step_bench.sh BUILD_FOLDER
set -euo pipefail
build=$(realpath "$1")
dir=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-step.XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export PATH="$build/bin:$PATH" HOLDFAST_PROVIDER_CONFIG_DIR=$dir/providers.d
mkdir providers.d bank
printf 'format: 1\nresources:\n- {type: "Bench::Thing", id: one, name: one}\n' >plan.graph.yaml
cat >providers.d/p.conf <<END
[provider]
name = p
id = 0b0f6b1e-53f6-4f5c-9d0e-0f0a6d1d7a05
bank = filesystem
plugin = noop
[filesystem]
path = $dir/bank
[noop]
types = Bench::Thing
activities = protect.parallel, restore.parallel, delete.parallel
END
printf 'name: bench\nprovider: p\nresources: ["Bench::Thing#one"]\npolicy: {drift: ignore}\n' >plan.yaml
holdfast -q compile protect plan.yaml
bundle=$(sha256sum plan.bundle/bundle.json 2>/dev/null || sha256sum bench-protect.bundle/bundle.json)
bundle=${bundle%% *}
step=$(holdfast --json step list bench-protect.yaml | python3 -c 'import json,sys
print([d["name"] for d in map(json.loads, sys.stdin) if d["message_type"] == "step" and d.get("activities")][0])')
holdfast -q run bench-protect.yaml >/dev/null
python3 - "$bundle" "$step" <<'END'
import os, resource, statistics, subprocess, sys, time, uuid
bundle, step = sys.argv[1:]
common = ["--provider=0b0f6b1e-53f6-4f5c-9d0e-0f0a6d1d7a05", "--record=", "--bundle=" + bundle]
def timed(argv):
    start = time.monotonic()
    pid = os.posix_spawnp(argv[0], argv, os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0)])
    _, status, usage = os.wait4(pid, 0)
    took = (time.monotonic() - start) * 1000
    if status != 0: sys.exit(f"{argv} ended with {status}")
    return took, usage.ru_maxrss
steps, trues = [], []
for _ in range(20):
    run = str(uuid.uuid4())
    timed(["holdfast-step", "begin", "--run=" + run] + common)
    steps.append(timed(["holdfast-step", "run", "--run=" + run, "--step=" + step] + common))
    trues.append(timed(["/bin/true"]))
ms = statistics.median(t for t, _ in steps)
rss = max(r for _, r in steps)
print(f"holdfast-step: {ms:.1f} ms, {rss / 1024:.1f} MiB; /bin/true: {statistics.median(t for t, _ in trues):.1f} ms")
if ms >= 20 or rss >= 16 * 1024: sys.exit("one step must take less than 20 ms and 16 MiB")
END
