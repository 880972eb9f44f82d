#!/usr/bin/env bash
# The reader of stdout goes away (`holdfast ... | head -1`): a listing ends quietly, a run goes on to its
# end and its exit code stays the verdict. A disk that is full is said.
#   closed_reader.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
# Runs a command with a stdout (and with BOTH=1 a stderr) whose reader is gone before it starts.
unread() {
  python3 - "${BOTH:-}" "$@" <<'END_OF_PYTHON'
import os, signal, subprocess, sys
reader, writer = os.pipe()
os.close(reader)
# Python ignores SIGPIPE; the command is to meet it as from a shell.
run = subprocess.run(sys.argv[2:], stdout=writer, stderr=writer if sys.argv[1] else None,
                     preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_DFL))
sys.exit(run.returncode if run.returncode >= 0 else 128 - run.returncode)
END_OF_PYTHON
}
disks a
cat >n.yaml <<END
name: n
provider: p
resources: ['X::Disk#a']
END
holdfast -q compile protect n.yaml
for both in '' 1; do
  code=0
  BOTH=$both unread holdfast --json run n-protect.yaml || code=$?
  [ "$code" = 0 ] || fail "a run that nobody reads ended with $code"
done
[ "$(holdfast checkpoints list | grep -c ' available ')" = 2 ] || fail "$(holdfast checkpoints list)"

# The verdict stays the verdict.
cp n.graph.yaml bad.graph.yaml
{ cat n.yaml; echo "parameters: {'X::Disk': {parallel_fail: true}}"; } >bad.yaml
holdfast -q compile protect bad.yaml -o bad-protect.yaml
code=0
BOTH=1 unread holdfast run bad-protect.yaml || code=$?
[ "$code" = 5 ] || fail "a failed run that nobody reads ended with $code"

for command in 'checkpoints list' 'plugins list' 'reference plugins' 'completion bash' 'graph n.yaml' '--json providers list' '--help'; do
  code=0
  # shellcheck disable=SC2086 # words
  unread holdfast $command 2>words || code=$?
  [ "$code" = 0 ] || fail "'$command' that nobody reads ended with $code"
  [ ! -s words ] || fail "'$command' that nobody reads says: $(cat words)"
done

# /dev/full is a disk without space: data that is lost is a failure, but never another verdict.
code=0
holdfast checkpoints list >/dev/full 2>words || code=$?
[ "$code" = 13 ] || fail "a listing onto a full disk ended with $code"
grep -q 'writing to stdout: No space left' words || fail "$(cat words)"
holdfast run n-protect.yaml >/dev/full 2>words || fail "a run onto a full disk ended with $?"
grep -q 'writing to stdout: No space left' words || fail "$(cat words)"
