#!/usr/bin/env bash
# The agent as a service: what it refuses to start with; a step that it runs, with its report kept while Mistral is away;
# killed and started again; ended with steps at work; two on one folder.
#   start_and_end.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
patience=10
seen() { steps; cat agent.log; }

# What it does not start with.
refused() { # CODE TEXT OPTION...
  local code=0
  timeout 20 holdfast-agent "${@:3}" >said 2>&1 || code=$?
  [ $code = "$1" ] && grep -q -- "$2" said || fail "${*:3}: $code, $(cat said)"
}
refused 2 'token-file' --state-dir="$dir/state"
refused 2 'or say --insecure' --token-file=token --listen=0.0.0.0:0
cp token open; chmod 644 open
refused 13 'chmod 600' --token-file=open --state-dir="$dir/state"
refused 10 'step-program' --token-file=token --state-dir="$dir/state" --step-program=/nowhere
# The providers of its steps: one that cannot be loaded keeps it from none of the others.
refused 10 'names the folder of provider files' --token-file=token --state-dir="$dir/state" --step-option=--provider-config-dir=/nowhere
mkdir other.d
refused 10 "there is no provider in '$dir/other.d'" --token-file=token --state-dir="$dir/state" --step-option=--provider-config-dir="$dir/other.d"
sed 's/^plugin = .*/plugin = volume-snapshto/; s/^name = .*/name = q/; s/^id = ./id = 3/' providers.d/p.conf >other.d/q.conf
refused 3 "other.d/q.conf:5:10: no plugin called 'volume-snapshto'" --token-file=token --state-dir="$dir/state" --step-option=--provider-config-dir="$dir/other.d"
[ ! -e state ] || fail "what does not start has written $(find state)"
cp providers.d/p.conf other.d
start --step-option=--provider-config-dir="$dir/other.d"
grep -q '"message":"listens".*"providers":\["p"\]' agent.log && grep -q "a provider file is not served: .*other.d/q.conf" agent.log || fail "$(cat agent.log)"
# What asks whether it lives may be of HTTP/1.0, without a Host.
for method in GET HEAD OPTIONS; do
  exec 9<>"/dev/tcp/127.0.0.1/$port"
  printf '%s /v1/health HTTP/1.0\r\n\r\n' $method >&9
  timeout 20 cat <&9 >answer
  exec 9>&-
  head -1 answer | grep -q '^HTTP/1.1 200 ' || fail "$method: $(cat answer)"
done
ends_with 0
rm -r state
code=0; env -u OS_MISTRAL_URL timeout 20 holdfast-agent --token-file=token --state-dir="$dir/state" --listen=127.0.0.1:0 >said 2>&1 || code=$?
[ $code = 3 ] && grep -q 'nothing says where Mistral is' said || fail "$code: $(cat said)"
[ "$(holdfast-agent --version)" = "holdfast-agent $(holdfast --version | cut -d' ' -f2)" ] || fail "$(holdfast-agent --version)"
# The reference has every option of it.
page=$here/../../docs/reference/mistral-constructs.md
for option in $(holdfast-agent --help | grep -o '^ *\(-h,\)\?--[a-z-]*' | grep -o -- '--.*' | grep -v '^--help$\|^--version$'); do
  grep -q "^| .*\`$option[\` =]" "$page" || fail "$page does not have $option"
done

# More steps at once than there may be files for them.
(ulimit -n 200; refused 2 '--jobs=256 takes .* open files' --token-file=token --state-dir="$dir/state" --listen=127.0.0.1:0 --jobs=256)

step_program
start --step-program="$dir/step" --jobs=2
[ "$(post 1 quick)" = 202 ] && [ "$(cat answer)" = "{\"accepted\":\"${id}1\"}" ] || fail "$(cat answer)"
[ "$(post 1 quick)" = 202 ] || fail "$(cat answer)"
[ "$(post 1 other)" = 409 ] || fail "$(cat answer)"
reporting() { [ "$(steps | grep -o '"state":"reporting"' | wc -l)" = "$1" ]; }
soon reporting 1
[ "$(cat calls)" = "run --report --run=r --bundle=$hash --provider=p --step=quick --log-dir=$dir/log" ] || fail "$(cat calls)"
sleep 1.1
[ "$(asked /v1/health)" = 200 ] && grep -q '^{"status":"ok","unreported_seconds":[1-9]' answer || fail "$(cat answer)"
steps | grep -q '"state":"reporting","step":"quick","trouble":"Mistral does not answer"' || fail "$(steps)"
[ ! -s calls.environment ] || fail "a step sees $(cat calls.environment)"
[ "$(post 2 silent)" = 202 ] || fail "$(cat answer)"
soon reporting 2
grep -q 'has left no report: exit code 7' "state/jobs/${id}2.json" || fail "$(cat state/jobs/*)"

