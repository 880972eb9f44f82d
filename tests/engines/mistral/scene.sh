# Sourced first by the tests of this folder, with the build folder as their first argument: the scene of tests/cli, in a
# network namespace of its own, as mistral.sh says. Skips (77) where there is no Mistral.
scene=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
if [ -z "${HOLDFAST_TEST_INSIDE:-}" ]; then
  if ! why=$("$scene/mistral.sh" missing "$1"); then echo "skipped: $why"; exit 77; fi
  export HOLDFAST_TEST_INSIDE=1
  exec "$scene/mistral.sh" inside "$(realpath "$0")" "$(realpath "$1")" "${@:2}"
fi
. "$scene/../../cli/scene.sh"
. "$scene/site.sh"
export HOME=$dir API=http://127.0.0.1:8989/v2
export OS_MISTRAL_URL=$API
unset HTTP_PROXY http_proxy

leave_all() {
  "$scene/mistral.sh" stop "$dir/mistral"
  [ -z "${HOLDFAST_TEST_KEYSTONE:-}" ] || "$services/keystone.sh" stop "$HOLDFAST_TEST_KEYSTONE"
  leave
}
# A Keystone that the Mistral of start_mistral asks who somebody is; skips where there is none.
services=$scene/../../services
start_keystone() {
  if ! why=$("$services/keystone.sh" missing); then echo "skipped: $why"; exit 77; fi
  trap leave_all EXIT
  export HOLDFAST_TEST_KEYSTONE=$dir/keystone
  "$services/keystone.sh" start "$HOLDFAST_TEST_KEYSTONE" workflowv2="$API" || fail "Keystone does not start"
  unset OS_MISTRAL_URL
  renew_token
}
keystone() { /usr/bin/python3 "$services/keystone_api.py" "$(cat "$HOLDFAST_TEST_KEYSTONE/url")" "$@"; }
# That of api.py.
renew_token() { HOLDFAST_TEST_TOKEN=$(keystone token demo); export HOLDFAST_TEST_TOKEN; }

# Mistral, an sshd, the site's action and an environment of ours. With HOLDFAST_TEST_STEPS=agent without an sshd, but with an agent
# and the action for it.
start_mistral() { # [PROVIDER-FOLDER]
  trap leave_all EXIT
  "$scene/mistral.sh" start "$dir/mistral" || fail "Mistral does not start"
  if [ "${HOLDFAST_TEST_STEPS:-ssh}" = agent ]; then
    "$scene/mistral.sh" sshd "$dir/mistral" stop
    site_with_agent
    start_agent
    return
  fi
  environment_over_ssh "$dir/mistral" "$build/bin/holdfast-step" \
    "--provider-config-dir=${1:-$dir/providers.d} --log-dir=$dir/log" >environment.yaml
  create_site "$API" holdfast-step.yaml environment.yaml
}
api() { python3 "$scene/api.py" "$API" "$@"; }
on() { holdfast "$@" --engine mistral; }
compiled() { # FILE COMPILE-ARGUMENTS...
  holdfast -q compile "${@:2}" --engine mistral -o "$1" >said 2>&1 || fail "compile: $(cat said)"
}
# The same, for runs that are not started by our own client.
stored() { # FILE COMPILE-ARGUMENTS...
  compiled "$@"
  api create workflows "$1" $(find "${1%.yaml}.children" -name '*.yaml' 2>/dev/null)
  holdfast -q publish "$1" >said 2>&1 || fail "publish: $(cat said)"
}

# The site's other action, and an environment for it: steps go through an agent, which start_agent starts in $dir.
site_with_agent() { # [TOKEN [URL [CA-FILE]]]
  environment_with_agent "${1:-$agent_token}" "${2:-http://127.0.0.1:8779}" "${3:-}" >environment.yaml
  create_site "$API" holdfast-step-agent.yaml environment.yaml
}
agent_token=of-a-test-and-of-nothing-else
agent_pid=""
start_agent() { # OPTION...
  (umask 077 && echo "$agent_token" >"$dir/token")
  : >"$dir/agent.log"
  # It does not start without a provider, and steps read those that are there then.
  [ -n "$(ls "$dir/providers.d")" ] || (cd "$dir" && disks a)
  holdfast-agent --token-file "$dir/token" --state-dir "$dir/agent" \
    --step-option="--provider-config-dir=$dir/providers.d" --step-option="--log-dir=$dir/log" "$@" 2>"$dir/agent.log" </dev/null &
  agent_pid=$!
  engine="$engine $agent_pid"
  for _ in $(seq 100); do
    grep -q '"message":"listens"' "$dir/agent.log" && return
    kill -0 $agent_pid 2>/dev/null || break
    sleep 0.1
  done
  fail "the agent does not start: $(cat "$dir/agent.log")"
}
agent_steps() { # PATH OPTION...: what the agent answers
  curl -sS --max-time 10 -H "Authorization: Bearer $agent_token" "${@:2}" "http://127.0.0.1:8779$1"
}
