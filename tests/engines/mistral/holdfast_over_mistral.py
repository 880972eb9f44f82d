#!/usr/bin/env python3
"""Stands for the program `holdfast` in random_run_test (HOLDFAST_RANDOM_PROGRAM): compiles for Mistral, and runs over Mistral what it
would run itself. HOLDFAST names the real program, API the server, ENVIRONMENT the file of the site's environment. Retries come at
once, as the test's templates for Argo have it."""
import glob
import json
import os
import re
import subprocess
import sys

import yaml

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import api

FEWEST_TASKS = 22  # of a definition of Mistral
RUN_FAILED = 5


def real(*arguments):
    done = subprocess.run([os.environ["HOLDFAST"], *arguments])
    if done.returncode != 0:
        sys.exit(done.returncode)


def main():
    words = sys.argv[1:]
    if words[0] == "compile":
        at = words.index("--max-tasks-per-template") + 1
        words[at] = str(max(int(words[at]), FEWEST_TASKS))
        real(*words, "--engine", "mistral")
        return
    if words[0] != "run":
        real(*words)
        return
    path, options = words[1], dict(zip(words[2::2], words[3::2]))
    real("publish", path)
    server = api.Api(os.environ["API"])
    for name in [path, *glob.glob(path.removesuffix(".yaml") + ".children/*.yaml")]:
        # `end` meets the deaths of clean-ups: more than a step does.
        text = re.sub(r"^( +)delay: 10$", r"\1delay: 0", open(name).read(), flags=re.M)
        text = re.sub(r"^( +)count: \d+$", r"\1count: 30", text, flags=re.M)
        server.create("workflows", text)
    workflow = re.search(r"^(\S+-protect):$", open(path).read(), re.M).group(1)
    run = options["--run-id"]
    # Every case calls its runs the same, and an execution that is there would be taken for its own.
    server.call("DELETE", f"/executions/{run}?force=true")
    places = yaml.safe_load(open(os.environ["ENVIRONMENT"]))["variables"]
    places["holdfast_options"] += " --provider-config-dir=" + os.environ["HOLDFAST_PROVIDER_CONFIG_DIR"]
    status, answer = server.call("POST", "/executions", {
        "id": run, "workflow_name": workflow, "params": json.dumps({"env": places}), "input": json.dumps({"record": options.get("--record", "")})})
    if status != 201:
        sys.exit(f"start of {workflow}: {status}: {answer}")
    answer = server.wait(run)
    print(answer["state"], answer["state_info"])
    if answer["state"] != "SUCCESS":
        sys.exit(RUN_FAILED)


if __name__ == "__main__":
    main()
