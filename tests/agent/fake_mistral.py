#!/usr/bin/env python3
"""Answers as Mistral 15 does to what the agent asks for: to a report once, to another one with 500. Every action is RUNNING,
and of one task, whose state is in the file `task`.
  fake_mistral.py FOLDER     writes its port to FOLDER/mistral.port, and what it is asked to FOLDER/asked
"""
import http.server
import json
import os
import sys

folder = sys.argv[1]
TASK = "00000000-0000-4000-8000-0000000000a1"
ended = {}


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def say(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def note(self):
        with open(os.path.join(folder, "asked"), "a", encoding="utf-8") as out:
            out.write(f"{self.command} {self.path}\n")

    def do_PUT(self):
        self.note()
        name = self.path.split("/")[-1]
        update = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if name in ended:
            self.say(500, {"faultstring": "it has ended"})
            return
        ended[name] = update["state"]
        self.say(200, {"id": name, "state": ended[name]})

    def do_GET(self):
        self.note()
        name = self.path.split("/")[-1]
        if "action_executions?" in self.path:
            self.say(200, {"action_executions": []})
        elif "/tasks/" in self.path:
            with open(os.path.join(folder, "task"), encoding="utf-8") as state:
                self.say(200, {"id": name, "state": state.read().strip(), "workflow_execution_id": None})
        else:
            self.say(200, {"id": name, "state": ended.get(name, "RUNNING"), "task_execution_id": TASK})


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(os.path.join(folder, "mistral.port.new"), "w", encoding="utf-8") as out:
    out.write(str(server.server_address[1]))
os.rename(os.path.join(folder, "mistral.port.new"), os.path.join(folder, "mistral.port"))
server.serve_forever()
