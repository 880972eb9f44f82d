#!/usr/bin/env python3
"""Records what the real Mistral answers about an execution, for tests without it: the requests that RunReader makes.

  record.py URL EXECUTION >FILE
"""
import json
import sys
import urllib.request

url, execution = sys.argv[1:]
answers = {}


def get(target):
    with urllib.request.urlopen(urllib.request.Request(url + target, headers={"Accept": "application/json"}), timeout=60) as answer:
        answers[target] = json.loads(answer.read())
    return answers[target]


get("/executions/" + execution)
below = get(f"/executions?root_execution_id={execution}&fields=id,state,state_info,task_execution_id")["executions"]
for each in [execution] + [e["id"] for e in below if e["id"] != execution]:
    tasks = get(f"/tasks?workflow_execution_id={each}&fields=id,name,type,state,state_info,created_at,started_at,finished_at,runtime_context")["tasks"]
    for task in tasks:
        if task["type"] == "ACTION":
            get(f"/action_executions?task_execution_id={task['id']}&include_output=true&fields=id,state,output,created_at,updated_at")
json.dump(answers, sys.stdout, indent=0, sort_keys=True)
