#!/usr/bin/env python3
"""Ports of loopback that nobody listens on: free_ports.py COUNT. Below those that the system gives to connections: one of these could
be taken before the server that it is for has it, or while that server is away."""
import random
import socket
import sys

held = []
while len(held) < int(sys.argv[1]):
    s = socket.socket()
    try:
        s.bind(("127.0.0.1", random.randrange(10000, 32000)))
    except OSError:
        s.close()
        continue
    held.append(s)
print(*(s.getsockname()[1] for s in held))
