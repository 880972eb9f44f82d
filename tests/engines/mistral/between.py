#!/usr/bin/env python3
"""Hands requests on to a server, and runs a command right before the first one that matches: what somebody else does in between.

  between.py URL PORT_FILE 'METHOD REGEX' COMMAND [ARGUMENT...]

It listens on a free port of 127.0.0.1, which it writes to PORT_FILE, and ends with SIGTERM. REGEX is of the whole target.
"""
import http.client
import http.server
import os
import re
import subprocess
import sys
import urllib.parse

url, port_file, wanted, command = urllib.parse.urlsplit(sys.argv[1]), sys.argv[2], sys.argv[3].split(" ", 1), sys.argv[4:]
done = False


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def hand_on(self):
        global done
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not done and self.command == wanted[0] and re.fullmatch(wanted[1], self.path):
            done = True
            subprocess.run(command, check=False)
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=300)
        connection.request(self.command, self.path, body or None, {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")})
        answer = connection.getresponse()
        data = answer.read()
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        connection.close()

    do_GET = do_POST = do_PUT = do_DELETE = hand_on

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(port_file + ".new", "w") as out:
    out.write(str(server.server_address[1]))
os.rename(port_file + ".new", port_file)
server.serve_forever()
