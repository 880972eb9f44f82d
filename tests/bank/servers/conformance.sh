#!/usr/bin/env bash
# Every promise of plugins/sdk/bank.h, on the real servers: what `holdfast bank check` says of each bank.
#   conformance.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
# Small, so that some objects are larger than the server takes at once.
export HOLDFAST_TEST_MOST_OBJECT=6000000
start_servers
banks
for bank in swift keystone s3 s3-keystone; do
  started=$SECONDS
  holdfast bank check -p $bank >said 2>&1 || fail "$bank: $(cat said)"
  grep -q '^ok ' said || fail "$bank checked nothing: $(cat said)"
  echo "$bank: $(grep -c '^ok ' said) promises in $((SECONDS - started)) s"
done

# The example of the specification, with the address of this Keystone alone in the place of its own.
keystone password admin password
sleep 1.1 # Keystone takes back all tokens of that second
sed "s,^bank_swift_auth_url = .*,bank_swift_auth_url = $(sed 's:/v3$::' keystone/url)," "$here/../../fixtures/specification_example.conf" >providers.d/foo.conf
holdfast bank check -p Foo >said 2>&1 || fail "the specification's example: $(cat said)"
grep -q 'container karbor at' said || fail "another container: $(cat said)"
# For Swift's own auth also the path of the URL and the user are others.
sed -i "s,^bank_swift_auth_url = .*,bank_swift_auth_url = $(cat swift/url)/auth/v1.0," providers.d/foo.conf
sed -i 's/^bank_swift_user = .*/bank_swift_user = test:tester/; s/^bank_swift_key = .*/bank_swift_key = testing/' providers.d/foo.conf
holdfast bank check -p Foo >said 2>&1 || fail "the specification's example with tempauth: $(cat said)"
