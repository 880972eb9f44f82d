#!/usr/bin/env bash
# `holdfast lint` of a workflow of 300 steps (100 resources, three activities each), from process start to
# exit: the best of 20. Beside it the same without any file, for what starting the program costs. Exit code
# 1 when the check itself takes 20 ms or more.
#   lint_bench.sh BUILD_FOLDER
set -euo pipefail
build=$(realpath "$1")
dir=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-lint.XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export PATH="$build/bin:$PATH" HOLDFAST_PROVIDER_CONFIG_DIR=$dir/providers.d
mkdir providers.d bank
cat >providers.d/p.conf <<END
[provider]
name = p
id = 0b0f6b1e-53f6-4f5c-9d0e-0f0a6d1d7a05
bank = filesystem
plugin = noop
[filesystem]
path = $dir/bank
[noop]
types = Bench::Group, Bench::Thing
graph = $dir/n.graph.yaml
END
python3 - >n.graph.yaml <<'END'
print("format: 1\nresources:")
for group in range(10):
    things = [f"t{group}-{n}" for n in range(9)]
    print(f"- type: 'Bench::Group'\n  id: g{group}\n  name: g{group}\n  children:")
    for thing in things: print(f"  - {{type: 'Bench::Thing', id: {thing}}}")
    for thing in things: print(f"- {{type: 'Bench::Thing', id: {thing}, name: {thing}}}")
END
{
  printf 'name: n\nprovider: p\nresources:\n'
  for group in $(seq 0 9); do printf -- '- "Bench::Group#g%s"\n' $group; done
} >n.yaml
# More tasks than Argo takes in one template, until files are cut; that is said, and costs nothing.
holdfast -q compile protect n.yaml --max-tasks-per-template 1000
python3 - <<'END'
import re, subprocess, sys, time
tasks = len(re.findall(r"^      - name: ", open("n-protect.yaml").read(), re.M))
def timed(argv, codes):
    start = time.monotonic()
    code = subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
    if code not in codes: sys.exit(f"{argv} ended with {code}")
    return (time.monotonic() - start) * 1000
lints, nothing = [], []
for _ in range(20):
    lints.append(timed(["holdfast", "lint", "n-protect.yaml"], (0, 3)))
    nothing.append(timed(["holdfast", "--version"], (0,)))
lint = min(lints) - min(nothing)
print(f"holdfast lint, {tasks} tasks: {lint:.1f} ms beside {min(nothing):.1f} ms for starting the program")
if lint >= 20: sys.exit("lint must take less than 20 ms")
END
