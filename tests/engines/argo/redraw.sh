#!/usr/bin/env bash
# On a terminal a watch keeps what is being worked on in lines that are drawn again, and takes them away at the end.
#   redraw.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
compiled
start_cluster --step-seconds 0.3
apply "$scene/../../../templates/argo/holdfast-steps.yaml"
name=$(holdfast -q submit file.yaml)
python3 /dev/fd/3 drawn holdfast watch "$name" </dev/null 3<<'END' || fail "the watch ended with $?: $(cat -v drawn)"
import os, pty, sys
out = open(sys.argv[1], "wb")
def read(fd):
    data = os.read(fd, 65536)
    out.write(data)
    return data
devnull = os.open(os.devnull, os.O_RDWR)
os.dup2(devnull, 1)
status = pty.spawn(sys.argv[2:], read)
sys.exit(os.waitstatus_to_exitcode(status))
END
python3 - <<'END' || fail "$(cat -v drawn)"
import re
text = open("drawn", encoding="utf-8").read()
assert len(set(re.findall(r"  (\d+) of \d+ steps", text, re.M))) >= 3, text
assert re.search(r"  running    X::Disk [ab]: ", text), text
assert "done       X::Disk a" in text, text
assert not re.search(r"(^|\x1b\[J)running ", text, re.M), text
# Erased when it is over.
assert " of 8 steps" not in text.rsplit("\x1b[J", 1)[1], text
END
