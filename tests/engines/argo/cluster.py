#!/usr/bin/env python3
"""A cluster of the tests' own: the parts of the Kubernetes API and of the Argo server's that the client uses, with a controller
that makes no pods. For what a real API server does not do on demand: tokens, roles, logs, faults.

  cluster.py --dir DIR [--token TOKEN] [--no-argo] [--step-seconds S] [--run-steps FILE|FOLDER]

With --run-steps each step is run, as 'holdfast step run FILE' does it, and its log is that of its pod; without, it is only said.
In a FOLDER the file is called as the workflow is: PLAN-OPERATION.yaml.
A task of the template 'child' starts a Workflow as that template says, and ends as it does.

It writes DIR/port when it listens, DIR/requests (one line each), and reads DIR/behave.json, if there is one, at each request:
  fail    names of steps that fail
  hold    names of steps that stay Running until the name is taken out or the run is stopped
  said    names of steps that are not run in spite of --run-steps
  early   so many seconds after a stopped Workflow is called failed its exit handler begins; its node stays Pending
  damage  names of workflows whose nodes are answered compressed, and damaged
  deny    true: 403 for everything
  next    faults for the next requests, in order, each taken out once done: "429", "500", "reset", "reset-after" (carried out, and
          no answer), "410" (the next watch), "invalid" (422 with fields)
Logs of pods are the files DIR/logs/POD.
"""
import argparse
import datetime
import http.server
import json
import os
import socket
import struct
import subprocess
import threading
import time
import zlib
import urllib.parse
import uuid

KINDS = {"workflows": "Workflow", "workflowtemplates": "WorkflowTemplate", "cronworkflows": "CronWorkflow",
         "workflow-templates": "WorkflowTemplate", "cron-workflows": "CronWorkflow"}


def has_labels(obj, selector):
    own = obj["metadata"].get("labels", {})
    return all(own.get(part.partition("=")[0]) == part.partition("=")[2] for part in selector.split(",") if part)


