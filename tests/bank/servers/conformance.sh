#!/usr/bin/env bash
# Every promise of plugins/sdk/bank.h, on the real servers: what `holdfast bank check` says of each bank.
#   conformance.sh BUILD_FOLDER      HOLDFAST_LISTED_OBJECTS: how many the longest listing shows (1100 of S3, more than it lists at
#                                    once, and 110 of others; the soak: 10100 of each, more than Swift lists at once)
. "$(dirname "$0")/scene.sh"
# Small, so that some objects are larger than the server takes at once.
export HOLDFAST_TEST_MOST_OBJECT=6000000
few=110
start_servers
banks
for bank in swift keystone s3 s3-keystone; do
  started=$SECONDS
  listed=$few
  [ $bank != s3 ] || listed=1100
  holdfast bank check -p $bank --objects "${HOLDFAST_LISTED_OBJECTS:-$listed}" >said 2>&1 || fail "$bank: $(cat said)"
  grep -q '^ok ' said || fail "$bank checked nothing: $(cat said)"
  echo "$bank: $(grep -c '^ok ' said) promises in $((SECONDS - started)) s"
done

# Protects and restores through the provider Foo as its file stands: with one plugin more, for those that it names are of OpenStack,
# and with what that one needs.
mkdir data
echo precious >data/file
head -c 100000 /dev/urandom >data/noise
echo "directories: [{id: data, path: $dir/data}]" >inventory.yaml
printf 'Local::Directory: {target: %s/back}\n' "$dir" >where.yaml
printf 'name: foos\nprovider: Foo\nresources: ["Local::Directory#data"]\n' >foos.yaml
foo_keeps_data() {
  if ! grep -q '^plugin = local-directory$' providers.d/foo.conf; then
    sed -i '/^plugin = .*project-protection-plugin$/a plugin = local-directory' providers.d/foo.conf
    printf '[local]\ninventory = %s/inventory.yaml\n' "$dir" >>providers.d/foo.conf
  fi
  rm -rf back
  holdfast -q plan discover foos.yaml 2>said || fail "$(cat said)"
  holdfast -q compile protect foos.yaml 2>said || fail "$(cat said)"
  holdfast -q run foos-protect.yaml >said 2>&1 || fail "Foo's protect: $(cat said)"
  holdfast -q compile restore latest -p Foo --parameters where.yaml -o restore.yaml 2>said || fail "$(cat said)"
  holdfast -q run restore.yaml >said 2>&1 || fail "Foo's restore: $(cat said)"
  diff -r data back || fail "other bytes came back"
}

# The example of the specification, with the address of this Keystone alone in the place of its own.
keystone password admin password
sleep 1.1 # Keystone takes back all tokens of that second
sed "s,^bank_swift_auth_url = .*,bank_swift_auth_url = $(sed 's:/v3$::' keystone/url)," "$here/../../fixtures/specification_example.conf" >providers.d/foo.conf
holdfast bank check -p Foo --objects $few >said 2>&1 || fail "the specification's example: $(cat said)"
grep -q 'container karbor at' said || fail "another container: $(cat said)"
foo_keeps_data
# For Swift's own auth also the path of the URL and the user are others.
sed -i "s,^bank_swift_auth_url = .*,bank_swift_auth_url = $(cat swift/url)/auth/v1.0," providers.d/foo.conf
sed -i 's/^bank_swift_user = .*/bank_swift_user = test:tester/; s/^bank_swift_key = .*/bank_swift_key = testing/' providers.d/foo.conf
holdfast bank check -p Foo --objects $few >said 2>&1 || fail "the specification's example with tempauth: $(cat said)"
foo_keeps_data
echo "the specification's example: checked, protected and restored by Keystone and by tempauth"

# Where a store creates an object exclusively, exactly one of many who come at once does, and nobody waits. Swift's S3 API does
# not: there a strict one stands before it.
"$services/conditional_put.py" --port-file port --upstream "$(cat swift/url)" --access test:tester --secret testing --log conditions &
proxy=$!
trap 'kill $proxy 2>/dev/null || true; cleanup' EXIT
for _ in $(seq 100); do [ ! -s port ] || break; sleep 0.1; done
conditional() { # NAME ENDPOINT
  provider_with_bank "$1" s3 <<END
endpoint = $2
bucket = conditional
access_key_file = $dir/secrets/access
secret_key_file = $dir/secrets/secret
part_size = 5 MiB
conditional_put = true
END
}
conditional s3-conditional "http://127.0.0.1:$(cat port)"
started=$SECONDS
holdfast bank check -p s3-conditional --objects $few >said 2>&1 || fail "s3-conditional: $(cat said)"
echo "s3-conditional: $(grep -c '^ok ' said) promises in $((SECONDS - started)) s; $(grep -c 200 conditions) conditions held, $(grep -vc 200 conditions) did not"
for status in 200 409 412; do
  grep -q $status conditions || fail "no condition was answered $status: $(sort conditions | uniq -c)"
done
# A store that says so and is none is found out.
conditional s3-liar "$(cat swift/url)"
[ "$(code_of said holdfast bank check -p s3-liar --objects $few)" != 0 ] || fail "a store without conditions passed as one with them: $(cat said)"
grep -q 'conditional_put = false' said || fail "nothing says what to do: $(cat said)"
