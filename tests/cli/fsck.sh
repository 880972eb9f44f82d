#!/usr/bin/env bash
# holdfast bank fsck names what is damaged with the checkpoint and resource that it belongs to, removes rubbish that is old
# enough and nothing else, and what it says of a checkpoint that is whole is true: that restores as it was.
#   fsck.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
mkdir data
head -c 3M /dev/urandom >data/large
echo precious >data/file
echo "directories: [{id: data, path: $dir/data, name: the data}]" >inventory.yaml
provider local-directory <<<"[local]
inventory = $dir/inventory.yaml"
sed -i 's,^path = .*/bank,&\nsegment_size = 1 MiB,' providers.d/p.conf
printf 'name: n\nprovider: p\nresources: ["Local::Directory#data"]\nparameters: {"Local::Directory": {snapshot: none}}\n' >n.yaml
holdfast -q plan discover n.yaml
holdfast -q compile protect n.yaml
for id in one two; do holdfast -q run n-protect.yaml --run-id $id >run.out 2>&1 || fail "$(cat run.out)"; done
cp -r data kept
checkpoints=bank/t/local/checkpoints
fsck() { code_of out holdfast bank fsck "$@"; } # what it says goes to the file out

[ "$(fsck)" = 0 ] || fail "a good bank: $(cat out)"
grep -q '2 records, 6.* MiB read: nothing is damaged' out || fail "not all of it was read: $(cat out)"
[ "$(fsck --checkpoint two)" = 0 ] || fail "a good checkpoint: $(cat out)"
[ "$(fsck --checkpoint none)" = 10 ] || fail "a checkpoint that is not there: $(cat out)"

segment=$(find $checkpoints/one/data -name '*.1' | head -1)
[ -n "$segment" ] || fail "there is no second segment: $(find $checkpoints/one/data)"
chmod u+w "$segment"
python3 - "$segment" <<'END'
import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(-5, 2)
    byte = file.read(1)
    file.seek(-5, 2)
    file.write(bytes([byte[0] ^ 1]))
END
cp "$segment" flipped
[ "$(fsck --quick)" = 0 ] || fail "a quick one reads data: $(cat out)"
[ "$(fsck)" = 12 ] || fail "a flipped byte: $(cat out)"
grep -q '^DAMAGED *checkpoint one, Local::Directory#data.*: segment 1 of [0-9]* of stream ' out || fail "the segment is not named: $(cat out)"
grep -q "${segment#bank/t/local/}" out || fail "its object is not named: $(cat out)"
! grep -q 'checkpoint two' out || fail "the other checkpoint is said to be damaged: $(cat out)"
cmp -s "$segment" flipped || fail "it touches what is damaged"
[ "$(fsck --json)" = 12 ] || fail "with --json: $(cat out)"
python3 - <<'END' || fail "as data: $(cat out)"
import json
lines = [json.loads(line) for line in open("out") if line.startswith("{")]
found, = [line for line in lines if line["message_type"] == "finding"]
assert (found["kind"], found["what"], found["checkpoint"], found["resource"]) == ("damage", "segment-damaged", "one", "Local::Directory#data"), found
summary, = [line for line in lines if line["message_type"] == "fsck"]
assert (summary["records"], summary["damage"]) == (2, 1), summary
END

