#!/usr/bin/env python3
"""A strict S3 in front of one that is not: what stores an object with `If-None-Match: *` (a PUT, or the end of a multipart upload) is
carried out where there is none, and for one alone of those that come at once. No server that Debian has can do that.

  conditional_put.py --port-file FILE --upstream URL --access KEY --secret KEY [--region REGION] [--log FILE]

As Amazon describes it (S3 user guide, "How to prevent object overwrites with conditional writes"): 412 PreconditionFailed where there
is an object, 409 ConditionalRequestConflict where another one is being stored under its name. Everything else goes on as it comes,
signed anew, as the signature covers the header that is left out; so it is this that holds a body to the SHA-256 that was signed with
it: 400 XAmzContentSHA256Mismatch. The log has a line for each condition: 200, 409 or 412.
"""
import argparse
import base64
import datetime
import hashlib
import hmac
import http.client
import http.server
import threading
import urllib.parse


class Signer:
    """Signature version 4 of requests to S3."""

    def __init__(self, access, secret, region):
        self.access, self.secret, self.region = access, secret, region

    def sign(self, method, target, headers, body):
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        headers["x-amz-date"] = now
        headers["x-amz-content-sha256"] = hashlib.sha256(body).hexdigest()
        path, _, query = target.partition("?")
        names = sorted(name for name in headers if name == "host" or name.startswith("x-amz-") or name == "content-md5")
        pairs = sorted(pair if "=" in pair else pair + "=" for pair in query.split("&") if pair)
        request = "\n".join([method, path, "&".join(pairs), *(f"{name}:{headers[name].strip()}" for name in names), "", ";".join(names),
                             headers["x-amz-content-sha256"]])
        scope = f"{now[:8]}/{self.region}/s3/aws4_request"
        key = ("AWS4" + self.secret).encode()
        for part in scope.split("/"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(request.encode()).hexdigest()])
        signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={self.access}/{scope},SignedHeaders={';'.join(names)},Signature={signature}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    in_work = set()
    lock = threading.Lock()

    def upstream(self, method, target, headers, body):
        address = urllib.parse.urlsplit(self.server.options.upstream)
        headers = {name: value for name, value in headers.items() if name not in ("authorization", "connection", "expect", "host")}
        headers["host"] = address.netloc
        headers["content-length"] = str(len(body))
        self.server.signer.sign(method, target, headers, body)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
        try:
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def answer(self, status, headers, body):
        self.send_response_only(status)
        size = len(body)
        for name, value in headers:
            if name.lower() == "content-length":
                size = int(value)  # of a HEAD: the object's
            elif name.lower() not in ("connection", "transfer-encoding"):
                self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(size))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, status, code):
        body = f"<?xml version='1.0' encoding='UTF-8'?>\n<Error><Code>{code}</Code><Message>This is refused</Message></Error>"
        self.answer(status, [("Content-Type", "application/xml")], body.encode())

    def note(self, status):
        with self.lock, open(self.server.options.log, "a") as log:
            log.write(f"{status}\n")

    def conditional(self, headers, body):
        path = self.path.partition("?")[0]
        with self.lock:
            mine = path not in self.in_work
            if mine:
                self.in_work.add(path)
        if not mine:
            self.note(409)
            return self.refuse(409, "ConditionalRequestConflict")
        try:
            there = self.upstream("HEAD", path, {}, b"")[0]
            if there == 200:
                self.note(412)
                return self.refuse(412, "PreconditionFailed")
            if there != 404:
                return self.refuse(503, "ServiceUnavailable")
            stored = self.upstream(self.command, self.path, headers, body)
        finally:
            with self.lock:
                self.in_work.discard(path)
        self.note(stored[0])
        return self.answer(*stored)

    def handle_one(self):
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        signed = headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
        if signed != "UNSIGNED-PAYLOAD" and signed != hashlib.sha256(body).hexdigest():
            return self.refuse(400, "XAmzContentSHA256Mismatch")
        md5 = headers.get("content-md5")
        if md5 and md5 != base64.b64encode(hashlib.md5(body).digest()).decode():
            return self.refuse(400, "BadDigest")
        condition = headers.pop("if-none-match", None)
        stores = self.command == "PUT" and "partNumber=" not in self.path or self.command == "POST" and "uploadId=" in self.path
        if condition is None:
            return self.answer(*self.upstream(self.command, self.path, headers, body))
        if condition != "*" or not stores:
            return self.refuse(501, "NotImplemented")
        return self.conditional(headers, body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_one

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_):
        pass  # a client that breaks off


def main():
    parser = argparse.ArgumentParser()
    for name in ("--port-file", "--upstream", "--access", "--secret"):
        parser.add_argument(name, required=True)
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--log", default="/dev/null")
    server = Server(("127.0.0.1", 0), Handler)
    server.options = parser.parse_args()
    server.signer = Signer(server.options.access, server.options.secret, server.options.region)
    with open(server.options.port_file, "w") as file:
        file.write(f"{server.server_address[1]}\n")
    server.serve_forever()


if __name__ == "__main__":
    main()
