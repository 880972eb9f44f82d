#!/usr/bin/env bash
# What is no id is refused wherever one is asked for, before anything is read or written; and no id that somebody
# has put into the bank steers the terminal that it is shown on.
#   ids.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
disks a
printf 'name: n\nprovider: p\nresources: [X::Disk#a]\n' >n.yaml
holdfast -q compile protect n.yaml
holdfast -q run n-protect.yaml --run-id 3f0e.A_b-1 >run.out || fail "$(cat run.out)"
holdfast -q checkpoints show 3f0e.A_b-1 >show.out || fail "$(cat show.out)"

before=$(find . | sort)
refused() { # COMMAND...
  local code=0
  "$@" >"tmp/out" 2>&1 || code=$?
  [ "$code" = 2 ] || fail "'$*' ended with $code: $(cat tmp/out)"
  # Of an empty one CLI11 says that a value is missing.
  [ -z "$bad" ] || grep -q 'is no id: 1 to 128 letters' tmp/out || fail "'$*' says: $(cat tmp/out)"
  ! grep -q "$(printf '\033')" tmp/out || fail "'$*' says it raw"
  rm tmp/out
}
long=$(printf 'a%.0s' $(seq 129))
for bad in a/../b .. -x "" "a b" $'a\033[31mb' $'a\nb' "$long" 'a@2F'; do
  refused holdfast run n-protect.yaml --record="$bad"
  refused holdfast run n-protect.yaml --run-id="$bad"
  refused holdfast step show n-protect.yaml begin --run-id="$bad"
  refused holdfast step run n-protect.yaml begin --run-id=one --record="$bad"
  refused holdfast gc --run="$bad"
  for command in 'checkpoints show' 'checkpoints ls' 'checkpoints delete' 'checkpoints verify' 'compile restore' \
    'compile delete' 'compile verify' 'restores show' show; do
    # shellcheck disable=SC2086 # words
    refused holdfast $command -- "$bad"
  done
  [ -z "$bad" ] && continue # not given
  refused holdfast run n-protect.yaml --parameter record="$bad"
  refused holdfast-step begin --provider=p --bundle=x --run="$bad"
  refused holdfast-step run --provider=p --bundle=x --run=one --step=x --record="$bad"
done
[ "$(find . | sort)" = "$before" ] || fail "something was written"

# Somebody who may write into the bank has left there what clears a screen.
mkdir -p bank/t/local/checkpoints/evil@1B@5B2J
cp "$(find bank/t/local/checkpoints/3f0e.A_b-1 -name 000001 -path '*state*')" bank/t/local/checkpoints/evil@1B@5B2J/rest
holdfast gc --dry-run >gc.out
grep -qF 'checkpoint evil\x1b[2J: remove 1 object' gc.out || fail "$(cat -v gc.out)"

# So do names and ids of a tenant, in whatever is said of them.
evil='\e[2J\u009b2J\u202e'
printf "format: 1\nresources:\n- {type: 'X::Disk', id: \"i%s\", name: \"n%s\"}\n" "$evil" "$evil" >n.graph.yaml
printf 'name: e\nprovider: p\nresources: ["X::Disk#i%s"]\nparameters: {X::Disk: {post_fail: true, post_message: "m%s"}}\n' "$evil" "$evil" >e.yaml
steers=$(printf '\033|\302\233|\342\200\256')
silent() { # COMMAND...: whatever it says
  "$@" >tmp/out 2>&1 || true # some of them refuse: only what is said counts here
  [ -s tmp/out ] || fail "'$*' says nothing"
  ! grep -qE "$steers" tmp/out || fail "'$*' says it raw: $(cat -v tmp/out)"
}
silent holdfast resources list
silent holdfast plan discover e.yaml
silent holdfast compile protect e.yaml
silent holdfast check e.yaml
silent holdfast graph e.yaml --format mermaid
silent holdfast run e-protect.yaml --run-id evil
grep -qF 'm\x1b[2J\xc2\x9b2J\xe2\x80\xae' tmp/out || fail "the message is not there: $(cat -v tmp/out)"
step=$(holdfast --json step list e-protect.yaml | sed -n 's/.*"name":"\([^"]*-post\)".*/\1/p')
silent holdfast step list e-protect.yaml
silent holdfast explain e-protect.yaml "$step"
silent holdfast step show e-protect.yaml "$step" --run-id evil
silent holdfast step run e-protect.yaml "$step" --run-id evil --dry-run
silent holdfast checkpoints list
silent holdfast checkpoints show evil
silent holdfast show evil
silent holdfast checkpoints status --max-age 1h
silent holdfast checkpoints ls evil
silent holdfast gc --dry-run
silent holdfast checkpoints verify evil --partial
silent holdfast compile restore evil
cat e-protect.yaml.run/evil/logs/* >tmp/logs
! grep -qE "$steers" tmp/logs || fail "a log says it raw"
