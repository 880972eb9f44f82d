#!/usr/bin/env bash
# A server that goes away while a run ends, for longer than anybody tries: the run fails and says which command goes on; neither that
# command nor the next run of the plan needs another one first, and what was stored is not sent again.
#   gone_at_the_end.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
"$here/store_at_fault.py" "$dir" &
engine=$!
disown
soon [ -s port ]
(umask 077 && echo secret >secret)
{
  printf '[provider]\nname = p\nid = 2e0c8826-81d6-44f5-bbe5-8f46a98c5845\nbank = swift\nplugin = local-application\nplugin = local-directory\n'
  printf '[swift]\nauth_url = http://127.0.0.1:%s/auth/v1.0\nuser = u\npassword_file = %s/secret\nretry_window = 5s\nsettle_time = 1s\nsegment_size = 1 MiB\n' "$(cat port)" "$dir"
  printf '[local]\ninventory = %s/inventory.yaml\n' "$dir"
} >providers.d/p.conf
application "touch $dir/frozen" "rm -f $dir/frozen"
head -c 5M /dev/urandom >data/large
holdfast -q plan discover app.yaml
holdfast -q compile protect app.yaml

# One whose bank goes away when its end asks for this; what it says is in the file out.
run_that_loses_its_bank() { # ID TEXT
  echo "$2" >goes-away
  code=$(code_of out holdfast run app-protect.yaml --run-id "$1" --parameter retries=0)
  [ -e gone ] || fail "the server did not go away: $(cat out)"
  [ "$code" = 5 ] || fail "without its bank it ended with $code: $(cat out)"
  grep -q "its bank does not answer" out || fail "it does not say what is the matter: $(cat out)"
  grep -qx "  holdfast run app-protect.yaml --parameter retries=0 --record $1" out || fail "it does not say how to go on: $(cat out)"
  rm gone
}
segments() { grep '/data/' stored | sort; }
is_available() { holdfast checkpoints show "$1" >shown 2>&1 && grep -q ": available" shown; }

# The command that it printed.
run_that_loses_its_bank told "GET /checkpoints/told/journal/end/"
segments >before
[ -s before ] || fail "nothing was stored"
command=$(grep -x '  holdfast run .*' out)
[ "$(code_of out bash -c "$command")" = 0 ] || fail "$command: $(cat out)"
is_available told || fail "$(cat shown)"
segments | cmp -s before - || fail "what was stored is sent again: $(segments | comm -13 before -)"

# Or just the next night: before the end has begun, and in the midst of it.
n=0
for request in "GET /checkpoints/ID/journal/end/" "PUT /checkpoints/ID/state/000002"; do
  n=$((n + 1))
  run_that_loses_its_bank lost-$n "${request/ID/lost-$n}"
  [ "$(code_of out holdfast run app-protect.yaml --run-id next-$n)" = 0 ] || fail "$request: the next run: $(cat out)"
  grep -q "run lost-$n had ended (Failed) and still held the checkpoint lost-$n: given back" out || fail "$request: it does not say so: $(cat out)"
  is_available next-$n || fail "$request: $(cat shown)"
  is_available lost-$n || fail "$request: the begin of the next one leaves it: $(cat shown)"
  [ ! -e frozen ] || fail "$request: the application is at rest"
done
[ "$(code_of out holdfast gc)" = 0 ] && grep -qx "nothing to do" out || fail "there is more to do: $(cat out)"
