# shellcheck shell=bash disable=SC2034,SC2154 # names that demo.sh uses, or sets
# The demo's engine mistral, sourced by demo.sh: the real OpenStack Mistral of Debian's package, with an sshd in which its steps run, in a
# network namespace of the demo's own: Mistral's action std.ssh knows no port but 22. All of it as an unprivileged user.
engine_name="Mistral"
engine_keeps="the provider file, and the site in Mistral"
mistral=$top/tests/engines/mistral/mistral.sh

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

engine_stop() { [ ! -d "$dir/mistral" ] || "$mistral" stop "$dir/mistral"; }

hand_over() { :; }
as_shop() { "$@"; }

make_site() {
  step "The site: the action that every step calls, and an environment that says where; made once"
  mkdir "$dir/site"
  cp "$top/templates/mistral/holdfast-step.yaml" "$dir/site/"
  sed "s,holdfast_host:.*,holdfast_host: 127.0.0.1,; s,holdfast_user:.*,holdfast_user: $(id -un),
    s,holdfast_key_file:.*,holdfast_key_file: $dir/mistral/ssh/id,; s,holdfast_program:.*,holdfast_program: $build/bin/holdfast-step,
    s,holdfast_options:.*,holdfast_options: --provider-config-dir=$dir/providers.d --log-dir=$dir/log," \
    "$top/templates/mistral/environment.yaml" >"$dir/site/environment.yaml"
  grep '^  holdfast_' "$dir/site/environment.yaml"
  python3 "$top/tests/engines/mistral/api.py" "$OS_MISTRAL_URL" create actions "$dir/site/holdfast-step.yaml"
  python3 "$top/tests/engines/mistral/api.py" "$OS_MISTRAL_URL" environment "$dir/site/environment.yaml"
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
