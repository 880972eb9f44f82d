#!/usr/bin/env python3
"""A Swift of one account, in memory, with the faults that a real one does not show on demand.
  store_at_fault.py FOLDER [forgets]     FOLDER/port: where it listens; ends with its parent

FOLDER/stored has the names of what it took. forgets: it answers 201 to each PUT, and keeps nothing. Else, once it gets a request as FOLDER/goes-away says (a method, and a part of the path),
it answers nobody any more (it closes each connection) until FOLDER/gone, which it makes then, is removed."""
import ctypes
import email.utils
import hashlib
import json
import os
import re
import signal
import sys
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

folder = sys.argv[1]
forgets = sys.argv[2:] == ["forgets"]
container = None
objects = {}
lock = threading.Lock()


def path(name):
    return os.path.join(folder, name)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, code, body=b"", length=None, **headers):
        self.send_response(code)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def is_gone(self):
        try:
            with open(path("goes-away")) as file:
                method, name = file.read().split()
                if method == self.command and name in self.path:
                    os.rename(path("goes-away"), path("gone"))
        except FileNotFoundError:
            pass
        return os.path.exists(path("gone"))

    def any(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length or self.is_gone():
            self.close_connection = True
            return
        url = urllib.parse.urlsplit(self.path)
        if url.path.startswith("/auth"):
            here = "http://127.0.0.1:%d/v1/a" % self.server.server_port
            self.answer(200, X_Storage_Url=here, X_Auth_Token="t")
            return
        parts = urllib.parse.unquote(url.path).split("/", 4)[3:]
        with lock:
            if not parts:
                self.answer(204 if url.path == "/v1/a" else 404)
            elif len(parts) == 1:
                self.of_container(urllib.parse.parse_qs(url.query))
            else:
                self.of_object(parts[1], body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = any

    def of_container(self, query):
        global container
        if self.command == "PUT":
            container = True
        if container is None:
            self.answer(404)
        elif self.command != "GET":
            self.answer(204)
        else:
            prefix, marker = (query.get(key, [""])[0] for key in ("prefix", "marker"))
            names = sorted(name for name in objects if name.startswith(prefix))
            if "reverse" in query:
                names = [name for name in reversed(names) if not marker or name < marker]
            else:
                names = [name for name in names if name > marker]
            listed = [{"name": name, "bytes": len(objects[name][0]), "last_modified": "2026-01-01T00:00:00.000000"}
                      for name in names[:int(query.get("limit", ["10000"])[0])]]
            self.answer(200, json.dumps(listed).encode(), Content_Type="application/json")

    def of_object(self, name, body):
        if self.command == "PUT":
            if name in objects and self.headers.get("If-None-Match") == "*":
                self.answer(412)
                return
            with open(path("stored"), "a") as file:
                file.write(name + "\n")
            if not forgets:
                objects[name] = body, self.headers.get("X-Object-Meta-Holdfast-Writer", ""), email.utils.formatdate(usegmt=True)
            self.answer(201, ETag=hashlib.md5(body).hexdigest())
        elif name not in objects:
            self.answer(404)
        elif self.command == "DELETE":
            del objects[name]
            self.answer(204)
        else:
            bytes_, writer, written = objects[name]
            headers = {"ETag": hashlib.md5(bytes_).hexdigest(), "X_Object_Meta_Holdfast_Writer": writer, "Last_Modified": written}
            wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            if not wanted:
                self.answer(200, bytes_, **headers)
            elif int(wanted[1]) >= len(bytes_):
                self.answer(416)
            else:
                end = min(int(wanted[2] or len(bytes_)), len(bytes_) - 1)
                headers["Content_Range"] = "bytes %s-%d/%d" % (wanted[1], end, len(bytes_))
                self.answer(206, bytes_[int(wanted[1]):end + 1], **headers)


ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
with open(path("port.new"), "w") as file:
    file.write(str(server.server_port))
os.rename(path("port.new"), path("port"))
server.serve_forever()
