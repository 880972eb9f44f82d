#!/usr/bin/env bash
# `checkpoints prune` deletes what a plan's rules let go, says why of each, and never takes what is pinned, in
# use, another provider's, not available, or the last one.
#   prune.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
# A machine may have no time-zone database.
zone=Europe/Berlin
/usr/sbin/zic -d zones - <<END
Rule EU 1996 max - Mar lastSun 1:00u 1:00 S
Rule EU 1996 max - Oct lastSun 1:00u 0 -
Zone $zone 1:00 EU CE%sT
Zone UTC 0 - UTC
Zone Etc/UTC 0 - UTC
END
export TZDIR=$dir/zones
disks a
printf '[noop]\ntypes = X::Disk\ngraph = %s/n.graph.yaml\n' "$dir" | provider_called q 0b0f6b1e-53f6-4f5c-9d0e-0f0a6d1d7a02 noop
plan() { # FILE PROVIDER MORE
  printf 'name: n\nprovider: %s\nresources: [X::Disk#a]\nschedule: {cron: "0 2 * * *", timezone: %s}\n%s\n' "$2" $zone "$3" >"$1.yaml"
}
plan n p $'policy: {retries: 0}\nretention: {last: 1, daily: 3}' # a step that is killed is not tried again
plan bad p 'parameters: {X::Disk: {parallel_fail: true}}'
plan other q ''
for file in n bad other; do
  holdfast -q compile protect $file.yaml --graph n.graph.yaml -o $file-protect.yaml
done
night() { # FILE ID TIME
  holdfast -q run "$1-protect.yaml" --run-id "$2" >run.out 2>&1 || [ "$1" = bad ] || fail "$(cat run.out)"
  made_at "$2" "$3"
}
# In Berlin 27 October has 25 hours: b is of the day before it, c and d are of it.
night bad broken 2024-10-25T10:00:00Z
night n b 2024-10-26T21:30:00Z
night n c 2024-10-26T22:30:00Z
night n d 2024-10-27T22:30:00Z
night n e 2024-10-28T01:00:00Z
night n f 2024-10-29T01:00:00Z
night other theirs 2024-10-20T01:00:00Z

prune() { # EXIT_CODE ARGUMENT...
  local code
  code=$(code_of out holdfast checkpoints prune "${@:2}")
  [ "$code" = "$1" ] || fail "prune ${*:2} ended with $code, not $1: $(cat out)"
}
says() { grep -qE -- "$1" out || fail "it does not say '$1': $(cat out)"; }
# The ids that are there, but for the one in error and the one of the other provider.
there() { holdfast checkpoints list -p p | awk 'NR > 1 && $1 != "broken" && $1 != "theirs" {print $1}' | sort | tr '\n' ' '; }
is_there() { [ "$(there)" = "$1 " ] || fail "there are: $(there), not: $1"; }

# --- Why each is kept or goes ---
prune 0 --plan n.yaml --dry-run
says "^plan n: last 1, daily 3; hours to years are those of $zone\$"
says '^f +2024-10-29T01:00:00.000Z +available +stays +last 1: 1st; daily 2024-10-29$'
says '^e +.* +stays +daily 2024-10-28$'
says '^d +.* +stays +daily 2024-10-27$'
says '^c +.* +goes +last 1: it is the 4th; daily 2024-10-27: d is newer$'
says '^b +.* +goes +last 1: it is the 5th; daily 2024-10-26: 3 days are newer$'
says "^broken +.* +error +stays +not available: error; 'holdfast checkpoints delete' deletes it\$"
says '^in error, and older than all that is kept: broken; '
says '^1 checkpoint of other providers, of a plan of that name, is left alone$'
says '^would delete 2, and keep 4$'
is_there 'b c d e f'
# The zone decides which day it was, and options stand in place of the file's rules.
prune 0 --plan n.yaml --keep-daily 4 --dry-run
says '^b +.* +stays +daily 2024-10-26$'
says '^c +.* +goes +daily 2024-10-27: d is newer$'
prune 0 --plan n -p p --keep-daily 4 --dry-run
says '^plan n: daily 4; hours to years are those of Etc/UTC$'
says '^c +.* +stays +daily 2024-10-26$'
says '^b +.* +goes +daily 2024-10-26: c is newer$'
prune 0 --plan n.yaml --keep-within 2d --dry-run
says '^d +.* +stays +within 48 h of the newest$'
says '^c +.* +goes +not within 48 h of the newest$'
holdfast --json checkpoints prune --plan n.yaml --dry-run >json
[ "$(field retention id <json | tr '\n' ' ')" = 'f e d c b broken ' ] || fail "$(cat json)"
[ "$(field retention kept <json | tr '\n' ' ')" = 'True True True False False True ' ] || fail "$(cat json)"
[ "$(field pruned goes <json)" = 2 ] || fail "$(cat json)"

