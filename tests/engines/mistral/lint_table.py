#!/usr/bin/env python3
"""Holds `holdfast lint --engine mistral` to the real Mistral, in both directions: each row of tests/lint/mistral_table and each file
of tests/lint/mistral_bad and mistral_good says what Mistral does with it, and what lint does; the two agree, but for EXCEPTIONS.

  lint_table.py API HOLDFAST FOLDER_OF_TESTS [FILE...]

What Mistral does:

  refuses   it is not created
  breaks    it is created, and its run ends in ERROR (or cannot be started); of a cron trigger: Mistral answers with 500
  hangs     its run does not end
  twice     a task is run more than once
  runs      its run ends in SUCCESS; a cron trigger is created

What lint does: `refuses` (it exits 3), `warns`, or `takes`. It refuses what Mistral does not run.
The files of mistral_table: tests/lint/mistral_table/README.md.
"""
import concurrent.futures
import glob
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse

import yaml

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import api

# Where lint and Mistral may differ.
EXCEPTIONS = {
    "too-large": "200 tasks in a definition: ours",
    "long-name": "its column has 255 characters, and SQLite does not mind",
    "key-twice": "Mistral takes the last one: ours",
    "anchor": "&x, *x and @x, which Mistral takes for text: ours",
    "line-end": "what ends a line for some readers and not for others: a carriage return alone, U+0085, U+2028, U+2029: ours",
    "tag": "!!int: ours",
    "flow-key": "a key in {} without a blank behind its ':': ours",
    "number": "a number that 64 bits do not hold: ours",
    "meant": "it says itself that it fails: std.fail, a link to fail, a fail-on that holds",
    "multi": "a task that is no step of ours may be meant to run for each task before it",
    "reverse": "it may run well: ours",
    "bundle": "an input of-bundle-HASH beside another bundle: ours",
    "server": "what Mistral does hangs on what else its server has",
    "values": "what Mistral does hangs on the values of a run",
}
# Seconds in which each of these tiny runs ends beside the others, if it ever does: of those that are expected not to, and of all
# others on a machine that has other things to do.
PATIENCE, MOST_PATIENCE = 25, 180
AT_ONCE = 12
server = api.Api(sys.argv[1])
tests = sys.argv[3]


def rows_of(path):
    """The cases of a file of mistral_table: (name, Mistral, lint, exception, text)."""
    template, reading = "", False
    with open(path) as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip("\n")
            if line in ("template", "rows"):
                reading = line == "template"
                template = "" if reading else template
            elif reading:
                template += line + "\n"
            elif line and not line.startswith("#"):
                said, text = line.split("|", 1)
                does, lint = said.split()
                lint, _, exception = lint.partition("=")
                text = text[1:].replace("\\n", "\n").replace("\\s", " ").replace("\\t", "\t").replace("\\r", "\r")
                text = re.sub(r"\\U\+([0-9A-F]{4});", lambda found: chr(int(found[1], 16)), text)
                text = re.sub(r"\\(.)\*(\d+);", lambda found: found[1] * int(found[2]), text)
                yield f"{os.path.basename(path)}:{number}", does, lint, exception, template.replace("@@", text)


def cases(paths):
    for path in paths:
        if path.endswith(".txt"):
            yield from rows_of(path)
            continue
        with open(path) as file:
            text = file.read()
        # A good file that says nothing runs, and lint takes it.
        does, lint = "runs", "takes"
        if text.startswith("# Mistral: "):
            does, _, said = text.splitlines()[0].removeprefix("# Mistral: ").partition(", lint: ")
            lint = said or "refuses"
        lint, _, exception = lint.partition("=")
        yield os.path.basename(path), does, lint, exception, text


def lint_says(text, folder):
    path = os.path.join(folder, "w.yaml")
    with open(path, "w") as file:
        file.write(text)
    done = subprocess.run([sys.argv[2], "--json", "lint", "--engine", "mistral", path], capture_output=True, text=True, check=False)
    findings = [found for found in map(json.loads, done.stdout.splitlines()) if found["message_type"] == "finding"]
    if done.returncode not in (0, 3):
        return f"exits {done.returncode}: {done.stderr}"
    return "refuses" if done.returncode == 3 else "warns" if findings else "takes"


def first_workflow(text):
    return [name for name in yaml.safe_load(text) or {} if name != "version"][0]


def trigger_of(text):
    """What is asked for, if it is a cron trigger and no definition."""
    try:
        document = yaml.safe_load(text)
    except Exception:  # PyYAML lets those of int() and datetime through: `0b_`
        return None
    named = isinstance(document, dict) and "version" not in document and {"workflow_name", "workflow_id", "pattern"} & set(document)
    return document if named else None


