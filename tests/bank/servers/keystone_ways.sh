#!/usr/bin/env bash
# The Swift bank and its Keystone, each way that its settings have: who somebody is (user and password, an application credential,
# a token), which endpoint of the catalog, and tokens that end, or are taken back, in the middle of a protect.
#   keystone_ways.sh BUILD_FOLDER       HOLDFAST_PROTECTED_MB (48) of data
. "$(dirname "$0")/scene.sh"
megabytes=${HOLDFAST_PROTECTED_MB:-48}
# Swift asks Keystone again within seconds: it would take for minutes what Keystone has taken back.
export HOLDFAST_TEST_TOKEN_CACHE_SECONDS=2
start_servers
# Of a second region the admin's endpoint alone leads to Swift.
keystone endpoint object-store RegionTwo "public=http://127.0.0.1:9/v1/AUTH_%(project_id)s" \
  "internal=http://127.0.0.1:9/v1/AUTH_%(project_id)s" "admin=$(cat swift/keystone-url)/v1/AUTH_%(project_id)s"
mkdir data small
head -c "${megabytes}M" /dev/urandom >data/large
echo precious >small/file
echo "directories: [{id: data, path: $dir/data}, {id: small, path: $dir/small}]" >inventory.yaml
user="user = demo
password_file = $(secret demo demo-password)
project = demo"
read -r id words <<<"$(keystone credential demo of-the-bank)"
application="application_credential_id = $id
application_credential_secret_file = $(secret of-the-bank "$words")"
token=$(keystone token demo)

provider() { # NAME CONTAINER SETTINGS
  provider_with_bank "$1" swift <<END
auth_url = $(cat keystone/url)
container = $2
segment_size = 1 MiB
settle_time = 500ms
retry_backoff = 100ms
$3
END
}
way() { # NAME RESOURCE SETTINGS
  provider "$1" "$1" "$3"
  printf 'name: %s\nprovider: %s\nresources: ["Local::Directory#%s"]\nparameters: {"Local::Directory": {rate_limit: 4 MB, snapshot: none}}\n' \
    "$1" "$1" "$2" >"$1.yaml"
  holdfast -q plan discover "$1.yaml"
  holdfast -q compile protect "$1.yaml"
}
# How often our client has asked Keystone for a token.
asked() { grep -c '^POST [^ ]*/auth/tokens [0-9]* holdfast' keystone/out || true; }
good() { # NAME SETTINGS; undisturbed: how often it asked during its protect
  way "$1" small "$2"
  local begun
  begun=$(asked)
  holdfast -q run "$1-protect.yaml" --parameter retries=0 >said 2>&1 || fail "$1: $(cat said)"
  undisturbed=$(($(asked) - begun))
  holdfast -q checkpoints verify latest -p "$1" >said 2>&1 || fail "$1 does not verify: $(cat said)"
}
leads() { # NAME SETTINGS: to what the way called password has stored
  provider "$1" password "$2"
  holdfast -q checkpoints list -p "$1" >said 2>&1 || fail "$1: $(cat said)"
  grep -q ' available ' said || fail "$1 leads elsewhere: $(cat said)"
}
refused() { # CODE WORDS NAME SETTINGS
  provider "$3" password "$4
retry_window = 5s"
  local code
  code=$(code_of said holdfast checkpoints list -p "$3")
  [ "$code" = "$1" ] || fail "$3 ended with $code: $(cat said)"
  grep -qF -- "$2" said || fail "$3 does not say '$2': $(cat said)"
  ! grep -qF -e "$words" -e "$token" -e demo-password said || fail "$3 says a secret: $(cat said)"
}
# --- Who ---
good password "$user"
good application "$application"
of_one=$undisturbed
good token "token_file = $(secret token "$token")"
refused 13 'status 401' wrong-secret "application_credential_id = $id
application_credential_secret_file = $(secret wrong wrong)"
# Nobody renews a token.
keystone revoke "$token"
refused 13 'status 401' old-token "token_file = $dir/secrets/token"
[ $undisturbed = 0 ] || fail "who has a token asked for another $undisturbed times"
echo "by password, by application credential with $of_one authentications of a protect, by token with none"

# --- Where ---
leads one "$user
region = RegionOne"
leads two "$user
region = RegionTwo
interface = admin"
refused 75 'http://127.0.0.1:9' public-of-two "$user
region = RegionTwo"
refused 75 'http://127.0.0.1:9' internal-of-two "$application
region = RegionTwo
interface = internal"
refused 10 'no public endpoint of type object-store in region RegionThree' three "$user
region = RegionThree"
echo "region and interface lead where they say"

# --- Tokens that last 15 s, and are taken back twice meanwhile ---
HOLDFAST_TEST_TOKEN_SECONDS=15 "$services/keystone.sh" restart keystone
way long-password data "$user"
way long-application data "$application"
# What the server has by now, of both.
stored() { find swift/node/*/objects -name '*.data' | wc -l; }
before=$(stored)
begun=$(asked)
started=$SECONDS
declare -A engines
for name in long-password long-application; do
  holdfast run $name-protect.yaml --parameter retries=0 >$name.out 2>&1 &
  engines[$name]=$!
done
for wanted in $((megabytes / 4)) $megabytes; do
  for _ in $(seq 600); do
    [ "$(stored)" -lt $((before + wanted)) ] || break
    sleep 0.1
  done
  for name in "${!engines[@]}"; do
    kill -0 ${engines[$name]} 2>/dev/null || fail "$name ended before it could be disturbed: $(cat $name.out)"
  done
  keystone revoke-all demo
done
for name in "${!engines[@]}"; do
  wait ${engines[$name]} || fail "$name ended with $?: $(cat $name.out)"
done
took=$((SECONDS - started))
times=$(($(asked) - begun))
echo "two protects of $megabytes segments in $took s, with tokens of 15 s, taken back twice: $times authentications"
# Each of the two needs what an undisturbed one does, one more each time that the token comes to its last quarter, and of each
# that is taken back one or two: Keystone takes back all tokens of that second.
most=$((2 * (of_one + took / 9 + 2 * 2)))
[ $times -le $most ] || fail "$times are more than $most"
[ $times -gt $((2 * of_one)) ] || fail "nobody had to ask again"
for name in "${!engines[@]}"; do
  holdfast -q checkpoints verify latest -p $name >said 2>&1 || fail "$name does not verify: $(cat said)"
done
