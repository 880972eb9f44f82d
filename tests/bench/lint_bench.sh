#!/usr/bin/env bash
# `holdfast lint` of a workflow of 300 steps (100 resources, three activities each), from process start to
# exit: the best of 20. Beside it the same without any file, for what starting the program costs. Then plans of 3,000
# and 30,000 resources. Exit code 1 when the check of 300 steps itself takes 20 ms or more, or when what a task costs
# grows with the number of tasks. The same limit for Mistral's files of the 300 steps, and for one definition of 300
# tasks with joins (more than lint lets pass: it says so).
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
END
# A plan of so many groups of nine, compiled; its name is n and their number.
compile() { # GROUPS OPTION...
  local groups=$1
  python3 - "$groups" >"n$groups.graph.yaml" <<'END'
import sys
print("format: 1\nresources:")
for group in range(int(sys.argv[1])):
    things = [f"t{group}-{n}" for n in range(9)]
    print(f"- type: 'Bench::Group'\n  id: g{group}\n  name: g{group}\n  children:")
    for thing in things: print(f"  - {{type: 'Bench::Thing', id: {thing}}}")
    for thing in things: print(f"- {{type: 'Bench::Thing', id: {thing}, name: {thing}}}")
END
  {
    printf 'name: n%s\nprovider: p\nresources:\n' "$groups"
    for group in $(seq 0 $((groups - 1))); do printf -- '- "Bench::Group#g%s"\n' "$group"; done
  } >"n$groups.yaml"
  holdfast -q compile protect "n$groups.yaml" "${@:2}"
}
# More tasks than Argo takes in one template, until files are cut; that is said, and costs nothing.
compile 10 --max-tasks-per-template 1000
compile 10 --engine mistral -o m10.yaml
# These are cut, and parts of them are Workflows of their own.
compile 300
compile 3000
python3 - <<'END'
import glob, re, subprocess, sys, time
def tasks_of(*files): return sum(len(re.findall(r"^      - name: ", open(file).read(), re.M)) for file in files)
def timed(argv, codes):
    start = time.monotonic()
    code = subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
    if code not in codes: sys.exit(f"{argv} ended with {code}")
    return (time.monotonic() - start) * 1000
lints, nothing = [], []
for _ in range(20):
    lints.append(timed(["holdfast", "lint", "n10-protect.yaml"], (0, 3)))
    nothing.append(timed(["holdfast", "--version"], (0,)))
lint = min(lints) - min(nothing)
print(f"holdfast lint, {tasks_of('n10-protect.yaml')} tasks: {lint:.1f} ms beside {min(nothing):.1f} ms for starting the program")
def milliseconds(codes, *files):
    return min(timed(["holdfast", "lint", "--engine", "mistral", *files], codes) for _ in range(20)) - min(nothing)
mistral = milliseconds((0,), "m10.yaml")
with open("joins.yaml", "w") as file:
    file.write("version: '2.0'\nw:\n  tasks:\n")
    for n in range(300):
        after = [f"t{m:03}" for m in (n + 9, n + 10, n + 20) if m < 300]
        links = f", on-complete: [{', '.join(after)}]" if after else ""
        file.write(f"    t{n:03}: {{action: std.echo, input: {{output: \"<% task(t{n:03}).result = {n} %>\"}}{', join: all' if n > 8 else ''}{links}}}\n")
joins = milliseconds((3,), "joins.yaml")
print(f"holdfast lint --engine mistral: {mistral:.1f} ms for the same steps, {joins:.1f} ms for 300 tasks with joins in one definition")
took = []
for groups in (300, 3000):
    children = glob.glob(f"n{groups}-protect.children/[0-9a-f]*.yaml")
    tasks = tasks_of(f"n{groups}-protect.yaml", *children)
    took.append(min(timed(["holdfast", "lint", f"n{groups}-protect.yaml"], (0,)) for _ in range(3)) / tasks)
    print(f"holdfast lint, {tasks} tasks in {1 + len(children)} files: {took[-1] * tasks / 1000:.2f} s, {took[-1] * 1000:.0f} µs a task")
if max(lint, mistral, joins) >= 20: sys.exit("lint of 300 tasks must take less than 20 ms")
if took[1] > 2 * took[0]: sys.exit("what a task costs must not grow with their number")
END
