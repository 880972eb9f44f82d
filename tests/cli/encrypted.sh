#!/usr/bin/env bash
# A provider with a key_file: nothing of what plugins read is plain in the bank, it is restored byte for byte, also
# after a rotation; without its key, or where a byte has changed, there is an error and never data.
#   encrypted.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"

. "$here/plain_data.sh"
cat >plan.yaml <<'END'
name: night
provider: p
resources: ["Local::Directory#tree", "Local::SQLite::Database#shop"]
END
# with_keys FILE: the provider with these keys; without, no keys.
with_keys() {
  printf '[local]\ninventory = %s/inventory.yaml\n' "$dir" | provider local-directory local-sqlite
  sed -i '/^path = /a segment_size = 1 MiB' providers.d/p.conf
  [ $# = 0 ] || sed -i "/^bank = /a key_file = $1" providers.d/p.conf
}
ends() { # CODE WORDS COMMAND...
  local code=0
  "${@:3}" >out 2>&1 || code=$?
  [ $code = "$1" ] || fail "${*:3}: exit $code, not $1: $(cat out)"
  grep -qF -- "$2" out || fail "${*:3}: expected '$2' in: $(cat out)"
}
# restores CHECKPOINT: elsewhere, byte for byte.
restores() {
  rm -rf back restore.yaml restore.bundle
  printf 'Local::Directory: {target: %s/back/tree}\nLocal::SQLite::Database: {path: %s/back/shop.db}\n' "$dir" "$dir" >where.yaml
  mkdir back
  holdfast -q compile restore "$1" --parameters where.yaml -o restore.yaml >out 2>&1 || fail "compile: $(cat out)"
  holdfast -q run restore.yaml >out 2>&1 || fail "restore: $(cat out)"
  diff -r --no-dereference data/tree back/tree || fail "the tree is another one"
  [ "$(sqlite3 data/shop.db .dump)" = "$(sqlite3 back/shop.db .dump)" ] || fail "the database is another one"
}
nothing_plain() {
  local word
  for word in "${plain_words[@]}"; do
    ! grep -rqaF -- "$word" bank || fail "'$word' is in the bank: $(grep -rlaF -- "$word" bank)"
  done
}

# The key file: for its user alone, never shown.
id=$(holdfast bank key new keys 2>said) || fail "$(cat said)"
[[ $id =~ ^[0-9a-f]{16}$ ]] || fail "no id: $id"
grep -q 'key_file' said || fail "$(cat said)"
[ "$(stat -c %a keys)" = 600 ] || fail "mode $(stat -c %a keys)"
key=$(grep -oE '[0-9a-f]{64}' keys)
echo "dear diary" >notes
ends 3 "a line is a key" holdfast bank key new notes
[ "$(cat notes)" = "dear diary" ] || fail "notes were written over"
with_keys keys
ends 3 "'key_file' is an absolute path" holdfast providers check p
with_keys "$dir/none"
ends 3 "the keys cannot be read" holdfast providers check p
ends 13 "key_file" holdfast bank key list -p p
with_keys "$dir/keys"
ends 0 "encrypts with key $id" holdfast providers check p
ends 0 "keys: $id (current)" holdfast providers show p
ends 0 "$id  current" holdfast bank key list -p p
[ "$(holdfast --json bank key list -p p | field key id)" = "$id" ] || fail "--json"
holdfast --json providers show p >>out
holdfast --json bank key list -p p >>out
! grep -q "$key" out said || fail "the key is shown"
# One that was written into the provider's file by mistake is refused, and not shown.
sed "s/^key_file = .*/key = $key/" providers.d/p.conf >wrong.conf
ends 3 "did you mean 'key_file'?" holdfast providers check ./wrong.conf
! grep -q "$key" out || fail "the key is shown"
chmod 640 keys
ends 13 "others may read it" holdfast bank key list -p p
chmod 600 keys

holdfast -q plan discover plan.yaml
ends 0 "encrypted with key $id" holdfast check plan.yaml
holdfast -q compile protect plan.yaml -o protect.yaml
! grep -rq "$key" protect.yaml protect.bundle || fail "the key is in the workflow"
holdfast -q run protect.yaml --run-id one >out 2>&1 || fail "$(cat out)"
nothing_plain
! grep -rqa "$key" bank out || fail "the key is in the bank or said"
ends 0 "available" holdfast checkpoints show one
grep -q "encrypted with key $id" out || fail "$(cat out)"
ends 0 "verified" holdfast checkpoints verify one
ends 0 "secret-folder/secret-name.txt" holdfast checkpoints ls one
restores one
nothing_plain # what a restore journals, too
ends 0 "keeps all" holdfast bank check -p p
ends 0 "nothing to do" holdfast gc -p p

# A new key encrypts what comes, the older one opens what was.
new=$(holdfast -q bank key new keys)
[ "$(holdfast --json bank key list -p p | field key id)" = "$new"$'\n'"$id" ] || fail "$(holdfast bank key list -p p)"
[ "$(stat -c %a keys)" = 600 ] || fail "mode $(stat -c %a keys)"
holdfast -q run protect.yaml --run-id two >out 2>&1 || fail "$(cat out)"
nothing_plain
grep -q "\"key\":\"$new\"" -r bank/t/local/checkpoints/two/resources || fail "not with the new key"
for checkpoint in one two; do restores $checkpoint; done

# Only the new key: what the old one encrypted names it; so does a file of other keys, and a provider without.
cp keys both
grep -v "$key" both >keys
for keys in "$dir/keys" ""; do
  with_keys $keys
  ends 13 "encrypted with key $id" holdfast checkpoints verify one
  grep -q key_file out || fail "which setting: $(cat out)"
  # It counts as none: the checkpoint is as good as before.
  holdfast checkpoints show one >out 2>&1 || fail "$(cat out)"
  grep -q "verified in full" out && ! grep -q FAILED out || fail "a verdict without a key: $(cat out)"
  ends 13 "encrypted with key $id" holdfast checkpoints ls one
  rm -rf back
  mkdir back
  holdfast -q compile restore one --parameters where.yaml -o no.yaml
  ends 13 "encrypted with key $id" holdfast run no.yaml
  [ -z "$(ls back)" ] || fail "something was restored: $(ls back)"
  ends 0 "available" holdfast checkpoints list
  ends 0 "Local::Directory#tree" holdfast checkpoints show one
  ends 0 "nothing to do" holdfast gc -p p
done
with_keys "$dir/keys"
restores two
# What is deleted is not read.
with_keys
ends 0 "" holdfast checkpoints delete one
# A checkpoint of a provider without keys is plain, and read once there are some.
holdfast -q run protect.yaml --run-id three >out 2>&1 || fail "$(cat out)"
! grep -rq '"key":' bank/t/local/checkpoints/three/resources || fail "it is encrypted"
cp both keys
with_keys "$dir/keys"
restores three

# A changed byte, in the header, the nonce, the payload and the tag of a segment, and in saved info: an error each time.
cp -r bank good
chmod -R u+w good
segment=$(find bank/t/local/checkpoints/two/data -type f -name '*.0' | sort | head -1)
size=$(stat -c %s "$segment")
for at in 8 10 12 20 30 60 $((size / 2)) $((size - 1)); do
  rm -rf bank
  cp -r good bank
  python3 -c 'import sys
f = open(sys.argv[1], "r+b"); f.seek(int(sys.argv[2])); b = f.read(1)[0]; f.seek(int(sys.argv[2])); f.write(bytes([b ^ 1]))' "$segment" $at
  ends 5 "the stored bytes are not those that were written" holdfast checkpoints verify two
done
rm -rf bank
cp -r good bank
saved=$(find bank/t/local/checkpoints/two/resources -type f -name saved | sort | head -1)
sed -i -E 's/("sealed_info":"[^"]{90})(.)/\1\2\2/' "$saved"
ends 5 "saved is not what was written" holdfast checkpoints verify two

# Two segments that changed places, with a manifest that was written to match: they do not open there.
rm -rf bank
cp -r good bank
python3 - bank/t/local/checkpoints/two <<'END'
import glob, hashlib, json, os, sys
os.chdir(sys.argv[1])
(path,) = [p for p in glob.glob("resources/*Directory/*/*/manifest")]
text = open(path).read()
manifest = json.loads(text)
stream = max(manifest["streams"], key=lambda s: len(s["segments"]))
kind, resource = path.split("/")[1:3]
name = f"data/{kind}/{resource}/{stream['attempt']}/{stream['name']}."
if len(stream["segments"]) < 2: sys.exit("the stream has one segment only")
a, b = open(name + "0", "rb").read(), open(name + "1", "rb").read()
for number, bytes_of, plain in ((0, b, 1), (1, a, 0)):
    os.chmod(name + str(number), 0o600)
    open(name + str(number), "wb").write(bytes_of)
stream["segments"][0], stream["segments"][1] = stream["segments"][1], stream["segments"][0]
del manifest["sha256"]
body = json.dumps(manifest, separators=(",", ":"), ensure_ascii=False)[:-1]
os.chmod(path, 0o600)
open(path, "w").write(body + ',"sha256":"' + hashlib.sha256(body.encode()).hexdigest() + '"}')
END
ends 5 "it does not open with key $new" holdfast checkpoints verify two

# A site for a cluster: the key file becomes part of the Secret, and no ConfigMap.
holdfast init argo site --bank claim:bank >said 2>&1 || fail "$(cat said)"
grep -qF -- "--from-file=$dir/keys" said || fail "$(cat said)"
grep -qF "mountPath: $dir/keys" site/holdfast-steps.yaml || grep -qF "$dir/keys" site/holdfast-steps.yaml || fail "it is not mounted"
! grep -rq "$key" site || fail "the key is in the files of the site"
# On this machine the file may lie in the folder of secrets instead.
mkdir secrets
mv keys secrets/keys
HOLDFAST_SECRET_DIR=$dir/secrets ends 0 "$new" holdfast bank key list -p p
