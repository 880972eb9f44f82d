#!/usr/bin/env python3
"""Plays recorded Workflow objects into a real Kubernetes API: creates the first, then patches state after state.

  play.py KUBE_API_DIR FOLDER NAME [--pause SECONDS] [--only-create]
"""
import argparse
import glob
import http.client
import json
import ssl
import sys
import time
import urllib.parse


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dir")
    parser.add_argument("folder")
    parser.add_argument("name")
    parser.add_argument("--pause", type=float, default=0.05)
    parser.add_argument("--only-create", action="store_true")
    parser.add_argument("--only-patch", action="store_true")
    options = parser.parse_args()
    url = urllib.parse.urlparse(open(options.dir + "/url").read().strip())
    context = ssl.create_default_context(cafile=options.dir + "/ca.crt")
    context.load_cert_chain(options.dir + "/admin.crt", options.dir + "/admin.key")
    base = "/apis/argoproj.io/v1alpha1/namespaces/argo/workflows"

    def call(method, path, value, kind):
        connection = http.client.HTTPSConnection(url.hostname, url.port, context=context, timeout=30)
        connection.request(method, path, json.dumps(value), {"Content-Type": kind})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if answer.status >= 300:
            sys.exit(f"play: {method} {path}: {answer.status} {body[:2000].decode()}")

    states = [json.load(open(p)) for p in sorted(glob.glob(options.folder + "/[0-9][0-9].json"))]
    first = states[0]
    old = first["metadata"]["name"]
    renamed = [json.loads(json.dumps(s).replace(f'"{old}', f'"{options.name}')) for s in states]
    if not options.only_patch:
        first = renamed[0]
        new = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "spec": first["spec"],
               "metadata": {"name": options.name, "labels": first["metadata"].get("labels") or {}}}
        call("POST", base, new, "application/json")
    if options.only_create:
        return
    for state in renamed:
        labels = state["metadata"].get("labels") or {}
        patch = {"metadata": {"labels": labels}, "status": state.get("status") or {}}
        if state["spec"].get("shutdown"):
            patch["spec"] = {"shutdown": state["spec"]["shutdown"]}
        call("PATCH", f"{base}/{options.name}", patch, "application/merge-patch+json")
        time.sleep(options.pause)


main()
