# shellcheck shell=bash disable=SC2034,SC2154 # names that demo.sh uses, or sets
# The demo's engine mistral, sourced by demo.sh: the real OpenStack Mistral of Debian's package, in a network namespace of the demo's own:
# Mistral's action std.ssh knows no port but 22. All of it as an unprivileged user. Steps run over ssh until the first checkpoint is
# deleted, from then on through holdfast-agent: protect, restore and delete go both ways.
engine_name="Mistral"
engine_keeps="the provider file, and the site in Mistral"
mistral=$top/tests/engines/mistral/mistral.sh
# shellcheck source=tests/engines/mistral/site.sh
. "$top/tests/engines/mistral/site.sh"

agent_pid=""

engine_missing() { "$mistral" missing "$build"; }

# All of the demo goes into the namespace, as user postgres when root started it.
engine_inside() {
  [ -z "${HOLDFAST_DEMO_INSIDE:-}" ] || return 0
  export HOLDFAST_DEMO_INSIDE=1
  if [ -n "${DEMO_DIR:-}" ]; then
    mkdir -p "$DEMO_DIR"
    [ "$(id -u)" != 0 ] || chown postgres "$DEMO_DIR"
  fi
  unset HTTP_PROXY http_proxy
  exec "$mistral" inside "$top/tests/demo/demo.sh"
}

engine_start() {
  export HOME=$dir
  step "OpenStack Mistral with SQLite, and an sshd, in a network namespace of their own"
  "$mistral" start "$dir/mistral"
  export OS_MISTRAL_URL=http://127.0.0.1:8989/v2
  echo "Mistral answers at $OS_MISTRAL_URL"
}

engine_stop() {
  [ -z "$agent_pid" ] || { kill "$agent_pid" 2>/dev/null && wait "$agent_pid" || true; }
  [ ! -d "$dir/mistral" ] || "$mistral" stop "$dir/mistral"
}

hand_over() { :; }
as_shop() { "$@"; }

make_site() { site_over_ssh; }
engine_changes() {
  step "Delete the checkpoint, over ssh as well"
  delete_latest
  site_with_agent
  step "Protect it once more, through the agent"
  run holdfast compile protect shop.yaml "${engine_compile_options[@]}" -o protect.yaml
  carry_out protect.yaml
}

site_over_ssh() {
  step "The site: the action that every step calls, and an environment that says where; made once"
  mkdir -p "$dir/site"
  cp "$mistral_templates/holdfast-step.yaml" "$dir/site/"
  environment_over_ssh "$dir/mistral" "$build/bin/holdfast-step" "--provider-config-dir=$dir/providers.d --log-dir=$dir/log" \
    >"$dir/site/environment.yaml"
  grep '^  holdfast_' "$dir/site/environment.yaml"
  create_site "$OS_MISTRAL_URL" holdfast-step.yaml "$dir/site/environment.yaml"
}

site_with_agent() {
  step "The site, with an agent: steps are handed to holdfast-agent, and no thread of Mistral waits for one; there is no sshd any more"
  "$mistral" sshd "$dir/mistral" stop
  mkdir -p "$dir/site"
  (umask 077 && head -c 32 /dev/urandom | sha256sum | cut -d' ' -f1 >"$dir/site/token")
  holdfast-agent --token-file="$dir/site/token" --state-dir="$dir/agent" --step-option="--provider-config-dir=$dir/providers.d" \
    --step-option="--log-dir=$dir/log" 2>"$dir/agent.log" </dev/null &
  agent_pid=$!
  for _ in $(seq 100); do
    grep -q '"message":"listens"' "$dir/agent.log" && break
    kill -0 "$agent_pid" 2>/dev/null || { cat "$dir/agent.log" >&2; return 1; }
    sleep 0.1
  done
  environment_with_agent "$(cat "$dir/site/token")" http://127.0.0.1:8779 >"$dir/site/environment.yaml"
  sed -n 's/^  holdfast_agent_token:.*/  holdfast_agent_token: .../; /^  holdfast_/p' "$dir/site/environment.yaml"
  cp "$mistral_templates/holdfast-step-agent.yaml" "$dir/site/"
  create_site "$OS_MISTRAL_URL" holdfast-step-agent.yaml "$dir/site/environment.yaml"
}

engine_of_file=Mistral
engine_compile_options=(--engine mistral)
engine_shows_steps() { sed -n '/^  tasks:/,$p' "$1"; } # FILE
carry_out() { run holdfast submit "$1" --engine mistral --watch; } # FILE
verify_latest() {
  run holdfast compile verify latest --engine mistral -o verify.yaml
  carry_out verify.yaml
}
delete_latest() {
  run holdfast compile delete latest --engine mistral -o delete.yaml
  carry_out delete.yaml
}
