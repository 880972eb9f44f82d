# Sourced first by the tests of this folder: the scene of tests/cli with an agent on a free port, and no Mistral.
. "$(dirname "${BASH_SOURCE[0]}")/../cli/scene.sh"
unset HTTP_PROXY http_proxy
token=of-a-test-and-of-nothing-else
(umask 077 && echo $token >token)
export OS_MISTRAL_URL=http://127.0.0.1:1/v2
disks a

start() { # OPTION...: $agent is its process, $port where it listens
  : >agent.log
  holdfast-agent --listen=127.0.0.1:0 --token-file=token --state-dir="$dir/state" --step-option=--log-dir="$dir/log" "$@" 2>agent.log </dev/null &
  agent=$!
  engine="$engine $agent"
  for _ in $(seq 200); do
    port=$(sed -n 's/.*"address":"127.0.0.1:\([0-9]*\)".*"message":"listens".*/\1/p' agent.log)
    [ -z "$port" ] || return 0
    kill -0 $agent 2>/dev/null || break
    sleep 0.05
  done
  fail "the agent does not start: $(cat agent.log)"
}
hash=$(printf 'a%.0s' $(seq 64))
id=00000000-0000-4000-8000-00000000000
post() { # NUMBER STEP [COMMAND]: hands a step in; the status
  asked /v1/steps -H "Authorization: Bearer $token" -H "Mistral-Action-Execution-Id: $id$1" \
    -d "{\"command\":\"${3:-run}\",\"step\":\"$2\",\"run\":\"r\",\"record\":\"\",\"bundle\":\"$hash\",\"provider\":\"p\",\"fail_fast\":false,\"partial\":\"\"}"
}
steps() { [ "$(asked /v1/steps -H "Authorization: Bearer $token")" = 200 ] || fail "$(cat answer)"; cat answer; }
# A program in the place of holdfast-step, which says how it was called: DIR/step, and DIR/calls.
step_program() {
  cat >step <<'END_OF_STEP'
#!/bin/sh
echo "$@" >>"$CALLS"
env | grep '^OS_' >>"$CALLS.environment"
case "$*" in
  *--step=slow*) echo 40/100 >"$ARGO_PROGRESS_FILE"; trap 'echo "{\"exit\":143,\"message\":\"told to end\"}"; exit 0' TERM; while :; do sleep 0.1; done ;;
  *--step=stubborn*) trap 'sleep 2; echo "{\"exit\":143,\"message\":\"told to end\"}"; exit 0' TERM; while :; do sleep 0.1; done ;;
  *--step=silent*) exit 7 ;;
  *) echo '{"exit":0,"message":"done"}' ;;
esac
END_OF_STEP
  chmod +x step
  export CALLS=$dir/calls
  : >calls
}
called() { grep -c -- "--step=$1 " calls || true; } # STEP: how often
# Where nobody answers, as while it is killed, the status is 000: whoever asks compares it.
asked() { # PATH CURL-OPTION...: the status; what it answers is in the file answer
  curl -sS --max-time 20 -o answer -w '%{http_code}' "${@:2}" "${scheme:-http}://127.0.0.1:$port$1" 2>/dev/null || true
}
ends_with() { # CODE
  kill -TERM $agent
  local code=0
  wait $agent || code=$?
  [ $code = "$1" ] || fail "the agent ends with $code: $(cat agent.log)"
}
