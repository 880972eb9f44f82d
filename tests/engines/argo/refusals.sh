#!/usr/bin/env bash
# What a server refuses, or is not there: the exit code, the reason, what to do; and no token in any of it.
#   refusals.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
compiled
expect() { # CODE TEXT COMMAND...
  local code
  code=$(code_of said "${@:3}")
  [ "$code" = "$1" ] || fail "${*:3}: exit code $code, not $1: $(cat said)"
  grep -qF -- "$2" said || fail "${*:3} does not say '$2': $(cat said)"
  ! grep -q 'token-of' said || fail "a token is shown: $(cat said)"
}
expect 10 'there is no kubeconfig' holdfast status
expect 10 '--kubeconfig FILE' holdfast submit file.yaml
start_cluster
apply "$scene/../../../templates/argo/holdfast-steps.yaml"
expect 10 'there is no Workflow nothing in namespace backups' holdfast watch nothing
expect 3 "did you mean 'test'" holdfast status --context tost
behave '{"deny": true}'
expect 13 'forbidden: User "me" cannot do that here (status 403)' holdfast status
expect 13 'ask for a role' holdfast submit file.yaml
behave '{"next": ["passed", "invalid"]}'
expect 3 'spec.templates[0].dag.tasks: Too many: 201' holdfast submit file.yaml
grep -q 'spec.entrypoint: Required value' said || fail "$(cat said)"
behave '{}'
kubeconfig "http://127.0.0.1:$port" token-of-somebody-else
# The server says back who asked, and that is not shown either.
expect 13 'does not know these credentials' holdfast status
expect 2 'is not NAME=VALUE' holdfast submit file.yaml --parameter nothing
kill $engine; wait $engine 2>/dev/null || true
kubeconfig "http://127.0.0.1:$port" token-of-the-test
expect 75 "http://127.0.0.1:$port" holdfast status
rm -rf cluster
start_cluster --no-argo
expect 10 'Argo is not installed in http://127.0.0.1:' holdfast status
expect 10 'is this the right cluster' holdfast submit file.yaml
ARGO_SERVER=https://x expect 3 'HOST:PORT' env -u KUBECONFIG holdfast status