def parameters_of(owner):
    return {p["name"]: p["value"] for p in owner.get("arguments", {}).get("parameters", []) if "value" in p}


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Cluster:
    """The objects and what happened to them."""

    def __init__(self, options):
        self.dir, self.token, self.argo, self.pause = options.dir, options.token, not options.no_argo, options.step_seconds
        self.run_steps = options.run_steps
        self.changed = threading.Condition()
        self.version = 100
        self.objects = {}  # (kind, name)
        self.events = []  # (version, type, object)
        self.oldest = 0

    def behave(self):
        try:
            with open(self.dir + "/behave.json") as file:
                return json.load(file)
        except (OSError, ValueError):
            return {}

    def next_fault(self, watch):
        behave = self.behave()
        faults = behave.get("next", [])
        if not faults or (faults[0] == "410" and not watch):
            return None
        behave["next"] = faults[1:]
        with open(self.dir + "/behave.json.new", "w") as file:
            json.dump(behave, file)
        os.rename(self.dir + "/behave.json.new", self.dir + "/behave.json")
        return faults[0]

    def put(self, obj, event):
        with self.changed:
            self.version += 1
            obj = json.loads(json.dumps(obj))
            obj["metadata"]["resourceVersion"] = str(self.version)
            key = (obj["kind"], obj["metadata"]["name"])
            if event == "DELETED":
                self.objects.pop(key, None)
            else:
                self.objects[key] = obj
            self.events.append((self.version, event, obj))
            self.changed.notify_all()
            return obj

    def create(self, kind, namespace, obj):
        obj["metadata"].update(namespace=namespace, uid=str(uuid.uuid4()), creationTimestamp=now())
        obj = self.put(obj, "ADDED")
        if kind == "Workflow":
            threading.Thread(target=self.control, args=(obj["metadata"]["name"],), daemon=True).start()
        return obj

    # --- the controller: steps in the order of the file, one after another
    def tasks(self, spec):
        templates = {t["name"]: t for t in spec.get("templates", [])}

        def below(name, path):
            for task in templates[name].get("dag", {}).get("tasks", []):
                inner = task.get("template")
                if inner in templates and "dag" in templates[inner]:
                    yield from below(inner, path + task["name"] + ".")
                elif task.get("when") != "false":
                    if task.get("templateRef", {}).get("template") == "child":
                        children[path + task["name"]] = parameters_of(task)
                    yield path + task["name"]
        children = {}
        main = list(below(spec["entrypoint"], ""))
        last = spec.get("onExit")
        return main, list(below(last, "onExit.")) or ["onExit"] if last else [], children

    def run_child(self, obj, arguments):
        """Makes the Workflow of a part and waits for its end, or for that of its parent; whether it succeeded."""
        own = {**parameters_of(obj.get("status", {}).get("storedWorkflowTemplateSpec", {})), **parameters_of(obj["spec"])}
        run = arguments.get("run", "").replace("{{workflow.parameters.run}}", own.get("run", "")) or obj["metadata"]["uid"]
        name = run + "-" + arguments["part"]
        if ("Workflow", name) not in self.objects:
            handed = {"run": run, **{key: own[key] for key in ("bundle", "provider", "record", "fail-fast", "partial", "retries", "step-deadline")}}
            self.create("Workflow", obj["metadata"]["namespace"], {
                "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": name, "labels": {"holdfast/run": run}},
                "spec": {"workflowTemplateRef": {"name": arguments["template"]},
                         "arguments": {"parameters": [{"name": key, "value": value} for key, value in handed.items()]}}})
        while not self.objects[("Workflow", obj["metadata"]["name"])]["spec"].get("shutdown"):
            status = self.objects[("Workflow", name)].get("status", {})
            if status.get("finishedAt"):
                return status["phase"] == "Succeeded"
            time.sleep(0.02)
        return False

    def run_step(self, obj, task, number):
        """Exit code of the real step; None without --run-steps. Stopped: it gets SIGTERM."""
        if not self.run_steps or task in self.behave().get("said", []):
            return None
        name, spec = obj["metadata"]["name"], obj["spec"]
        file = self.run_steps
        if os.path.isdir(file):
            file = os.path.join(file, name.rpartition("-")[0] + ".yaml")
        run = parameters_of(spec).get("run") or obj["metadata"]["uid"]
        command = ["holdfast", "step", "run", file, task, "--run-id", run]
        for parameter in spec.get("arguments", {}).get("parameters", []):
            if parameter["name"] == "record" and parameter["value"]:
                command += ["--record", parameter["value"]]
        with open(f"{self.dir}/logs/{name}-step-{number}", "wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
            while process.poll() is None:
                now_is = self.objects.get(("Workflow", name))
                if now_is["spec"].get("shutdown") and task != "end":
                    process.terminate()
                time.sleep(0.02)
            return process.returncode

    def control(self, name):
        def change(edit):
            with self.changed:
                obj = self.objects.get(("Workflow", name))
                if obj is None:
                    return None
                obj = json.loads(json.dumps(obj))
                edit(obj)
                return self.put(obj, "MODIFIED")

        def node(obj, path, phase, code=None, message=None):
            status = obj.setdefault("status", {"phase": "Running", "startedAt": now(), "finishedAt": None})
            number = str(zlib.crc32(path.encode()))
            full = f"{name}.{path}"
            done = phase in ("Succeeded", "Failed")
            base = {"displayName": path.split(".")[-1], "phase": phase, "startedAt": now(), "finishedAt": now() if done else None,
                    "templateRef": {"name": "holdfast-steps", "template": "child" if path in children else "step"}}
            if code is not None:
                base["outputs"] = {"exitCode": str(code)}
            if message:
                base["message"] = message
            nodes = status.setdefault("nodes", {})
            nodes[f"{name}-{number}"] = dict(base, id=f"{name}-{number}", name=full, type="Retry", children=[f"{name}-{number}1"])
            nodes[f"{name}-{number}1"] = dict(base, id=f"{name}-{number}1", name=full + "(0)", type="Pod", progress="1/1" if done else "0/1",
                                              nodeFlag={"retried": True})

        time.sleep(self.pause)
        obj = change(lambda o: None)
        spec = obj["spec"]
        if "workflowTemplateRef" in spec:
            stored = self.objects[("WorkflowTemplate", spec["workflowTemplateRef"]["name"])]["spec"]
            change(lambda o: o.setdefault("status", {"phase": "Running", "startedAt": now(), "finishedAt": None}).update(storedWorkflowTemplateSpec=stored))
            spec = stored
        main, last, children = self.tasks(spec)
        failed = None
        for path in main:
            task = path.split(".")[-1]
            obj = change(lambda o: node(o, path, "Running"))
            while obj and task in self.behave().get("hold", []) and not obj["spec"].get("shutdown"):
                time.sleep(0.02)
                obj = self.objects.get(("Workflow", name))
            time.sleep(self.pause)
            if path in children:
                code = None if self.run_child(obj, children[path]) else 1
            else:
                code = self.run_step(obj, task, str(zlib.crc32(path.encode())) + "1")
            obj = self.objects.get(("Workflow", name))
            if obj is None:
                return
            if obj["spec"].get("shutdown"):
                change(lambda o: (node(o, path, "Failed", None, "workflow shutdown with strategy:  " + o["spec"]["shutdown"]),
                                  [n.update(finishedAt=None) for n in o["status"]["nodes"].values() if n["name"] == f"{name}.{path}(0)"]))
                time.sleep(max(self.pause, 0.2))
                change(lambda o: node(o, path, "Failed", 143, "main: Error (exit code 143)"))
                failed = "stopped"
                break
            if code:
                change(lambda o: node(o, path, "Failed", code, f"main: Error (exit code {code})"))
                failed = "failed"
                continue
            if task in self.behave().get("fail", []):
                change(lambda o: node(o, path, "Failed", 4, "main: Error (exit code 4)"))
                failed = "failed"
                break
            change(lambda o: node(o, path, "Succeeded", 0))
        early = self.behave().get("early") if failed == "stopped" else None
        if not early and self.objects[("Workflow", name)]["spec"].get("shutdown") != "Terminate":
            for path in last:
                change(lambda o: node(o, path, "Running"))
                time.sleep(self.pause)
                self.run_step(obj, path.split(".")[-1], str(zlib.crc32(path.encode())) + "1")
                change(lambda o: node(o, path, "Succeeded", 0))

        def finish(o):
            o["status"].update(phase="Failed" if failed else "Succeeded", finishedAt=now())
            o["metadata"].setdefault("labels", {})["workflows.argoproj.io/completed"] = "true"
            if o["spec"].get("shutdown"):
                o["status"]["message"] = f"Stopped with strategy '{o['spec']['shutdown']}'"
        if early:
            change(lambda o: [node(o, path, "Pending") for path in last])
        change(finish)
        if early:
            time.sleep(early)
            for path in last:
                self.run_step(obj, path.split(".")[-1], str(zlib.crc32(path.encode())) + "1")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def damaged(self, obj):
        if obj.get("kind") != "Workflow" or obj["metadata"].get("name") not in self.server.cluster.behave().get("damage", []):
            return obj
        status = {k: v for k, v in obj.get("status", {}).items() if k != "nodes"}
        return {**obj, "status": {**status, "compressedNodes": "H4sIAAAAAAAA/2RhbWFnZWQ="}}

    def answer(self, code, value, headers=()):
        if isinstance(value, dict) and "items" in value:
            value = {**value, "items": [self.damaged(o) for o in value["items"]]}
        elif isinstance(value, dict):
            value = self.damaged(value)
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(code)
        for name, text in headers:
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, code, reason, message, details=None, headers=()):
        self.answer(code, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason,
                           "message": message, "details": details or {}}, headers)

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def serve(self):
        cluster = self.server.cluster
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        url = urllib.parse.urlparse(self.path)
        query = {k: v[0] for k, v in urllib.parse.parse_qs(url.query).items()}
        with cluster.changed, open(cluster.dir + "/requests", "a") as log:
            log.write(f"{self.command} {self.path}\n")
        if cluster.token and self.headers.get("Authorization") != "Bearer " + cluster.token:
            return self.refuse(401, "Unauthorized", "Unauthorized: who sends " + str(self.headers.get("Authorization")))
        if cluster.behave().get("deny"):
            return self.refuse(403, "Forbidden", 'workflows.argoproj.io is forbidden: User "me" cannot do that here')
        watch = query.get("watch") == "true" or "/workflow-events/" in url.path
        fault = cluster.next_fault(watch)
        if fault == "429":
            return self.refuse(429, "TooManyRequests", "slow down", headers=[("Retry-After", "1")])
        if fault == "500":
            return self.refuse(500, "InternalError", "injected")
        if fault == "reset":
            return self.reset()
        if fault == "410":
            return self.refuse(410, "Expired", "too old resource version")
        if fault == "invalid":
            return self.refuse(422, "Invalid", "Workflow is invalid", {"causes": [
                {"field": "spec.templates[0].dag.tasks", "message": "Too many: 201: must have at most 200 items", "reason": "FieldValueTooMany"},
                {"field": "spec.entrypoint", "message": "Required value", "reason": "FieldValueRequired"}]})
        value = json.loads(body) if body else None
        parts = url.path.strip("/").split("/")
        if fault == "reset-after":
            self.wfile = open(os.devnull, "wb")
        if parts[0] == "apis" and cluster.argo:
            self.kubernetes(parts[4], parts[5:], query, value)
        elif parts[0] == "api" and parts[2] == "namespaces" and parts[4] == "pods":
            self.log(parts[5])
        elif parts[0] == "api" and parts[2] in ("workflows", "workflow-events", *KINDS):
            self.argo_server(parts[2], parts[3], parts[4:], query, value)
        else:
            self.answer(404, b"404 page not found\n")
        if fault == "reset-after":
            self.reset()

    def kubernetes(self, namespace, rest, query, value):
        cluster, kind = self.server.cluster, KINDS[rest[0]]
        if len(rest) > 1:
            found = cluster.objects.get((kind, rest[1]))
            if found is None:
                return self.refuse(404, "NotFound", f'{rest[0]}.argoproj.io "{rest[1]}" not found', {"name": rest[1], "kind": rest[0]})
            if self.command == "PATCH":
                found = json.loads(json.dumps(found))
                found["spec"].update(value["spec"])
                found = cluster.put(found, "MODIFIED")
            return self.answer(200, found)
        if self.command == "POST":
            name = value["metadata"]["name"]
            if (kind, name) in cluster.objects:
                return self.refuse(409, "AlreadyExists", f'{rest[0]}.argoproj.io "{name}" already exists', {"name": name})
            if "dryRun" in query:
                value["metadata"]["uid"] = str(uuid.uuid4())
                return self.answer(201, value)
            return self.answer(201, cluster.create(kind, namespace, value))
        wanted = query.get("fieldSelector", "").removeprefix("metadata.name=")
        if query.get("watch") == "true":
            return self.watch(kind, wanted, int(query["resourceVersion"]), float(query.get("timeoutSeconds", 60)), False)
        with cluster.changed:
            items = [o for (k, n), o in cluster.objects.items()
                     if k == kind and wanted in ("", n) and has_labels(o, query.get("labelSelector", ""))]
            return self.answer(200, {"kind": kind + "List", "metadata": {"resourceVersion": str(cluster.version)}, "items": items})

    def argo_server(self, what, namespace, rest, query, value):
        cluster = self.server.cluster
        if what == "workflow-events":
            wanted = query["listOptions.fieldSelector"].removeprefix("metadata.name=")
            return self.watch("Workflow", wanted, 0, 2, True)
        kind = KINDS[what]
        if self.command == "POST":
            obj = value[{"Workflow": "workflow", "WorkflowTemplate": "template", "CronWorkflow": "cronWorkflow"}[kind]]
            if (kind, obj["metadata"]["name"]) in cluster.objects:
                return self.answer(409, {"code": 6, "message": "already exists"})
            if value.get("serverDryRun"):
                return self.answer(200, obj)
            return self.answer(200, cluster.create(kind, namespace, obj))
        if not rest:
            labels = query.get("listOptions.labelSelector", "")
            items = [o for (k, _), o in cluster.objects.items() if k == kind and has_labels(o, labels)]
            return self.answer(200, {"metadata": {}, "items": items})
        found = cluster.objects.get((kind, rest[0]))
        if found is None:
            return self.answer(404, {"code": 5, "message": f'{what}.argoproj.io "{rest[0]}" not found'})
        if self.command == "PUT":
            found = json.loads(json.dumps(found))
            found["spec"]["shutdown"] = {"stop": "Stop", "terminate": "Terminate"}[rest[1]]
            return self.answer(200, cluster.put(found, "MODIFIED"))
        if rest[1:] == ["log"]:
            with open(f"{cluster.dir}/logs/{query['podName']}") as file:
                lines = [json.dumps({"result": {"content": line, "podName": query["podName"]}}) for line in file.read().splitlines()]
            return self.answer(200, ("\n".join(lines) + "\n").encode())
        return self.answer(200, found)

    def log(self, pod):
        try:
            with open(f"{self.server.cluster.dir}/logs/{pod}", "rb") as file:
                return self.answer(200, file.read())
        except OSError:
            return self.refuse(404, "NotFound", f'pods "{pod}" not found', {"name": pod})

    def watch(self, kind, wanted, version, seconds, from_server):
        cluster = self.server.cluster
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

        def send(event):
            event = {**event, "object": self.damaged(event["object"])}
            line = json.dumps({"result": event} if from_server else event).encode() + b"\n"
            self.wfile.write(b"%x\r\n" % len(line) + line + b"\r\n")
            self.wfile.flush()
        end = time.monotonic() + seconds
        if from_server:
            with cluster.changed:
                version = cluster.version
                first = cluster.objects.get((kind, wanted))
            if first:
                send({"type": "ADDED", "object": first})
        while time.monotonic() < end:
            with cluster.changed:
                cluster.changed.wait_for(lambda: cluster.version > version, max(0, end - time.monotonic()))
                new = [(v, t, o) for v, t, o in cluster.events if v > version]
            for v, event, obj in new:
                version = v
                if obj["kind"] == kind and wanted in ("", obj["metadata"]["name"]):
                    send({"type": event, "object": obj})
        if not from_server:
            send({"type": "BOOKMARK", "object": {"kind": kind, "metadata": {"resourceVersion": str(version)}}})
        self.wfile.write(b"0\r\n\r\n")

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = serve


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--dir", required=True)
    parser.add_argument("--token")
    parser.add_argument("--no-argo", action="store_true")
    parser.add_argument("--run-steps")
    parser.add_argument("--step-seconds", type=float, default=0.01)
    options = parser.parse_args()
    server = Server(("127.0.0.1", 0), Handler)
    server.cluster = Cluster(options)
    with open(options.dir + "/port.new", "w") as file:
        file.write(str(server.server_address[1]))
    os.rename(options.dir + "/port.new", options.dir + "/port")
    server.serve_forever()


main()