# Rubbish: young, then old.
attempt=$(dirname "$(find $checkpoints/two/data -name '*.1' | head -1)")
mkdir "$(dirname "$attempt")/000009-lost"
lost=$(dirname "$attempt")/000009-lost/tree.0
echo rubbish >"$lost"
rm bank/t/local/indices/by-date/*two
[ "$(fsck --quick)" = 0 ] || fail "rubbish: $(cat out)"
[ -e "$lost" ] || fail "it removes what is young: $(cat out)"
[ -e bank/t/local/indices/by-date/*two ] || fail "the index was not written anew: $(cat out)"
sleep 1.1
[ "$(fsck --quick --min-age 1s --dry-run)" = 0 ] || fail "a dry run: $(cat out)"
grep -q '^would  *checkpoint two, Local::Directory#data: 1 object, 8 B, of attempt 000009-lost' out || fail "a dry run says too little: $(cat out)"
[ -e "$lost" ] || fail "a dry run removes something"
[ "$(fsck --quick --min-age 1s)" = 0 ] || fail "old rubbish: $(cat out)"
grep -q '^did  *checkpoint two' out || fail "it does not say what it did: $(cat out)"
[ ! -e "$lost" ] || fail "old rubbish stays: $(cat out)"
[ "$(fsck --quick --min-age 1s)" = 0 ] || fail "once more: $(cat out)"
! grep -qE '^(did|rubbish)' out || fail "there is more: $(cat out)"

# A bundle that lost a part of itself is a finding about both, keeps nobody from the data, and is said by who reads it.
bundle=$(cd bank/t/local/bundles && ls -d *)
cp -r "bank/t/local/bundles/$bundle" good-bundle
holdfast -q compile restore two -o whole.yaml
for part in shard-0.json bundle.json; do
  rm -f "bank/t/local/bundles/$bundle/$part"
  words="bundles/$bundle/$part is missing"
  [ $part = shard-0.json ] || words="the bundle $(echo "$bundle" | cut -c1-12) is not in the bank"
  for option in --dry-run --quick; do
    [ "$(fsck $option)" = 12 ] || fail "$part is gone, $option: $(cat out)"
    for id in one two; do
      grep -q "^DAMAGED *checkpoint $id: .*$words" out || fail "$part is gone, $option, $id: $(cat out)"
    done
    [ $option = --quick ] || grep -q "segment 1 of [0-9]* of stream " out || fail "the rest is not looked at: $(cat out)"
  done
  holdfast checkpoints show two >show.out 2>&1 || fail "show: $(cat show.out)"
  grep -q "$words" show.out || fail "show does not say it: $(cat show.out)"
  grep -q 'Local::Directory#data' show.out || fail "show has no resources: $(cat show.out)"
  holdfast checkpoints ls two >ls.out 2>&1 || fail "ls: $(cat ls.out)"
  grep -q large ls.out || fail "ls lists nothing: $(cat ls.out)"
  grep -q "$words" ls.out || fail "ls does not say it: $(cat ls.out)"
  rm -rf data
  holdfast -q run whole.yaml >run.out 2>&1 || fail "$part is gone: $(cat run.out)"
  diff -r data kept || fail "$part is gone: what was restored is not what was protected"
  cp -p "good-bundle/$part" "bank/t/local/bundles/$bundle/"
done

rm -rf data
holdfast -q compile restore two -o r.yaml
holdfast -q run r.yaml >run.out 2>&1 || fail "the checkpoint that is whole: $(cat run.out)"
diff -r data kept || fail "what was restored is not what was protected"

# Told to end while it removes what is old: it says so, gives its lease back, and the next one goes on.
leases=bank/t/local/leases
runs=bank/t/local/runs
[ -d $leases/two ] || fail "no lease is kept: $(ls $leases)"
# Runs of a record that is not there.
python3 - $runs <<'END_OF_PYTHON'
import glob, hashlib, json, sys
run = json.load(open(sorted(glob.glob(sys.argv[1] + "/*"))[0]))
del run["sha256"]
run["record"] = "gone"
text = json.dumps(run, separators=(",", ":"))[:-1]
text += ',"sha256":"%s"}' % hashlib.sha256(text.encode()).hexdigest()
for n in range(300): open("%s/gone-%d" % (sys.argv[1], n), "w").write(text)
END_OF_PYTHON
find $runs/gone-* -type f -exec touch -d '2 days ago' {} +
cat >until_it_mends.py <<'END_OF_PYTHON'
import os, signal, subprocess, sys
number = getattr(signal, sys.argv[1])
fsck = subprocess.Popen(["holdfast", "bank", "fsck"], stdout=subprocess.DEVNULL, stderr=open("out", "w"),
                        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
def left():
    return sum(name.startswith("gone-") for name in os.listdir("bank/t/local/runs"))
enough = left() - 20
while fsck.poll() is None and left() > enough:
    pass
fsck.send_signal(number)
sys.exit(fsck.wait())
END_OF_PYTHON
given_back() { grep -q '"released":true' "$(find $leases -path '*fsck*' -type f | sort | tail -1)"; }
before=300
for signal in INT:130 TERM:143; do
  code=$(code_of said python3 until_it_mends.py SIG${signal%:*})
  [ "$code" = "${signal#*:}" ] || fail "$signal: $code: $(cat out said)"
  grep -q '^stopped before all was looked at' out || fail "$signal: $(cat out)"
  given_back || fail "its lease is held still"
  left=$(ls $runs | grep -c gone-)
  [ "$left" -gt 0 ] && [ "$left" -lt $before ] || fail "it was not in the middle: $left are left"
  before=$left
done
[ "$(fsck)" = 12 ] || fail "the next one, to which what is damaged above stays so: $(cat out)"
[ -z "$(ls $runs | grep gone-)" ] && given_back || fail "it does not go on"
