# What tests of banks on real servers begin with: a Swift, with tempauth and its S3 API, and a Keystone beside it, which a
# second proxy asks who somebody is. Everything in a folder of its own, which goes with the test.
#   . scene.sh BUILD_FOLDER
set -euo pipefail
build=$(realpath "$1")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
services=$here/../../services
dir=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-$(basename "$0" .sh).XXXXXX")
chmod 755 "$dir"
# A server that is gone already must not hide how the test has ended.
cleanup() {
  [ ! -e "$dir/swift" ] || "$services/swift.sh" stop "$dir/swift" || true
  [ ! -e "$dir/keystone/url" ] || "$services/keystone.sh" stop "$dir/keystone" || true
  rm -rf "$dir"
}
trap cleanup EXIT
fail() { echo "$(basename "$0"): $*" >&2; exit 1; }
code_of() { # FILE COMMAND...: what it says goes to FILE, its exit code to stdout
  local code=0
  "${@:2}" >"$1" 2>&1 </dev/null || code=$?
  echo $code
}
PATH=$build/bin:$PATH
cd "$dir"
mkdir providers.d secrets
export HOLDFAST_PROVIDER_CONFIG_DIR=$dir/providers.d
if [ -z "${HOLDFAST_TEST_NO_SERVERS:-}" ]; then
  for what in "$("$services/swift.sh" missing || true)" "$("$services/keystone.sh" missing || true)"; do
    [ -z "$what" ] || { echo "skipped: $what"; exit 77; }
  done
fi
keystone() { "$services/keystone_api.py" "$(cat keystone/url)" "$@"; }
# Swift with a Keystone that knows where it is.
start_servers() {
  "$services/swift.sh" reserve swift
  "$services/keystone.sh" start keystone "object-store=$(cat swift/keystone-url)/v1/AUTH_%(project_id)s"
  "$services/swift.sh" start swift keystone
}

# A provider file: its bank's section comes on stdin.
provider_with_bank() { # NAME BANK [PLUGIN]
  {
    printf '[provider]\nname = %s\nid = %s\nbank = %s\nplugin = %s\n[%s]\n' "$1" "$(cat /proc/sys/kernel/random/uuid)" "$2" "${3:-local-directory}" "$2"
    cat
    [ "${3:-local-directory}" != local-directory ] || printf '[local]\ninventory = %s/inventory.yaml\n' "$dir"
  } >"providers.d/$1.conf"
}
secret() { # NAME TEXT: prints the file that has it
  (umask 077 && printf '%s\n' "$2" >"secrets/$1")
  echo "$dir/secrets/$1"
}
# Of the Swift that was started: the settings of test:tester by its own API, and by that of S3; a token.
swift_account() {
  printf 'auth_url = %s/auth/v1.0\nuser = test:tester\npassword_file = %s\n' "$(cat swift/url)" "$(secret swift testing)"
}
s3_account() {
  printf 'endpoint = %s\naccess_key_file = %s\nsecret_key_file = %s\n' "$(cat swift/url)" "$(secret access test:tester)" "$(secret secret testing)"
}
swift_token() {
  curl -sS -i -H 'X-Storage-User: test:tester' -H 'X-Storage-Pass: testing' "$(cat swift/url)/auth/v1.0" | tr -d '\r' |
    sed -n 's/^X-Auth-Token: //p'
}
# Banks by both, which are called so.
swift_and_s3() { # SETTINGS
  provider_with_bank swift swift <<<"$(swift_account)
container = by-swift
$1"
  provider_with_bank s3 s3 <<<"$(s3_account)
bucket = by-s3
$1"
}
# The segments of checkpoints in a container of its: ATTEMPT/NAME.NUMBER, the attempts in their order.
segments() { # CONTAINER
  curl -sS -H "X-Auth-Token: $(swift_token)" "$(cat swift/url)/v1/AUTH_test/$1?prefix=t/local/checkpoints/" |
    sed -n 's,.*/data/[^/]*/[^/]*/\([^/]*/[^/]*\)$,\1,p'
}
# swift, s3: with Swift's own users; keystone, s3-keystone: with those of Keystone. Of s3 the bucket is in the path, of s3-keystone in
# the host's name: every name below localhost is this machine.
banks() {
  local access secret
  swift_account | provider_with_bank swift swift
  provider_with_bank s3 s3 <<END
$(s3_account)
part_size = 5 MiB
END
  provider_with_bank keystone swift <<END
auth_url = $(cat keystone/url)
user = demo
password_file = $(secret keystone demo-password)
END
  read -r access secret <<<"$(keystone ec2 demo)"
  provider_with_bank s3-keystone s3 <<END
endpoint = $(sed 's,127.0.0.1,localhost,' swift/keystone-url)
bucket = by-s3
path_style = false
access_key_file = $(secret ec2-access "$access")
secret_key_file = $(secret ec2-secret "$secret")
part_size = 5 MiB
END
}
