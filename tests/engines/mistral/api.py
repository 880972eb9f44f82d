#!/usr/bin/env python3
"""Speaks with Mistral as its own client would, for tests that must not depend on ours.

  api.py URL validate FILE...                 workflow definitions; says which ones are refused
  api.py URL create actions|workflows FILE... creates them, or changes those that are there
  api.py URL environment FILE                 the same with an environment
  api.py URL run WORKFLOW [NAME=VALUE...]     starts it with environment holdfast and waits (at most 10 minutes); prints
                                              its id and state; exits 0 for SUCCESS
  api.py URL tasks EXECUTION                  the tasks of an execution and of all below it: name, state, result

HOLDFAST_TEST_TOKEN: a token of Keystone, for a Mistral that asks for one.
"""
import json
import os
import sys
import time
import urllib.error
import urllib.request

import yaml


class Api:
    def __init__(self, url):
        self.url = url

    def call(self, method, path, body=None, plain=False):
        data = None if body is None else (body if plain else json.dumps(body)).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "text/plain" if plain else "application/json"}, method=method)
        if os.environ.get("HOLDFAST_TEST_TOKEN"):
            request.add_header("X-Auth-Token", os.environ["HOLDFAST_TEST_TOKEN"])
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            try:
                return error.code, json.loads(text).get("faultstring", text)
            except ValueError:
                return error.code, text

    def validate(self, text):
        """None, or what is wrong."""
        status, answer = self.call("POST", "/workflows/validate", text, plain=True)
        if status != 200:
            return f"{status}: {answer}"
        return None if answer["valid"] else answer.get("error", "refused")

    def create(self, kind, text):
        status, answer = self.call("POST", "/" + kind, text, plain=True)
        if status == 409:
            status, answer = self.call("PUT", "/" + kind, text, plain=True)
        if status not in (200, 201):
            sys.exit(f"{kind}: {status}: {answer}")

    def environment(self, value):
        body = {"name": value["name"], "description": value.get("description", ""), "variables": json.dumps(value["variables"]), "scope": "private"}
        status, answer = self.call("POST", "/environments", body)
        if status == 409:
            status, answer = self.call("PUT", "/environments", body)
        if status not in (200, 201):
            sys.exit(f"environment: {status}: {answer}")

    def start(self, workflow, given):
        status, answer = self.call("POST", "/executions", {"workflow_name": workflow, "input": json.dumps(given), "params": json.dumps({"env": "holdfast"})})
        if status != 201:
            sys.exit(f"start of {workflow}: {status}: {answer}")
        return answer["id"]

    def wait(self, execution, seconds=600):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            _, answer = self.call("GET", "/executions/" + execution)
            if answer["state"] not in ("RUNNING", "IDLE", "DELAYED"):
                return answer
            time.sleep(0.2)
        sys.exit(f"{execution} has not ended in {seconds} s")

    def tasks(self, execution):
        _, answer = self.call("GET", f"/tasks?workflow_execution_id={execution}&fields=id,name,state,type,state_info")
        for task in answer["tasks"]:
            yield task
            if task.get("type") == "WORKFLOW":
                _, below = self.call("GET", f"/executions?task_execution_id={task['id']}")
                for execution_below in below["executions"]:
                    yield from self.tasks(execution_below["id"])

    def result(self, task):
        _, answer = self.call("GET", "/tasks/" + task)
        return answer.get("result")


def main():
    api, command, arguments = Api(sys.argv[1]), sys.argv[2], sys.argv[3:]
    if command == "validate":
        refused = [f"{path}: {why}" for path in arguments if (why := api.validate(open(path).read()))]
        sys.exit("\n".join(refused) or 0)
    if command == "create":
        for path in arguments[1:]:
            api.create(arguments[0], open(path).read())
    elif command == "environment":
        api.environment(yaml.safe_load(open(arguments[0])))
    elif command == "run":
        execution = api.start(arguments[0], dict(a.split("=", 1) for a in arguments[1:]))
        answer = api.wait(execution)
        print(execution, answer["state"])
        if answer["state"] != "SUCCESS":
            print(answer["state_info"], file=sys.stderr)
            sys.exit(1)
    elif command == "tasks":
        for task in api.tasks(arguments[0]):
            print(task["name"], task["state"], json.dumps(api.result(task["id"])))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
