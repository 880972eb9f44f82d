#!/usr/bin/env bash
# Every file that the compiler emits is accepted by a real Kubernetes API with Argo's definitions: those of the golden cases and of random
# graphs (HOLDFAST_RANDOM_GRAPHS, 200; HOLDFAST_TEST_SEED takes those of an earlier run again). Skipped (77) without one.
#   emitted_files.sh BUILD_FOLDER
scene_of=$(realpath "$(dirname "$0")")
if ! why=$("$scene_of/../kube_api.sh" missing); then echo "skipped: $why"; exit 77; fi
cache_home=${XDG_CACHE_HOME:-$HOME/.cache}
. "$(dirname "$0")/scene.sh"
kube_api() { XDG_CACHE_HOME=$cache_home "$scene/../kube_api.sh" "$@"; }
leave_all() { kube_api stop "$dir/api"; leave; }
trap leave_all EXIT
kube_api start "$dir/api" || fail "the API does not start"
seed=${HOLDFAST_TEST_SEED:-$RANDOM}
python3 "$scene/emitted.py" "$dir/api" "$scene/../../golden" "${HOLDFAST_RANDOM_GRAPHS:-200}" "$seed" ||
  fail "the server refuses the above; again: HOLDFAST_TEST_SEED=$seed"
