#!/usr/bin/env bash
# `holdfast plugins check`: a plugin that crashes is a broken promise with the signal's name, the other
# checks and the other plugins go on, and nothing is left in the folder for temporary files.
#   plugins_check.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"

# A failpoint ends the process inside a plugin, as a crash does.
code=0
HOLDFAST_FAILPOINT=sqlite:staged holdfast plugins check local-sqlite >out 2>words || code=$?
[ "$code" = 3 ] || fail "a plugin that crashes ended with $code: $(cat out words)"
grep -q "^  FAILED  .*: the plugin's process was ended by SIGKILL" out || fail "$(cat out)"
checks=$(grep -cE '^  (ok  |FAILED)' out)
HOLDFAST_FAILPOINT='' holdfast plugins check local-sqlite >good 2>words || fail "$(cat good words)"
[ "$checks" = "$(grep -c '^  ok' good)" ] || fail "after a crash the other checks did not go on: $(cat out)"
code=0
HOLDFAST_FAILPOINT=sqlite:staged holdfast --json plugins check >json 2>words || code=$?
[ "$code" = 3 ] || fail "a plugin that crashes ended with $code"
grep -q '"error":"the plugin.s process was ended by SIGKILL".*"plugin":"local-sqlite"' json || fail "$(cat json)"
for plugin in local-application local-directory noop; do
  grep -q "\"ok\":true,\"plugin\":\"$plugin\"" json || fail "$plugin was not checked after the crash"
done
[ -z "$(ls tmp)" ] || fail "a crash left $(ls tmp)"

# A command that is killed itself leaves its folder; the next one takes it away, but not that of one
# that is at work, nor what only looks like it.
cat >slow.py <<'END'
#!/usr/bin/env python3
import json, sys, time
open("started", "w").close()
time.sleep(1000)
END
chmod +x slow.py
holdfast plugins check "exec:$dir/slow.py" >/dev/null 2>&1 &
pid=$!
for _ in $(seq 300); do [ -e started ] && break; sleep 0.1; done
[ "$(ls tmp | wc -l)" = 1 ] || fail "the folder of a check was expected, there is: $(ls tmp)"
mkdir tmp/holdfast-check-notes tmp/holdfast-check-1-2-3-4
holdfast plugins check noop >/dev/null 2>words || fail "$(cat words)"
[ "$(ls tmp | wc -l)" = 3 ] || fail "the folder of a check that is at work is gone: $(ls tmp)"
kill -KILL "$pid"
wait "$pid" || true # it was killed
holdfast plugins check noop >/dev/null 2>words || fail "$(cat words)"
[ "$(ls tmp | sort | tr '\n' ' ')" = 'holdfast-check-1-2-3-4 holdfast-check-notes ' ] || fail "stale or foreign folders: $(ls tmp)"

# A plugin that needs a server is tried on what a file says, whole life and all; without it this is said.
holdfast plugins check local-postgresql >out 2>words || fail "$(cat out words)"
grep -q 'need something to protect and were left out: describe it in a file for --sample' words || fail "$(cat words)"
! grep -q ALifeFromProtectToDeleteSucceeds out || fail "a life without anything to protect: $(cat out)"
chmod 755 "$dir" # the server may run as another user
trap '"$here/../setup/pg_server.sh" stop "$dir/pg"; leave' EXIT
"$here/../setup/pg_server.sh" start "$dir/pg" $$
cat >sample.yaml <<END
settings: {host: $dir/pg, user: postgres, staging: "{folder}/staging"}
files: {"staging/": ""}
resource: {type: "Local::PostgreSQL::Database", id: sample, extra: {database: postgres}}
parameters: {restore: {database: restored, overwrite: true}}
END
holdfast plugins check local-postgresql --sample sample.yaml >out 2>words || fail "$(cat out words)"
grep -q '^  ok      ALifeFromProtectToDeleteSucceeds' out || fail "$(cat out words)"
code=0
holdfast plugins check --sample sample.yaml >out 2>words || code=$?
[ "$code" = 2 ] || fail "--sample without a plugin ended with $code: $(cat words)"
code=0
holdfast plugins check local-sqlite --sample sample.yaml >out 2>words || code=$?
[ "$code" = 3 ] || fail "a sample of another plugin ended with $code: $(cat out words)"

# What cannot be tried says why, with the exit code of that; a hidden command is not shown.
code=0
holdfast plugins check no-such-plugin >out 2>words || code=$?
[ "$code" != 0 ] && [ "$code" != 1 ] || fail "an unknown plugin ended with $code: $(cat words)"
grep -q 'no-such-plugin' words || fail "$(cat words)"
! holdfast plugins --help | grep -q check-here || fail "the hidden command is shown"
! holdfast completion bash | grep -q check-here || fail "the hidden command is completed"
