#!/usr/bin/env bash
# While a restore writes a place, nobody protects it, nor restores to it: a checkpoint half of old and half of
# restored files would be green. A restore to another place is in nobody's way.
#   restore_in_the_way.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
mkdir data
for i in $(seq 20); do head -c 8192 /dev/urandom >data/$i; done
printf 'directories: [{id: data, path: %s/data}]\n' "$dir" >inventory.yaml
printf '[local]\ninventory = %s/inventory.yaml\n' "$dir" | provider local-directory
printf 'name: n\nprovider: p\nresources: ["Local::Directory#data"]\n' >n.yaml
holdfast -q plan discover n.yaml
holdfast -q compile protect n.yaml
holdfast -q run n-protect.yaml --run-id first >run.out 2>&1 || fail "$(cat run.out)"

slow='overwrite: true, existing: replace, rate_limit: 32 KiB' # 5 seconds
printf '{"Local::Directory": {%s}}\n' "$slow" >here.parameters.yaml
printf '{"Local::Directory": {%s, target: %s/elsewhere}}\n' "$slow" "$dir" >elsewhere.parameters.yaml
printf '{"Local::Directory": {%s, target: %s/data/sub}}\n' "$slow" "$dir" >below.parameters.yaml
for where in here elsewhere below; do
  holdfast -q compile restore first --parameters $where.parameters.yaml -o $where.yaml
done
start() { # RUN FILE: and returns when it writes
  holdfast -q run "$2" --run-id "$1" >"$1.out" 2>&1 &
  engine=$!
  for _ in $(seq 1000); do
    [ -z "$(ls "bank/t/local/restores/$1/journal" 2>/dev/null)" ] || return 0
    kill -0 $engine 2>/dev/null || fail "it ended at once: $(cat "$1.out")"
    sleep 0.01
  done
  fail "it does not begin: $(cat "$1.out")"
}
refused() { # BY COMMAND...
  local code=0
  "${@:2}" >run.out 2>&1 || code=$?
  [ "$code" = 11 ] || fail "'${*:2}' ended with $code: $(cat run.out)"
  grep -q "run $1, started by .*, works on .*, too, which is that of Local::Directory#data here, and the restore $1 is not ended" run.out || fail "$(cat run.out)"
  grep -q "holdfast gc .*--run $1" run.out || fail "$(cat run.out)"
}
ended() { # RUN
  wait $engine || fail "$1 failed: $(cat "$1.out")"
  engine=""
}

start restores here.yaml
refused restores holdfast run n-protect.yaml --run-id half
refused restores holdfast run below.yaml --run-id too
left=$(find bank \( -path '*half*' -o -path '*too*' \) -not -path '*/leases/*')
[ -z "$left" ] || fail "a refused run leaves: $left"
ended restores
holdfast -q run n-protect.yaml --run-id whole >run.out 2>&1 || fail "afterwards: $(cat run.out)"

start drill elsewhere.yaml
holdfast -q run n-protect.yaml --run-id beside >run.out 2>&1 || fail "beside a drill: $(cat run.out)"
ended drill
diff -r data elsewhere || fail "the drill restored something else"
