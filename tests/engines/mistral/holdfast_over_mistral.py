#!/usr/bin/env python3
"""Stands for the program `holdfast` in random_run_test (HOLDFAST_RANDOM_PROGRAM): compiles for Mistral, and runs over Mistral what it
would run itself. HOLDFAST names the real program, API the server, ENVIRONMENT the file of the site's environment. With
HOLDFAST_TEST_WIRE=agent its steps go through an agent, which each run has for itself: an agent has one folder of providers, and so
has a case. Retries are as many as the plan says, and come at once, as the test's templates for Argo have it."""
import contextlib
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import time

import yaml

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import api

FEWEST_TASKS = 22  # of a definition of Mistral
RUN_FAILED = 5
# `end` meets the deaths of all clean-ups: more than a step does (kEndRetries of random_case.h). The compiler writes it.
RETRIES = 30
AGENT_STARTS_WITHIN = 10  # seconds
AGENT_ENDS_WITHIN = 30


def real(*arguments):
    done = subprocess.run([os.environ["HOLDFAST"], *arguments])
    if done.returncode != 0:
        sys.exit(done.returncode)


def providers():
    return "--provider-config-dir=" + os.environ["HOLDFAST_PROVIDER_CONFIG_DIR"]


@contextlib.contextmanager
def agent(token):
    """Its URL. At the end it has nothing left, and ends as it was told to."""
    with tempfile.TemporaryDirectory() as folder:
        with open(folder + "/token", "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(token)
        command = [os.environ["HOLDFAST"] + "-agent", "--listen=127.0.0.1:0", f"--token-file={folder}/token", f"--state-dir={folder}/agent",
                   "--step-option=" + providers()]
        with open(folder + "/log", "w") as log:
            process = subprocess.Popen(command, stderr=log, stdin=subprocess.DEVNULL)
        try:
            yield "http://" + address(process, folder + "/log")
            # The last report is taken before the agent has heard so.
            end = time.monotonic() + AGENT_ENDS_WITHIN
            while os.listdir(folder + "/agent/jobs") and time.monotonic() < end:
                time.sleep(0.05)
            process.terminate()
            code = process.wait(AGENT_ENDS_WITHIN)
            left = os.listdir(folder + "/agent/jobs")
            if code != 0 or left:
                sys.exit(f"the agent ended with {code}, and has {left}: {open(folder + '/log').read()}")
        finally:
            process.kill()
            process.wait()


def address(process, log):
    end = time.monotonic() + AGENT_STARTS_WITHIN
    while time.monotonic() < end and process.poll() is None:
        for line in open(log):
            if '"listens"' in line and line.endswith("\n"):
                return json.loads(line)["address"]
        time.sleep(0.01)
    sys.exit("the agent does not start: " + open(log).read())


def main():
    words = sys.argv[1:]
    if words[0] == "compile":
        at = words.index("--max-tasks-per-template") + 1
        words[at] = str(max(int(words[at]), FEWEST_TASKS))
        plan = open(words[2]).read()
        with open(words[2], "w") as file:
            file.write(re.sub(r"\bretries: \d+", f"retries: {RETRIES}", plan))
        real(*words, "--engine", "mistral")
        return
    if words[0] != "run":
        real(*words)
        return
    path, options = words[1], dict(zip(words[2::2], words[3::2]))
    real("publish", path)
    server = api.Api(os.environ["API"])
    for name in [path, *glob.glob(path.removesuffix(".yaml") + ".children/*.yaml")]:
        # As it was emitted but for this wait, which nothing but the compiler's code sets: each death would take 10 s, one after the other.
        server.create("workflows", re.sub(r"^( +)delay: 10$", r"\1delay: 0", open(name).read(), flags=re.M))
    workflow = re.search(r"^(\S+-protect):$", open(path).read(), re.M).group(1)
    run = options["--run-id"]
    # Every case calls its runs the same, and an execution that is there would be taken for its own.
    server.call("DELETE", f"/executions/{run}?force=true")
    places = yaml.safe_load(open(os.environ["ENVIRONMENT"]))["variables"]
    with contextlib.ExitStack() as stack:
        if os.environ.get("HOLDFAST_TEST_WIRE") == "agent":
            places["holdfast_agent_url"] = stack.enter_context(agent(places["holdfast_agent_token"]))
        else:
            places["holdfast_options"] += " " + providers()
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
