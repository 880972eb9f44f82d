#!/usr/bin/env python3
"""Clients that mean no good, to an agent at this port of this machine.
  bad_clients.py PORT TOKEN [CERTIFICATE]     over TLS with a certificate
"""
import socket
import ssl
import sys
import threading
import time

port, token = int(sys.argv[1]), sys.argv[2]
tls = ssl.create_default_context(cafile=sys.argv[3]) if len(sys.argv) > 3 else None
BLOCK = b"x" * 65536
GIB = 1 << 30
ID = "Mistral-Action-Execution-Id: 00000000-0000-4000-8000-000000000001"


def connect():
    plain = socket.create_connection(("127.0.0.1", port), timeout=20)
    return tls.wrap_socket(plain, server_hostname="127.0.0.1") if tls else plain


def head(with_token, length):
    lines = ["POST /v1/steps HTTP/1.1", "Host: h", ID, length]
    if with_token:
        lines.append("Authorization: Bearer " + token)
    return "\r\n".join(lines + ["", ""]).encode()


def answer_of(s):
    answer = b""
    try:
        while piece := s.recv(65536):
            answer += piece
    except OSError:
        pass  # the reset has overtaken the rest of it
    return answer


def refused(name, request, block):
    """Sends up to 1 GiB; returns the answer when the other side has closed."""
    s = connect()
    s.sendall(request)
    sent, began = 0, time.monotonic()
    try:
        while sent < GIB:
            s.sendall(block)
            sent += len(block)
    except OSError:
        pass
    answer = answer_of(s)
    s.close()
    took = time.monotonic() - began
    assert took < 10 and sent < 64 << 20, f"{name}: closed after {sent} bytes and {took} s"
    print(f"{name}: {answer[:12]!r}, closed after {sent >> 20} MiB in {took:.2f} s")
    return answer


def asked(request):
    """One that waits for its answer does get it."""
    s = connect()
    s.sendall(request)
    answer = answer_of(s)
    s.close()
    return answer


chunk = b"10000\r\n" + BLOCK + b"\r\n"
for with_token in (True, False):
    who = "with the token" if with_token else "without"
    for kind, length, block, status in (
        ("declared", f"Content-Length: {GIB}", BLOCK, b"413"),
        ("chunked", "Transfer-Encoding: chunked", chunk, b"413" if with_token else b"401"),
    ):
        answer = refused(f"{kind}, {who}", head(with_token, length), block)
        # A client that never looks may lose the answer to the reset; none gets another one.
        assert not answer or answer.startswith(b"HTTP/1.1 " + status), answer[:200]
        # One that sends no more than it takes to be refused reads why, in a form that Mistral notices.
        answer = asked(head(with_token, length) + (chunk * 17 if kind == "chunked" else b""))
        assert answer.startswith(b"HTTP/1.1 " + status), (kind, who, answer[:200])
        assert b'charset="holdfast-agent ' + status in answer, answer[:500]
# One chunk that says it is as large.
assert asked(head(True, "Transfer-Encoding: chunked") + b"40000000\r\n" + BLOCK).startswith(b"HTTP/1.1 413 ")

# Bodies that would be large when they are read, at once: of the limit, of which few are read, and of what all may send.
SHORT, LONG = 64 << 10, 1 << 20


def shapes(size):
    return [b"[" + b"1," * (size // 2 - 2) + b"1]", b"[" * size, b'{"a":' * (size // 5), b'{"' + b'","' * (size // 3 - 2) + b'"}']


def at_once(bodies):
    answers = []
    threads = [threading.Thread(target=lambda b=b: answers.append(asked(b))) for b in bodies]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(answers) == len(bodies)
    return [answer[9:13] for answer in answers]


def declared(body):
    return head(True, f"Content-Length: {len(body)}") + body


def chunked(body):
    return head(True, "Transfer-Encoding: chunked") + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


assert at_once([declared(shapes(SHORT)[i % 4]) for i in range(60)]) == [b"400 "] * 60
codes = at_once([form(shapes(LONG)[i % 4]) for i in range(30) for form in (declared, chunked)])
assert set(codes) <= {b"400 ", b"503 "} and codes.count(b"400 ") >= 2, codes
print(f"{codes.count(b'400 ')} of 60 long bodies were read")
for form in (declared, chunked):
    for shape in shapes(LONG):
        assert at_once([form(shape)]) == [b"400 "]

# All connections that there are, each with a body that does not end: the long ones are refused, but for a few.
for size in SHORT, LONG:
    held = []
    for _ in range(64):
        s = connect()
        try:
            s.sendall(head(True, f"Content-Length: {size}") + b"x" * (size - 1))
        except OSError:
            pass
        held.append(s)
    time.sleep(0.5)
    for s in held:
        s.close()

# More connections than are served, which send nothing: each request is answered, the oldest silent ones are closed.
idle = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(100)]
began = time.monotonic()
for _ in range(40):
    request = f"GET /v1/steps HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    answer = asked(request)
    assert answer.startswith(b"HTTP/1.1 200 "), answer[:200]
assert time.monotonic() - began < 4, "they have waited for the silent ones"
closed = 0
for s in idle:
    s.setblocking(False)
    try:
        closed += s.recv(1) == b""
    except BlockingIOError:
        pass
    except OSError:
        closed += 1
    s.close()
assert closed >= 36, f"{closed} of 100 are closed: 64 are too many"