# --- What is not done without a rule, or for a wrong word ---
prune 2 --plan n -p p
says 'nothing says which checkpoints of plan n are to be kept: nothing is pruned'
prune 3 --plan bad.yaml
says "plan bad.yaml has no 'retention': nothing is pruned"
prune 10 --plan m -p p --keep-last 1
says 'there is no checkpoint of plan m of provider p'
prune 2 --plan n.yaml -p q
prune 2 --plan n -p p --keep-last 0
prune 3 --plan n.yaml --timezone Europe/Berlim
says "did you mean 'Europe/Berlin'"
prune 2 --keep-last 1
is_there 'b c d e f'

# --- Pins ---
holdfast checkpoints pin c --reason 'before the move' -p p 2>out || fail "$(cat out)"
prune 0 --plan n.yaml --dry-run
says '^c +.* +stays +pinned: by .*@.* on 2.*: before the move$'
says '^would delete 1, and keep 5$'
[ "$(code_of out holdfast checkpoints delete c -p p)" = 3 ] || fail "a pinned one is deleted: $(cat out)"
says 'checkpoint c is pinned by .*: before the move'
says "'holdfast checkpoints unpin c' lets it go"
holdfast checkpoints list -p p >out
says '^CHECKPOINT .* PINNED$'
says '^c .* before the move$'
holdfast checkpoints show c -p p >out
says '^  pinned by .*@.* on 2.*: before the move$'
holdfast --json checkpoints list -p p | grep '"id":"c"' | grep -q '"pinned":{"by":".*","reason":"before the move",' || fail "it is not in --json"
# A workflow that was compiled before is refused, too.
holdfast checkpoints unpin c -p p 2>out || fail "$(cat out)"
holdfast -q compile delete c -p p -o delete-c.yaml
holdfast checkpoints pin c -p p 2>out || fail "$(cat out)"
[ "$(code_of out holdfast run delete-c.yaml)" = 3 ] || fail "a compiled one deletes what is pinned: $(cat out)"
says 'checkpoint c is pinned'
[ "$(code_of out holdfast checkpoints pin nothing -p p)" = 10 ] || fail "$(cat out)"

# --- What is in use ---
holdfast -q compile restore b -p p -o restore-b.yaml
holdfast step run restore-b.yaml begin --run-id r >out 2>&1 || fail "$(cat out)"
prune 0 --plan n.yaml
says '^deleted 0, kept 6$'
prune 0 --plan n.yaml --dry-run
says '^b +.* +stays +in use: restore r$'
holdfast gc -p p --run r >out 2>&1 || true # it says what it ended by its exit code, too

# --- A prune that is cut short loses nothing, and the next goes on ---
HOLDFAST_FAILPOINT=end:erasing prune 5 --plan n.yaml
says '^deleted 0, kept 5$'
says '^warning: 1 checkpoint of plan n could not be deleted, as is said above: b; '
holdfast checkpoints list -p p >out
says '^b +deleting '
prune 0 --plan n.yaml --dry-run
says "^b +.* +deleting +stays +not available: deleting; 'holdfast gc' ends that"
says '^would delete 0, and keep 6$'
holdfast gc -p p >out 2>&1 || fail "$(cat out)"
is_there 'c d e f'

# --- Two at once ---
holdfast checkpoints unpin c -p p 2>out || fail "$(cat out)"
holdfast checkpoints prune --plan n.yaml --keep-last 2 >one.out 2>&1 &
engine=$!
code=$(code_of two.out holdfast checkpoints prune --plan n.yaml --keep-daily 1)
other=0
wait $engine || other=$?
engine=""
# Who finds that the other is just deleting one may have to say that it could not.
[ "$code" = 0 ] || [ "$code" = 5 ] || fail "$code: $(cat two.out)"
[ "$other" = 0 ] || [ "$other" = 5 ] || fail "$other: $(cat one.out)"
prune 0 --plan n.yaml --keep-last 1
is_there f

# --- Never the last one, nor what is not the plan's ---
prune 0 --plan n.yaml --keep-last 1 --dry-run
says '^f +.* +stays +last 1: 1st; the last available one$'
prune 0 --plan n.yaml --keep-last 1
says '^deleted 0, kept 2$'
holdfast checkpoints list -p q >out
says '^theirs +available '
says '^broken +error '
# A newer one that does not read back is none for which the last good one goes.
night n g 2024-10-30T01:00:00Z
find bank/t/local/checkpoints/g/resources -name manifest -delete
[ "$(code_of out holdfast -q checkpoints verify g -p p)" = 5 ] || fail "$(cat out)"
prune 0 --plan n.yaml --keep-last 1 --dry-run
says '^g +.* +stays +not available: its last verification failed \('
says '^f +.* +stays +last 1: 1st; the last available one$'
chmod u+w bank/t/local/checkpoints/g/graph
echo '{' >bank/t/local/checkpoints/g/graph
prune 0 --plan n.yaml --keep-last 1 --dry-run
says '^g +.* +damaged +stays +not available: damaged: '
is_there 'f g'
