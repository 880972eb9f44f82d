#!/usr/bin/env python3
"""Has the real Mistral validate every definition that the compiler emits, and looks for what that does not: sub-workflows and
inputs that do not fit. The random ones are of protect; of every tenth graph also of restore, verify and delete, of a checkpoint that
is made of it.

  emitted.py API GOLDEN_FOLDER RANDOM_GRAPHS SEED      in a folder with a provider folder, as the scene makes it
"""
import glob
import os
import subprocess
import sys

import yaml

here = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [here, here + "/.."]
import api
import random_plan

MOST_TASKS = 200
OPERATIONS_EVERY = 10
LARGE_STAR = 260  # of which every operation is cut
server, golden, count, seed = api.Api(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
checked = 0
refused = []


def check(label, path, most_tasks=MOST_TASKS):
    """The file of a workflow, and those that it starts: how many tasks they have."""
    global checked
    paths = [path, *sorted(glob.glob(path.removesuffix(".yaml") + ".children/*.yaml"))]
    definitions = {}
    for file in paths:
        text = open(file).read()
        checked += 1
        if why := server.validate(text):
            refused.append(f"{label}: {os.path.basename(file)}: {why[:500]}")
        definitions.update((name, value) for name, value in yaml.load(text, loader).items() if name != "version")
    for name, definition in definitions.items():
        if len(definition["tasks"]) > most_tasks:
            refused.append(f"{label}: {name} has {len(definition['tasks'])} tasks")
        for task in definition["tasks"].values():
            if "workflow" not in task:
                continue
            below = definitions.get(task["workflow"])
            if below is None or set(below["input"]) != set(task["input"]):
                refused.append(f"{label}: {name} calls {task['workflow']}, which is not there or has other inputs")
    return sum(len(definition["tasks"]) for definition in definitions.values())


def holdfast(label, *arguments):
    """Whether it ended well."""
    done = subprocess.run(["holdfast", "-q", *arguments], capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        refused.append(f"{label}: holdfast {' '.join(arguments)}: {done.stderr[:500]}")
    return done.returncode == 0


def checkpoint(label):
    """Of this graph, the latest one. One step of each resource is enough for it: what the operations do is up to the provider later."""
    provider = open("providers.d/p.conf").read()
    with open("providers.d/p.conf", "w") as file:
        file.write("".join("activities = parallel\n" if line.startswith("activities = ") else line for line in provider.splitlines(True)))
    subprocess.run(["rm", "-rf", "bank"], check=True)
    made = holdfast(label, "compile", "protect", "n.yaml", "-o", "made.yaml", "--fuse", "leaf") and holdfast(label, "run", "made.yaml", "-j", "4")
    with open("providers.d/p.conf", "w") as file:
        file.write(provider)
    return made


for path in sorted(glob.glob(f"{golden}/*/expected.mistral.yaml")):
    check(path, path)
goldens = checked

tasks_of = dict.fromkeys(["protect", "restore", "verify", "delete"], 0)
for number in range(count):
    label, rng = random_plan.write(number, seed, LARGE_STAR if number == 0 else None)
    operations = ["protect"]
    if number % OPERATIONS_EVERY == 0 and checkpoint(label):
        operations += ["restore", "verify", "delete"]
    for operation in operations:
        for old in glob.glob("out*"):
            subprocess.run(["rm", "-rf", old], check=True)
        most_tasks = rng.choice([22, 60, 200])
        if holdfast(f"{label}, {operation}", "compile", operation, "n.yaml" if operation == "protect" else "latest", "-o", "out.yaml", "--engine", "mistral",
                    "--fuse", rng.choice(["none", "leaf"]), "--max-tasks-per-template", str(most_tasks)):
            tasks_of[operation] = max(tasks_of[operation], check(f"{label}, {operation}", "out.yaml", most_tasks))
    if len(refused) > 5:
        break

print(f"{goldens} definitions of golden files and {checked - goldens} of {count} random graphs are valid; the most tasks of an operation: {tasks_of}")
if refused:
    sys.exit("\n".join(refused))
if count > 0 and min(tasks_of.values()) <= MOST_TASKS:
    sys.exit(f"not every operation was cut: {tasks_of}")
