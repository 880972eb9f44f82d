#!/usr/bin/env python3
"""Has the real Mistral validate every definition that the compiler emits, and looks for what that does not: sub-workflows and
inputs that do not fit.

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
server, golden, count, seed = api.Api(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
checked = 0
refused = []


def check(label, path, most_tasks=MOST_TASKS):
    """The file of a workflow, and those that it starts."""
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


for path in sorted(glob.glob(f"{golden}/*/expected.mistral.yaml")):
    check(path, path)
goldens = checked

for number in range(count):
    label, rng = random_plan.write(number, seed)
    for old in glob.glob("out*"):
        subprocess.run(["rm", "-rf", old], check=True)
    most_tasks = rng.choice([22, 60, 200])
    command = ["holdfast", "-q", "compile", "protect", "n.yaml", "-o", "out.yaml", "--engine", "mistral", "--fuse", rng.choice(["none", "leaf"]),
               "--max-tasks-per-template", str(most_tasks)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        refused.append(f"{label}: {' '.join(command)}: {done.stderr[:500]}")
        continue
    check(label, "out.yaml", most_tasks)
    if len(refused) > 5:
        break

print(f"{goldens} definitions of golden files and {checked - goldens} of {count} random graphs are valid")
if refused:
    sys.exit("\n".join(refused))