# Two at once, the third waits. One that is handed in again under another id is run once.
for n in 3 4 5; do [ "$(post $n slow$n-post)" = 202 ] || fail "$(cat answer)"; done
running() { [ "$(steps | grep -o '"running_since":"[^"]*","state":"running"' | wc -l)" = "$1" ]; }
soon running 2
[ "$(steps | grep -o '"state":"accepted"' | wc -l)" = 1 ] || fail "$(steps)"

[ "$(post 6 slow3-post)" = 202 ] || fail "$(cat answer)"
soon running 3
[ "$(called slow3-post)" = 1 ] || fail "$(cat calls)"

# How far a step is, it says in a file of its own.
far() { steps | grep -q '"id":"'"$id$1"'","progress":"40/100","run":"r"'; } # NUMBER
for n in 3 6; do soon far $n; done
[ "$(steps | grep -o '"progress"' | wc -l)" = 3 ] || fail "$(steps)"
[ "$(stat -c %a state/progress)" = 700 ] || fail "others may read how far steps are"

# A second agent in this folder.
refused 11 'another agent works in' --token-file=token --state-dir="$dir/state" --listen=127.0.0.1:0

# Killed: nothing is lost, its steps die with it.
children=$(pgrep -P $agent || true)
kill -KILL $agent
wait $agent 2>/dev/null || true # its code is that of the kill
for child in $children; do for _ in $(seq 100); do kill -0 "$child" 2>/dev/null || break; sleep 0.05; done; done
for child in $children; do ! kill -0 "$child" 2>/dev/null || fail "step $child outlives the agent"; done
start --step-program="$dir/step" --jobs=2
[ "$(grep -c 'a step of before is reported' agent.log)" = 2 ] || fail "$(cat agent.log)"
[ "$(grep -c 'a step of before is run again' agent.log)" = 4 ] || fail "$(cat agent.log)"
soon running 3
[ "$(called slow3-post)" = 2 ] || fail "$(cat calls)"

# Its environment, with what it shows to Mistral, is for it alone: to others of its user, steps among them, it is root's.
closed() { [ "$(stat -c %u "/proc/$agent/environ")" = 0 ] || fail "others of its user may read its environment"; }
grep -q 'CMAKE_CXX_FLAGS:.*-fsanitize' "$build/CMakeCache.txt" || closed

# Ended: the steps at work are told to, and stay in the folder.
began=$SECONDS
ends_with 0
[ $((SECONDS - began)) -lt 15 ] || fail "it took $((SECONDS - began)) s"
[ "$(grep -c 'it runs again at the next start' agent.log)" = 2 ] || fail "$(cat agent.log)"
[ "$(ls state/jobs | wc -l)" = 6 ] || fail "$(ls state/jobs)"
! grep -l '"exit\\":143' state/jobs/* || fail "a step that was ended with the agent has an outcome"
! grep -rqF "$token" state log agent.log 2>/dev/null || fail "the token is somewhere"
[ "$(stat -c %a state/jobs)" = 700 ] || fail "others may read the jobs"

# What is handed in while steps end is kept for the next start. A program that is missing at that moment fails nobody.
rm state/jobs/*
start --step-program="$dir/step"
[ -z "$(ls -A state/progress)" ] || fail "$(ls state/progress)"
[ "$(post 1 stubborn-post)" = 202 ] || fail "$(cat answer)"
soon running 1
kill -TERM $agent
soon grep -q '"message":"ends"' agent.log
[ "$(post 2 quick2-post)" = 202 ] || fail "$(cat answer): $(cat agent.log)"
ends_with 0
[ -e "state/jobs/${id}2.json" ] && [ "$(called quick2-post)" = 0 ] || fail "$(cat calls agent.log)"
rm "state/jobs/${id}1.json"
start --step-program="$dir/step"
soon reporting 1
[ "$(called quick2-post)" = 1 ] || fail "$(cat calls)"
mv step away
[ "$(post 3 quick3-post)" = 202 ] || fail "$(cat answer)"
cannot() { steps | grep -q '"state":"accepted","step":"quick3-post","trouble":"its process cannot be started"'; }
soon cannot
mv away step
soon reporting 2
grep -q '"exit\\":0' "state/jobs/${id}3.json" || fail "$(cat state/jobs/*)"
ends_with 0

# The same of an agent of another user than root, where this is root's test and that user may come to the program.
nobody=65534
as_nobody="setpriv --reuid=$nobody --regid=$nobody --clear-groups"
chmod 711 "$dir"
if [ "$(id -u)" = 0 ] && $as_nobody test -x "$build/bin/holdfast-agent" && ! grep -q 'CMAKE_CXX_FLAGS:.*-fsanitize' "$build/CMakeCache.txt"; then
  install -d -o $nobody -m 700 other
  install -o $nobody -m 600 token other/token
  : >agent.log
  $as_nobody holdfast-agent --listen=127.0.0.1:0 --token-file=other/token --state-dir="$dir/other/state" 2>agent.log </dev/null &
  agent=$!
  engine="$engine $agent"
  soon grep -q '"message":"listens"' agent.log
  closed
  ends_with 0
  rm -r other
fi

# Over TLS: with the certificate's own authority, and with no other.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=agent -addext subjectAltName=IP:127.0.0.1 \
  -keyout key.pem -out cert.pem 2>said || fail "$(cat said)"
chmod 644 key.pem
refused 13 'everybody may read or write the key' --token-file=token --state-dir="$dir/other" --listen=127.0.0.1:0 --tls-certificate=cert.pem --tls-key=key.pem
chmod 600 key.pem
rm state/jobs/*
start --step-program="$dir/step" --tls-certificate=cert.pem --tls-key=key.pem
[ "$(curl -sS --max-time 20 --cacert cert.pem "https://127.0.0.1:$port/v1/health")" = '{"status":"ok","unreported_seconds":0}' ] || fail "$(cat agent.log)"
! curl -sS --max-time 20 "https://127.0.0.1:$port/v1/health" 2>said || fail "any authority is one"
! curl -sS --max-time 20 "http://127.0.0.1:$port/v1/health" 2>said || fail "plain HTTP is answered"
# A client that trusts it and says nothing holds nobody up at the end.
exec 9<>"/dev/tcp/127.0.0.1/$port"
ends_with 0
exec 9>&-