def store(namespace, trigger):
    """What Mistral does with a cron trigger, and its reason: one that it answers as a fault of its own breaks."""
    if isinstance(trigger.get("name"), str):
        trigger["name"] += namespace
    status, answer = server.call("POST", "/cron_triggers", trigger)
    if status == 201:
        server.call("DELETE", "/cron_triggers/" + urllib.parse.quote(answer["id"]))
        return "runs", ""
    return ("breaks" if status >= 500 else "refuses"), f"{status}: {answer}"


def run(namespace, text, patience):
    """What Mistral does, and its reason."""
    if trigger := trigger_of(text):
        return store(namespace, trigger)
    refused = server.validate(text)
    # Each in a namespace of its own: they are called alike.
    status, answer = server.call("POST", "/workflows?namespace=" + namespace, text, plain=True)
    if status != 201:
        return "refuses", f"{refused or answer}"
    if refused:
        return "refuses", f"only when it is asked: {refused}"
    try:
        name = first_workflow(text)
    except yaml.YAMLError:
        name = "w"
    given = {"one": 1} if "input: [one" in text else {}
    status, answer = server.call("POST", "/executions", {"workflow_name": name, "workflow_namespace": namespace, "input": json.dumps(given)})
    if status != 201:
        return "breaks", f"it cannot be started: {answer}"
    end = time.monotonic() + patience
    execution = answer["id"]
    while answer["state"] in ("RUNNING", "IDLE", "DELAYED") and time.monotonic() < end:
        time.sleep(0.4)
        _, answer = server.call("GET", "/executions/" + execution)
    state = answer["state"]
    _, listed = server.call("GET", f"/tasks?workflow_execution_id={execution}&fields=id,name,state")
    names = [task["name"] for task in listed["tasks"]]
    why = f"{state}, {[(task['name'], task['state']) for task in listed['tasks']][:9]}: {(answer.get('state_info') or '')[-300:]}"
    if state == "RUNNING":
        server.call("PUT", "/executions/" + execution, {"state": "CANCELLED"})
        return "hangs", why
    if state != "SUCCESS":
        return ("breaks" if state == "ERROR" else state), why
    return ("twice" if len(names) != len(set(names)) else "runs"), why


def main():
    # Of a step it matters here only that it is one.
    server.create("actions", """version: '2.0'
holdfast.step:
  input: [command: run, step: '', fail_fast: false, partial: false]
  base: std.echo
  base-input: {output: '{"exit":0}'}
""")
    # What the cron triggers start.
    server.create("workflows", "version: '2.0'\nw: {tasks: {a: {action: std.noop}}}\n")
    folder = tests + "/lint"
    paths = sys.argv[4:] or sorted(glob.glob(folder + "/mistral_table/*.txt") + glob.glob(folder + "/mistral_bad/*.yaml") + glob.glob(folder + "/mistral_good/*.yaml"))
    wrong, differ = [], []
    stamp = str(int(time.time()))
    all_cases = list(cases(paths))
    most = int(os.environ.get("HOLDFAST_LINT_CASES", "0"))
    if 0 < most < len(all_cases):
        seed = os.environ.get("HOLDFAST_LINT_SEED", stamp)
        print(f"HOLDFAST_LINT_SEED={seed}: {most} of {len(all_cases)} cases", flush=True)
        all_cases = random.Random(seed).sample(all_cases, most)
    with tempfile.TemporaryDirectory() as scratch, concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        # 201 tasks take longer than all others.
        runs = [pool.submit(run, f"{stamp}-{number}", case[4], PATIENCE if case[1] == "hangs" else MOST_PATIENCE) if case[3] != "too-large" else None for number, case in enumerate(all_cases)]
        for (name, does, lint, exception, text), verdict in zip(all_cases, runs):
            really, why = verdict.result() if verdict else (does, "")
            says = lint_says(text, scratch)
            if exception and exception not in EXCEPTIONS:
                wrong.append(f"{name}: there is no exception '{exception}'")
            if really != does:
                wrong.append(f"{name}: Mistral {really}, and not: {does}: {why[:2000]}\n    {text.splitlines()[-1][:200]}")
            if says != lint:
                wrong.append(f"{name}: lint {says}, and not: {lint}\n    {text.splitlines()[-1][:200]}")
            if (really == "runs") == (says == "refuses"):
                differ.append(name)
                if not exception:
                    wrong.append(f"{name}: Mistral {really}, and lint {says}")
    print(f"{len(all_cases)} cases were held to Mistral; in {len(differ)} the two differ, as they may")
    if wrong:
        sys.exit("\n".join(wrong))


main()
