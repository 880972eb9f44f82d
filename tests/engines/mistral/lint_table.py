#!/usr/bin/env python3
"""Holds what `holdfast lint --engine mistral` refuses to the real Mistral: the first line of each file of tests/lint/mistral_bad says what
that does with it, and each of mistral_good runs there.

  lint_table.py API FOLDER_OF_TESTS

  # Mistral: refuses   it is not created
  # Mistral: breaks    it is created, and its run ends in ERROR (or cannot be started)
  # Mistral: hangs     its run does not end
  # Mistral: twice     a task is run more than once
  # Mistral: ours      a limit of ours
"""
import glob
import json
import os
import sys
import time
import urllib.parse

import yaml

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import api

PATIENCE = 12  # seconds in which each of these tiny runs ends, if it ever does
server = api.Api(sys.argv[1])
wrong = []


def workflows(text):
    try:
        return [name for name in yaml.safe_load(text) or {} if name != "version"]
    except yaml.YAMLError:
        return []


def run(text):
    """The state in which it ends, and the names of the tasks that were made."""
    # Anew: an update within a second of the last one runs as that did (the cache of definitions goes by the second).
    for name in workflows(text):
        server.call("DELETE", "/workflows/" + urllib.parse.quote(name))
    status, answer = server.call("POST", "/workflows", text, plain=True)
    if status != 201:
        return "refused", []
    status, answer = server.call("POST", "/executions", {"workflow_name": workflows(text)[0], "input": json.dumps({"one": 1} if "input: [one" in text else {})})
    if status != 201:
        return "ERROR", []
    end = time.monotonic() + PATIENCE
    execution = answer["id"]
    while answer["state"] in ("RUNNING", "IDLE") and time.monotonic() < end:
        time.sleep(0.2)
        _, answer = server.call("GET", "/executions/" + execution)
    tasks = [task["name"] for task in server.tasks(execution)]
    if answer["state"] == "RUNNING":
        server.call("PUT", "/executions/" + execution, {"state": "CANCELLED"})
    return answer["state"], tasks


# Of a step it matters here only that it is one.
server.create("actions", """version: '2.0'
holdfast.step:
  input: [command: run, step: '', fail_fast: false, partial: false]
  base: std.echo
  base-input: {output: '{"exit":0}'}
""")
count = 0
for path in sorted(glob.glob(sys.argv[2] + "/lint/mistral_bad/*.yaml")):
    text = open(path).read()
    said = text.splitlines()[0].removeprefix("# Mistral: ")
    name = os.path.basename(path)
    count += 1
    if said == "ours":
        continue
    valid = server.validate(text) is None
    if said == "refuses":
        if valid and run(text)[0] != "refused":
            wrong.append(f"{name}: Mistral takes it")
        continue
    if not valid:
        wrong.append(f"{name}: Mistral refuses it: {server.validate(text)[:200]}")
        continue
    state, tasks = run(text)
    does = {"ERROR": "breaks", "refused": "breaks", "RUNNING": "hangs"}.get(state, "runs")
    if does == "runs" and len(tasks) != len(set(tasks)):
        does = "twice"
    if does != said:
        wrong.append(f"{name}: it {does} ({state}, tasks {tasks}), and not: {said}")
for path in sorted(glob.glob(sys.argv[2] + "/lint/mistral_good/*.yaml")):
    text = open(path).read()
    count += 1
    state, tasks = run(text)
    if state != "SUCCESS":
        wrong.append(f"{os.path.basename(path)}: it ends in {state}: {server.validate(text)}")
print(f"{count} files were held to Mistral")
if wrong:
    sys.exit("\n".join(wrong))
