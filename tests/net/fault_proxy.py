#!/usr/bin/env python3
"""A proxy in front of an HTTP API that injects faults: plain HTTP on a free port of loopback, HTTPS behind it.

  fault_proxy.py --port-file FILE --upstream URL [--ca FILE --cert FILE --key FILE] [--seed N] [--rate R] [--most N]
                 [--kinds reset,stall,410,429,500] [--log FILE]

A share `rate` of the requests, by a seeded random, gets one of the kinds: a reset at a random byte of the answer, an answer that
stops for two seconds and then resets, 410 Gone (watches alone), 429 with Retry-After, 500. At most `most` of them, so that
a client that goes on comes through. What was done is written to the log, one line a request.
"""
import argparse
import http.client
import http.server
import json
import os
import random
import socket
import ssl
import struct
import threading
import time
import urllib.parse


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def choose(self, watch):
        with self.server.lock:
            if self.server.left == 0 or self.server.random.random() >= self.server.rate:
                return None
            kind = self.server.random.choice(self.server.kinds)
            if kind == "410" and not watch:
                return None
            self.server.left -= 1
            return kind

    def note(self, kind):
        with self.server.lock, open(self.server.log, "a") as log:
            log.write(f"{kind or 'passed'} {self.command} {self.path}\n")

    def status(self, code, reason, headers=()):
        body = json.dumps({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason,
                           "message": f"injected: {reason}"}).encode()
        self.send_response(code)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        watch = "watch=true" in self.path
        kind = self.choose(watch)
        self.note(kind)
        if kind == "429":
            return self.status(429, "TooManyRequests", [("Retry-After", "1")])
        if kind == "500":
            return self.status(500, "InternalError")
        if kind == "410":
            return self.status(410, "Expired")
        url = self.server.upstream
        if url.scheme == "https":
            upstream = http.client.HTTPSConnection(url.hostname, url.port, context=self.server.context, timeout=100)
        else:
            upstream = http.client.HTTPConnection(url.hostname, url.port, timeout=100)
        try:
            headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
            upstream.request(self.command, self.path, body or None, headers)
            answer = upstream.getresponse()
            left = None
            if kind in ("reset", "stall"):
                with self.server.lock:
                    left = self.server.random.randrange(1, 4000)
            self.forward(answer, left, kind)
        finally:
            upstream.close()

    def forward(self, answer, left, kind):
        head = f"HTTP/1.1 {answer.status} {answer.reason}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        pieces = [head.encode()]
        self.close_connection = False
        done = False
        while True:
            for piece in pieces:
                if left is not None and len(piece) >= left:
                    self.wfile.write(piece[:left])
                    self.wfile.flush()
                    if kind == "stall":
                        time.sleep(2)
                    self.close_connection = True
                    return reset(self.connection)
                if left is not None:
                    left -= len(piece)
                self.wfile.write(piece)
            self.wfile.flush()
            if done:
                return None
            data = answer.read1(65536)
            done = not data
            pieces = [b"0\r\n\r\n"] if done else [b"%x\r\n" % len(data) + data + b"\r\n"]

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except (OSError, ValueError):
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port-file", required=True)
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--ca")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=0.3)
    parser.add_argument("--most", type=int, default=20)
    parser.add_argument("--kinds", default="reset,stall,410,429,500")
    parser.add_argument("--log", default="/dev/null")
    options = parser.parse_args()
    server = Server(("127.0.0.1", 0), Handler)
    server.upstream = urllib.parse.urlparse(options.upstream)
    server.random = random.Random(options.seed)
    server.rate, server.left, server.log = options.rate, options.most, options.log
    server.kinds = options.kinds.split(",")
    server.lock = threading.Lock()
    server.context = ssl.create_default_context(cafile=options.ca) if options.ca else None
    if options.cert:
        server.context.load_cert_chain(options.cert, options.key)
    with open(options.port_file + ".new", "w") as file:
        file.write(str(server.server_address[1]))
    os.rename(options.port_file + ".new", options.port_file)
    server.serve_forever()


main()
