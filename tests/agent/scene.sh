# Sourced first by the tests of this folder: the scene of tests/cli with an agent on a free port, and no Mistral.
. "$(dirname "${BASH_SOURCE[0]}")/../cli/scene.sh"
unset HTTP_PROXY http_proxy
token=of-a-test-and-of-nothing-else
(umask 077 && echo $token >token)
export OS_MISTRAL_URL=http://127.0.0.1:1/v2

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
asked() { # PATH CURL-OPTION...: the status; what it answers is in the file answer
  curl -sS --max-time 20 -o answer -w '%{http_code}' "${@:2}" "http://127.0.0.1:$port$1" 2>/dev/null || true
}
ends_with() { # CODE
  kill -TERM $agent
  local code=0
  wait $agent || code=$?
  [ $code = "$1" ] || fail "the agent ends with $code: $(cat agent.log)"
}
