#!/usr/bin/env python3
"""Has a real Kubernetes API check every file that the compiler emits: strictly, as a dry run.

  emitted.py KUBE_API_DIR GOLDEN_FOLDER RANDOM_GRAPHS SEED      in a folder with a provider folder, as the scene makes it
"""
import glob
import http.client
import json
import os
import ssl
import subprocess
import sys
import urllib.parse

import yaml

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)) + "/..")
import random_plan

directory, golden, count, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
url = urllib.parse.urlparse(open(directory + "/url").read().strip())
context = ssl.create_default_context(cafile=directory + "/ca.crt")
context.load_cert_chain(directory + "/admin.crt", directory + "/admin.key")
connection = http.client.HTTPSConnection(url.hostname, url.port, context=context, timeout=60)
plurals = {"Workflow": "workflows", "WorkflowTemplate": "workflowtemplates", "CronWorkflow": "cronworkflows"}
loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
checked = 0
refused = []


def check(path):
    global checked
    for document in yaml.load_all(open(path), loader):
        if not document or document.get("kind") not in plurals:
            continue
        connection.request("POST", f"/apis/argoproj.io/v1alpha1/namespaces/argo/{plurals[document['kind']]}?dryRun=All&fieldValidation=Strict",
                           json.dumps(document), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        body = answer.read()
        checked += 1
        if answer.status != 201:
            refused.append(f"{path}: {document['kind']}: {answer.status} {body[:500].decode()}")


for pattern in ("expected.argo.yaml", "expected.argo.schedule.yaml", "expected.argo.children/*.yaml"):
    for path in sorted(glob.glob(f"{golden}/*/{pattern}")):
        check(path)
# What a site starts from: the kinds that are Argo's.
for path in sorted(glob.glob(golden + "/../../templates/argo/*.yaml")):
    check(path)
goldens = checked

for number in range(count):
    label, rng = random_plan.write(number, seed)
    for old in glob.glob("out*"):
        subprocess.run(["rm", "-rf", old], check=True)
    command = ["holdfast", "-q", "compile", "protect", "n.yaml", "-o", "out.yaml", "--fuse", rng.choice(["none", "leaf"]), "--kind", rng.choice(["workflow", "template"]),
               "--max-tasks-per-template", str(rng.choice([20, 60, 200])), "--max-tasks-per-workflow", str(rng.choice([60, 200, 1500]))]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired:
        refused.append(f"{label}: {' '.join(command)}: does not end")
        continue
    if done.returncode != 0:
        refused.append(f"{label}: {' '.join(command)}: {done.stderr[:500]}")
        continue
    for path in sorted(glob.glob("out*.yaml") + glob.glob("out.children/*.yaml")):
        check(path)
    if len(refused) > 5:
        break

print(f"{goldens} documents of golden files and {checked - goldens} of {count} random graphs were checked")
if refused:
    sys.exit("\n".join(refused))
