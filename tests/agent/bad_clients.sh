#!/usr/bin/env bash
# A body of 1 GiB, declared or chunked, with the token or without, is refused, and leaves the agent small; so are connections
# that send nothing. Not under a sanitizer, which needs memory of its own.
#   bad_clients.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
start
python3 - "$port" "$token" <<'END_OF_PYTHON' || fail "$(cat agent.log)"
import socket, sys, time
port, token = int(sys.argv[1]), sys.argv[2]
BLOCK = b"x" * 65536
GIB = 1 << 30
def refused(name, head, block, wanted):
    """Sends up to 1 GiB; returns when the other side has refused it."""
    s = socket.create_connection(("127.0.0.1", port), timeout=20)
    s.sendall(head)
    sent, began = 0, time.monotonic()
    try:
        while sent < GIB:
            s.sendall(block)
            sent += len(BLOCK)
    except OSError:
        pass
    answer = b""
    try:
        while piece := s.recv(65536):
            answer += piece
    except OSError:
        pass  # the reset has overtaken the answer
    s.close()
    assert not answer or answer.startswith(b"HTTP/1.1 %d " % wanted), (name, answer[:200])
    took = time.monotonic() - began
    assert took < 10 and sent < 64 << 20, f"{name}: closed after {sent} bytes and {took} s"
    print(f"{name}: {answer[:12]!r}, closed after {sent >> 20} MiB in {took:.2f} s")
def head(with_token, length):
    lines = ["POST /v1/steps HTTP/1.1", "Host: h", "Mistral-Action-Execution-Id: 00000000-0000-4000-8000-000000000001", length]
    if with_token:
        lines.append("Authorization: Bearer " + token)
    return "\r\n".join(lines + ["", ""]).encode()
chunk = b"10000\r\n" + BLOCK + b"\r\n"
for with_token in (True, False):
    who = "with the token" if with_token else "without"
    refused("declared, " + who, head(with_token, f"Content-Length: {GIB}"), BLOCK, 413)
    refused("chunked, " + who, head(with_token, "Transfer-Encoding: chunked"), chunk, 413 if with_token else 401)
# At once, before anything of the body is sent.
s = socket.create_connection(("127.0.0.1", port), timeout=20)
s.sendall(head(True, f"Content-Length: {GIB}"))
assert s.recv(4096).startswith(b"HTTP/1.1 413 ")
s.close()
# One chunk that says it is as large.
s = socket.create_connection(("127.0.0.1", port), timeout=20)
s.sendall(head(True, "Transfer-Encoding: chunked") + b"40000000\r\n" + BLOCK)
assert s.recv(4096).startswith(b"HTTP/1.1 413 ")
s.close()
# More connections than are served, which send nothing: the agent lives on, and serves again when they go.
idle = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(100)]
time.sleep(0.5)
for s in idle:
    s.close()
END_OF_PYTHON
for _ in $(seq 50); do [ "$(asked /v1/health)" = 200 ] && break; sleep 0.1; done
[ "$(asked /v1/health)" = 200 ] || fail "it does not live: $(cat agent.log)"
[ "$(asked /v1/steps -H "Authorization: Bearer $token")" = 200 ] || fail "$(cat answer)"
[ "$(cat answer)" = '{"steps":[]}' ] || fail "something was accepted: $(cat answer)"
most=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$agent/status")
echo "at most $((most / 1024)) MiB"
if ! grep -q 'CMAKE_CXX_FLAGS:.*-fsanitize' "$build/CMakeCache.txt"; then
  [ "$most" -lt $((32 * 1024)) ] || fail "it has held $((most / 1024)) MiB"
fi
