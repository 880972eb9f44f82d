#!/usr/bin/env bash
# The client against a real Kubernetes API, behind a proxy that injects faults; recorded workflows are played into it.
# Skipped (77), with the reason, where that API cannot be started (tests/engines/kube_api.sh).
#   real_api.sh BUILD_FOLDER
scene_of=$(realpath "$(dirname "$0")")
if ! why=$("$scene_of/../kube_api.sh" missing); then echo "skipped: $why"; exit 77; fi
cache_home=${XDG_CACHE_HOME:-$HOME/.cache}
. "$(dirname "$0")/scene.sh"
kube_api() { XDG_CACHE_HOME=$cache_home "$scene/../kube_api.sh" "$@"; }
proxy=""
leave_all() {
  [ -z "$proxy" ] || kill "$proxy" 2>/dev/null || true
  kube_api stop "$dir/api"
  leave
}
trap leave_all EXIT
kube_api start "$dir/api" || fail "the API does not start"
api=$dir/api
url=$(cat api/url)

# Straight to it: TLS, its authority, our certificate.
export KUBECONFIG=$api/kubeconfig
[ -z "$(holdfast --json status)" ] || fail "$(holdfast --json status)"
sed 's/certificate-authority: ca.crt/certificate-authority: admin.crt/' api/kubeconfig >api/wrong
[ "$(code_of said holdfast status --kubeconfig api/wrong)" = 13 ] || fail "$(cat said)"
grep -q 'certificate is not accepted' said || fail "$(cat said)"
[ "$(code_of said holdfast watch nothing)" = 10 ] || fail "$(cat said)"
grep -q 'there is no Workflow nothing in namespace argo' said || fail "$(cat said)"

compiled
[ "$(code_of said holdfast submit file.yaml)" = 10 ] && grep -q holdfast-steps said || fail "$(cat said)"
applied() { # FILE KIND
  python3 -c 'import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1])), open("applied.json", "w"))' "$1"
  curl -sS --fail-with-body --cacert api/ca.crt --cert api/admin.crt --key api/admin.key -o said -X POST -H 'Content-Type: application/json' \
    --data-binary @applied.json "$url/apis/argoproj.io/v1alpha1/namespaces/argo/$2?fieldValidation=Strict" || fail "$(cat said)"
}
applied "$scene/../../../templates/argo/holdfast-steps.yaml" workflowtemplates
holdfast -q submit file.yaml --dry-run=server || fail "the server refuses what the compiler emits"
[ -z "$(holdfast --json status)" ] || fail "a dry run left something"
# Strict: a field that Argo does not have.
sed 's/^  onExit: end$/  onExit: end\n  onExitt: end/' file.yaml >typo.yaml
cp -r file.bundle typo.bundle
[ "$(code_of said holdfast submit typo.yaml)" = 3 ] || fail "$(cat said)"
grep -q 'onExitt' said || fail "$(cat said)"
name=$(holdfast -q submit file.yaml)
[ "$(holdfast --json status "$name" | field run state)" = "not begun" ] || fail "$(holdfast --json status "$name")"
holdfast -q stop "$name" --no-wait || fail "stop"
curl -sS --cacert api/ca.crt --cert api/admin.crt --key api/admin.key -o said "$url/apis/argoproj.io/v1alpha1/namespaces/argo/workflows/$name"
grep -q '"shutdown": *"Stop"' said || fail "the workflow is not told to stop: $(cat said)"
[ -n "$(holdfast -q resubmit "$name")" ] || fail "resubmit"

# Behind a proxy that injects faults; KUBECONFIG is left, the file proxied is for it.
start_proxy() { # SEED MOST
  rm -f port
  python3 "$scene/../../net/fault_proxy.py" --port-file port --upstream "$url" --ca api/ca.crt --cert api/admin.crt --key api/admin.key \
    --seed "$1" --rate 0.4 --most "$2" --log faults &
  proxy=$!
  for _ in $(seq 200); do [ -e port ] && break; sleep 0.05; done
  sed -e "s|server: \"[^\"]*\", certificate-authority: ca.crt|server: \"http://127.0.0.1:$(cat port)\"|" \
    -e 's|user: {client[^}]*}|user: {token: unused-token}|' api/kubeconfig >proxied
}
stop_proxy() { kill $proxy; wait $proxy 2>/dev/null || true; proxy=""; }

# What is submitted through faults is there once.
start_proxy 7 20
before=$(holdfast --json status | wc -l)
for _ in 1 2 3 4 5 6; do holdfast -q submit file.yaml --kubeconfig proxied >>names 2>words || fail "a submit did not come through: $(cat words faults)"; done
[ $(($(holdfast --json status | wc -l) - before)) = 6 ] && [ "$(sort -u names | wc -l)" = 6 ] || fail "other than 6 workflows: $(cat names; holdfast status)"
stop_proxy

objects=${HOLDFAST_ARGO_OBJECTS:-}
[ -n "$objects" ] || { echo "the recorded objects (HOLDFAST_ARGO_OBJECTS) are not here: not played"; exit 0; }
number=0
export HOLDFAST_ARGO_WATCH_SECONDS=3
for played in ok-dag:0 failed-step:5 retried:0 nested:0 stopped:6 stopped-retry:6 terminated:6 deadline:5 compressed:5; do
  folder=${played%:*} verdict=${played#*:} number=$((number + 1)) name=played-${played%:*}
  start_proxy ${HOLDFAST_TEST_SEED:-$number} 8
  python3 "$scene/play.py" api "$objects/$folder" "$name" --only-create || fail "$folder cannot be created"
  holdfast --json watch "$name" --kubeconfig proxied >lines 2>words &
  watcher=$!
  for _ in $(seq 400); do grep -qs run-started lines && break; sleep 0.05; done
  python3 "$scene/play.py" api "$objects/$folder" "$name" --only-patch || fail "$folder cannot be played"
  code=0; wait $watcher || code=$?
  [ $code = "$verdict" ] || fail "$folder: exit code $code, not $verdict: $(cat words; tail -3 lines)"
  [ "$(field run-ended exit_code <lines)" = "$verdict" ] || fail "$folder: $(tail -2 lines)"
  stop_proxy
done
echo "faults that were survived: $(grep -cv '^passed' faults) in $(wc -l <faults) requests"
[ "$(grep -cv '^passed' faults)" -gt 10 ] || fail "hardly a fault was injected"
