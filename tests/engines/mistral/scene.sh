# Sourced first by the tests of this folder, with the build folder as their first argument: the scene of tests/cli, in a
# network namespace of its own, as mistral.sh says. Skips (77) where there is no Mistral.
scene=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
if [ -z "${HOLDFAST_TEST_INSIDE:-}" ]; then
  if ! why=$("$scene/mistral.sh" missing "$1"); then echo "skipped: $why"; exit 77; fi
  export HOLDFAST_TEST_INSIDE=1
  exec "$scene/mistral.sh" inside "$(realpath "$0")" "$(realpath "$1")" "${@:2}"
fi
. "$scene/../../cli/scene.sh"
export HOME=$dir API=http://127.0.0.1:8989/v2
unset HTTP_PROXY http_proxy

# Mistral, an sshd, the site's action and an environment of ours.
start_mistral() { # [PROVIDER-FOLDER]
  "$scene/mistral.sh" start "$dir/mistral" || fail "Mistral does not start"
  leave_all() { "$scene/mistral.sh" stop "$dir/mistral"; leave; }
  trap leave_all EXIT
  api create actions "$scene/../../../templates/mistral/holdfast-step.yaml"
  sed "s,holdfast_host:.*,holdfast_host: 127.0.0.1,; s,holdfast_user:.*,holdfast_user: $(id -un),
    s,holdfast_key_file:.*,holdfast_key_file: $dir/mistral/ssh/id,; s,holdfast_program:.*,holdfast_program: $build/bin/holdfast-step,
    s,holdfast_options:.*,holdfast_options: --provider-config-dir=${1:-$dir/providers.d} --log-dir=$dir/log," \
    "$scene/../../../templates/mistral/environment.yaml" >environment.yaml
  api environment environment.yaml
}
api() { python3 "$scene/api.py" "$API" "$@"; }
