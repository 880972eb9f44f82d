#!/usr/bin/env bash
# What keeps a bank in order, on the real servers: a run that was killed is gone on with, or ended by gc; fsck says what is damaged,
# and of which checkpoint and resource; orphans go; pins and retention let go only what may go.
#   upkeep.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
"$services/swift.sh" start swift
url=$(cat swift/url)
mkdir data
head -c 6M /dev/urandom >data/large
echo precious >data/file
echo "directories: [{id: data, path: $dir/data}]" >inventory.yaml
swift_and_s3 "segment_size = 1 MiB
settle_time = 500ms"
token=$(swift_token)

# By the server's own API what nobody does by ours.
stored() { # METHOD BANK KEY [CURL_ARGUMENT...]
  if [ "$2" = swift ]; then
    curl -sS -f -X "$1" -H "X-Auth-Token: $token" "${@:4}" "$url/v1/AUTH_test/by-swift/$3" || fail "$1 $3"
  else
    curl -sS -f -X "$1" --aws-sigv4 aws:amz:us-east-1:s3 -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' "${@:4}" \
      "${url/:\/\//://test%3Atester:testing@}/by-s3/${3//@/%40}" || fail "$1 $3"
  fi
}
keys() { curl -s -f -H "X-Auth-Token: $token" "$url/v1/AUTH_test/by-$1?prefix=t/local/$2" || true; } # BANK PREFIX: nothing before there is a container
# Starts a run, and kills it and its steps where two segments are there.
killed() { # BANK RUN [RUN_ARGUMENT...]
  local engine before
  before=$(keys "$1" "checkpoints/$2/data" | wc -l)
  holdfast -q run n.yaml --run-id "$2" "${@:3}" >"killed.out" 2>&1 &
  engine=$!
  for _ in $(seq 600); do
    [ "$(keys "$1" "checkpoints/$2/data" | wc -l)" -lt $((before + 2)) ] || break
    kill -0 $engine 2>/dev/null || fail "$1: it ended before it could be killed: $(cat killed.out)"
    sleep 0.1
  done
  kill -STOP $engine # so that it starts no other
  kill -9 $(pgrep -P $engine) $engine
  wait $engine 2>/dev/null || true # it was killed
}
ends() { # CODE WORDS COMMAND...
  local code
  code=$(code_of out "${@:3}")
  [ "$code" = "$1" ] || fail "$bank: ${*:3}: exit $code, not $1: $(cat out)"
  grep -qE -- "$2" out || fail "$bank: ${*:3}: '$2' is not in: $(cat out)"
}

