#!/usr/bin/env bash
# A Swift with three copies of each object, of which two are older than the third: of a lease that was given back they say
# that a run still has it. Nobody is kept out by that.
#   stale_replica.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
export HOLDFAST_TEST_REPLICAS=3
"$services/swift.sh" start swift
mkdir source
echo data >source/file
echo "directories: [{id: source, path: $dir/source}]" >inventory.yaml
provider_with_bank p swift <<END
$(swift_account)
settle_time = 1s
END
printf 'name: nightly\nprovider: p\nresources: ["Local::Directory#source"]\n' >nightly.yaml
holdfast -q plan discover nightly.yaml
holdfast -q compile protect nightly.yaml
token=$(swift_token)
object() { # NAME CURL_OPTION...
  curl -sS -f -m 30 -H "X-Auth-Token: $token" "${@:2}" "$(cat swift/url)/v1/AUTH_test/holdfast/$1"
}
# The folders of an object, one of each copy.
copies() { # NAME
  python3 - swift/node "/AUTH_test/holdfast/$1" <<'END'
import os, sys
for folder, _, files in os.walk(sys.argv[1]):
    for file in files:
        if not file.endswith(".data"): continue
        # Swift keeps what it knows of an object with it, pickled.
        if (sys.argv[2] + "\n").encode() in os.getxattr(folder + "/" + file, "user.swift.metadata").replace(b"q", b"\n"):
            print(folder)
END
}
for run in one two three; do
  holdfast -q run nightly-protect.yaml --run-id $run >said 2>&1 || fail "$(cat said)"
  lease=$(object "?prefix=t/local/leases/$run/" | tail -1)
  object "$lease" -o released
  python3 - released held <<'END'
import hashlib, json, sys
lease = json.load(open(sys.argv[1]))
assert lease.pop("released") is True, lease
del lease["sha256"]
text = json.dumps(lease, separators=(",", ":"))[:-1]
open(sys.argv[2], "w").write('%s,"sha256":"%s"}' % (text, hashlib.sha256(text.encode()).hexdigest()))
END
  object "$lease" -T held >/dev/null
  mapfile -t folders < <(copies "$lease" | sort)
  [ ${#folders[@]} = 3 ] || fail "there are ${#folders[@]} copies of $lease, not 3"
  for i in 0 1; do cp -a "${folders[i]}" "older-$run-$i"; done
  object "$lease" -T released >/dev/null
  for i in 0 1; do
    rm -r "${folders[i]}"
    cp -a "older-$run-$i" "${folders[i]}"
  done
  seen=$(for _ in $(seq 30); do object "$lease" | grep -c released || true; done | sort | uniq -c | wc -l)
  [ "$seen" = 2 ] || fail "Swift does not give both the older and the newer copy of $lease"
  grep -q '"expires"' held || fail "no lease: $(cat held)"
  [ "$(code_of said holdfast -q checkpoints delete $run -p p)" = 0 ] || fail "a copy of the lease that is old is believed: $(cat said)"
done
