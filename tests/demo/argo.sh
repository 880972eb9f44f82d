# shellcheck shell=bash disable=SC2034,SC2154 # names that demo.sh uses, or sets
# The demo's engine argo, sourced by demo.sh: a cluster with Argo, whose node is this machine, runs the workflow files. Each step is a
# pod of the image of `make image`. They run as a user that is not root, whose the application is then as well.
# shellcheck source=tests/engines/argo/site.sh
. "$top/tests/engines/argo/site.sh"
engine_name="Argo"
engine_keeps="the provider file, and the site in the cluster"
release=$top/build-release
holdfast() { as_step_user "$build/bin/holdfast" "$@"; }

engine_missing() { missing_cluster; }

engine_start() {
  as_step_user test -x "$build/bin/holdfast" ||
    { echo "demo: user $step_user, who the steps are, cannot read $build; put the sources where every user can" >&2; return 1; }
  step "A Kubernetes with Argo, whose node is this machine"
  open_cluster "$dir" "$release"
  run kubectl get nodes -o wide
  export HOLDFAST_ARGO_WATCH_SECONDS=60
}

engine_stop() { close_cluster "$dir" "$dir/site"; }

# What steps write they write as their user.
hand_over() { hand_to_steps "$@"; }
as_shop() { as_step_user "$@"; }

make_site() {
  step "The site: what the pod of a step looks like, its accounts, providers and volumes; made once, kept in git"
  mkdir "$dir/site"
  hand_over "$dir/site"
  run holdfast init argo "$dir/site" --image "$image" --namespace "$namespace" --run-as "$step_user:$step_group" \
    --bank "hostPath:$dir/bank" --staging "hostPath:$dir/staging"
  run kubectl apply -k "$dir/site"
}

carry_out() { run holdfast submit "$1" --watch; } # FILE
verify_latest() {
  run holdfast compile verify latest -o verify.yaml
  carry_out verify.yaml
}
delete_latest() {
  run holdfast compile delete latest -o delete.yaml
  carry_out delete.yaml
}
