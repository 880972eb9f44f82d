#!/usr/bin/env bash
# `make install`, and the installed holdfast-step goes through the failpoints at which that of the tests'
# build is killed.
#   installed_step.sh BUILD_FOLDER
set -euo pipefail
build=$(realpath "$1")
top=$(realpath "$(dirname "$0")/../..")
dir=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-installed.XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"
fail() { echo "installed_step: $*" >&2; exit 1; }
make -C "$top" install DESTDIR="$dir/root" PREFIX=/usr >words 2>&1 || fail "$(cat words)"

export HOLDFAST_PROVIDER_CONFIG_DIR=$dir/providers.d
mkdir providers.d bank
cat >providers.d/p.conf <<END
[provider]
name = p
id = 0b0f6b1e-53f6-4f5c-9d0e-0f0a6d1d7a12
bank = filesystem
plugin = noop
[filesystem]
path = $dir/bank
[noop]
types = T::Volume
activities = pre, parallel, post
END
printf 'format: 1\nresources:\n- {type: "T::Volume", id: one, name: one}\n' >plan.graph.yaml
printf 'name: plan\nprovider: p\nresources: ["T::Volume#one"]\npolicy: {drift: ignore}\n' >plan.yaml

# through BIN_FOLDER RUN: begin, every step, end, with a failpoint in each; prints the exit codes.
through() {
  local bin=$1 run=$2 step point codes=""
  "$bin/holdfast" -q compile protect plan.yaml -o "$run.yaml"
  # `run` puts the bundle into the bank.
  "$bin/holdfast" -q run "$run.yaml" >/dev/null
  for step in begin $("$bin/holdfast" step list "$run.yaml" | awk 'NR > 1 && $3 != "" && $1 ~ /^one/ { print $1 }') end; do
    case $step in begin) point=begin:after-run ;; end) point=end:before-state ;; *) point=after:claim ;; esac
    local code=0
    HOLDFAST_FAILPOINT=$point "$bin/holdfast" step run "$run.yaml" "$step" --run-id "$run" 2>>log || code=$?
    codes+=" $code"
    # Killed: once more, so that the next one can begin.
    [ "$code" = 0 ] || "$bin/holdfast" step run "$run.yaml" "$step" --run-id "$run" 2>>log || fail "$step of $bin: $(tail -3 log)"
  done
  echo "$codes"
}
killed=$(through "$build/bin" of-the-tests)
[[ "$killed" =~ ^(\ 137){4,}$ ]] || fail "these failpoints do not kill the step of the tests' build: $killed"
through=$(through "$dir/root/usr/bin" installed)
[[ "$through" =~ ^(\ 0){4,}$ ]] || fail "an installed step does not go through failpoints: $through"
"$dir/root/usr/bin/holdfast" --json checkpoints show installed | grep -q '"state":"available"' || fail "the checkpoint is not available"
