#!/usr/bin/env bash
# On a terminal a step that says nothing for seconds is still seen to live: its line and the totals are drawn
# again about once a second. With -q, and where there is no terminal, nothing of it is written.
#   progress_redraw.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
noop="activities = parallel" disks slow
printf 'name: n\nprovider: p\nresources: [X::Disk#slow]\nparameters: {X::Disk: {parallel_sleep: 4s}}\n' >n.yaml
holdfast -q compile protect n.yaml
on_terminal() { # FILE COMMAND...: what it writes to a terminal
  python3 - "$@" <<'END'
import os, pty, sys
out = open(sys.argv[1], "wb")
def read(fd):
    data = os.read(fd, 65536)
    out.write(data)
    return data
sys.stdout = open(os.devnull, "w")
devnull = os.open(os.devnull, os.O_RDWR)
keep = os.dup(1)
os.dup2(devnull, 1)
status = pty.spawn(sys.argv[2:], read)
os.dup2(keep, 1)
sys.exit(os.waitstatus_to_exitcode(status))
END
}
on_terminal drawn holdfast run n-protect.yaml </dev/null || fail "the run ended with $?: $(cat drawn)"
python3 - <<'END' || fail "$(cat -v drawn)"
import re
text = open("drawn", encoding="utf-8").read()
# begin is over, the step is at its work, end is to come: 3 steps.
seen = set(re.findall(r"^  1 of 3 steps, ([^\r\n]*)", text, re.M))
assert len(seen) >= 3, seen
lines = set(re.findall(r"  slow-[^ ]* ([^\r\n]*)", text, re.M))
assert len(lines) >= 3, lines
# Erased when it is over.
assert "of 3 steps" not in text.rsplit("\x1b[J", 1)[1], text
END
on_terminal quiet holdfast -q run n-protect.yaml </dev/null || fail "the run ended with $?: $(cat quiet)"
! grep -q ' steps, ' quiet || fail "with -q: $(cat -v quiet)"
holdfast run n-protect.yaml >plain 2>&1
! grep -q ' steps, ' plain || fail "without a terminal: $(cat -v plain)"