upkeep() { # BANK
  bank=$1
  mkdir "work-$bank" && cd "work-$bank"
  printf 'name: n\nprovider: %s\nresources: ["Local::Directory#data"]\nparameters: {"Local::Directory": {snapshot: none, rate_limit: 1500 kB}}\nretention: {last: 1}\n' $bank >plan.yaml
  holdfast -q plan discover plan.yaml
  holdfast -q compile protect plan.yaml -o n.yaml

  # --- Killed, and gone on with: the claim of who is dead is taken over, and what was sent is not sent again ---
  killed $bank first
  keys $bank checkpoints/first/data | sort >before
  ends 0 '^waits +checkpoint first: run first, started by ' holdfast gc -p $bank
  keys $bank checkpoints/first/data | sort | cmp -s - before || fail "$bank: gc took what a run may go on with"
  holdfast run n.yaml --resume >out 2>&1 || fail "$bank: --resume: $(cat out)"
  keys $bank checkpoints/first/journal | grep -q '/claim-0*2$' || fail "$bank: no claim was taken over: $(keys $bank checkpoints/first/journal)"
  numbers() { sed 's,.*/,,' | sort; }
  [ -z "$(comm -12 <(numbers <before) <(keys $bank checkpoints/first/data | sort | comm -13 before - | numbers))" ] ||
    fail "$bank: sent again: $(keys $bank checkpoints/first/data), before: $(cat before)"
  ends 0 '^checkpoint first: available|^first +.*available' holdfast checkpoints list -p $bank

  # --- Killed, and ended by gc ---
  killed $bank zombie --new
  ends 0 '^would +checkpoint zombie: end it' holdfast gc -p $bank --run zombie --dry-run
  ends 0 '^did +checkpoint zombie: ended: .*error' holdfast gc -p $bank --run zombie
  ends 0 '^zombie +.* error' holdfast checkpoints list -p $bank
  ends 0 '' holdfast checkpoints delete zombie -p $bank
  [ -z "$(keys $bank checkpoints/zombie/data)" ] || fail "$bank: data of what was deleted: $(keys $bank checkpoints/zombie/data)"
  ends 0 'nothing to do' holdfast gc -p $bank

  # --- What is damaged, by name; and what is of nobody ---
  sed -i 's/, rate_limit: 1500 kB//' plan.yaml
  holdfast -q compile protect plan.yaml -o n.yaml
  for id in second third; do holdfast -q run n.yaml --run-id $id >out 2>&1 || fail "$bank: $id: $(cat out)"; done
  ends 0 '^[0-9]+ records, .* read: nothing is damaged' holdfast bank fsck -p $bank
  gone=$(keys $bank checkpoints/second/data | grep '\.1$' | head -1)
  flipped=$(keys $bank checkpoints/second/data | grep '\.3$' | head -1)
  lost=$(dirname "$(dirname "$gone")")/000009-lost/tree.0
  stored GET $bank "$flipped" -o bytes
  cp bytes whole
  python3 -c 'import sys
f = open("bytes", "r+b"); f.seek(-5, 2); b = f.read(1)[0]; f.seek(-5, 2); f.write(bytes([b ^ 1]))'
  stored PUT $bank "$flipped" -T bytes >answer
  stored GET $bank "$gone" -o missing
  stored DELETE $bank "$gone" >answer
  echo rubbish >rubbish
  stored PUT $bank "$lost" -T rubbish >answer
  ends 12 '^DAMAGED +checkpoint second, Local::Directory#data.*: segment 1 of [0-9]+ of stream ' holdfast bank fsck -p $bank
  grep -qE '^DAMAGED +checkpoint second, Local::Directory#data.*: segment 3 of [0-9]+ of stream ' out || fail "$bank: the flipped one is not named: $(cat out)"
  for key in "$gone" "$flipped"; do grep -qF "${key#t/local/}" out || fail "$bank: $key is not named: $(cat out)"; done
  ! grep -qE 'checkpoint (first|third)' out || fail "$bank: others are said to be damaged: $(cat out)"
  stored PUT $bank "$flipped" -T whole >answer
  stored PUT $bank "$gone" -T missing >answer
  sleep 2.1 # The server says its time in seconds.
  ends 0 '^would +checkpoint second, Local::Directory#data: 1 object, 8 B, of attempt 000009-lost' holdfast bank fsck -p $bank --min-age 1s --dry-run
  ends 0 '^did +checkpoint second, Local::Directory#data: 1 object, 8 B, of attempt 000009-lost' holdfast bank fsck -p $bank --min-age 1s
  ! keys $bank checkpoints/second/data | grep 000009-lost || fail "$bank: what is of nobody stays"
  ends 0 'nothing is damaged' holdfast bank fsck -p $bank

  # --- Pins and retention ---
  ends 0 '' holdfast checkpoints pin first -p $bank --reason 'before the move'
  ends 0 '^first +.* +stays +pinned: .*before the move' holdfast checkpoints prune --plan plan.yaml --dry-run
  grep -qE '^second +.* +goes +last 1' out || fail "$bank: $(cat out)"
  grep -qE '^third +.* +stays +last 1: 1st; the last available one|^third +.* +stays +last 1: 1st$' out || fail "$bank: $(cat out)"
  ends 3 'checkpoint first is pinned' holdfast checkpoints delete first -p $bank
  ends 0 '^deleted 1, kept 2' holdfast checkpoints prune --plan plan.yaml
  ends 0 '' holdfast checkpoints unpin first -p $bank
  ends 0 '^deleted 1, kept 1' holdfast checkpoints prune --plan plan.yaml
  # The newest that does not read back is none for which the last good one goes.
  holdfast -q run n.yaml --run-id fourth >out 2>&1 || fail "$bank: fourth: $(cat out)"
  stored DELETE $bank "$(keys $bank checkpoints/fourth/data | grep '\.1$' | head -1)" >answer
  ends 5 '' holdfast checkpoints verify fourth -p $bank
  ends 0 '^third +.* +stays +last 1: 1st; the last available one' holdfast checkpoints prune --plan plan.yaml --dry-run
  ends 0 '^deleted 0, ' holdfast checkpoints prune --plan plan.yaml
  ends 0 '^third +.*available' holdfast checkpoints list -p $bank
  ends 0 '' holdfast -q checkpoints verify third -p $bank
  echo "$bank: a run that was killed, damage, orphans, pins and retention"
}
upkeep swift &
of_swift=$!
upkeep s3 &
of_s3=$!
code=0
wait $of_swift || code=$?
wait $of_s3 || code=$?
exit $code
