#!/usr/bin/env bash
# Banks on the real servers with a key_file: of every object that the server has none shows a byte of what plugins read, nor a name
# of it. Beside them the same banks without one, in which the same search finds all of it.
#   sealed.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
"$services/swift.sh" start swift
url=$(cat swift/url)
. "$here/../../cli/plain_data.sh"
words=("${plain_words[@]}" '"window_begin":"20')
# Some bytes of the noise, as a pattern of grep.
noise=$(od -An -v -tx1 -j 1500000 -N 12 data/tree/noise | tr -d ' \n' | sed 's/../\\x&/g')
holdfast -q bank key new keys >/dev/null
token=$(swift_token)

protect() { # BANK NAME [KEY_FILE]; its settings come on stdin
  # What is compressed shows nothing either.
  { cat; printf 'compression_level = 0\nsegment_size = 1 MiB\nsettle_time = 500ms\n'; } | provider_with_bank "$2" "$1"
  sed -i "s,^plugin = .*,&\nplugin = local-sqlite${3:+\nkey_file = $3}," "providers.d/$2.conf"
  printf 'name: %s\nprovider: %s\nresources: ["Local::Directory#tree", "Local::SQLite::Database#shop"]\n' "$2" "$2" >"$2.yaml"
  holdfast -q plan discover "$2.yaml"
  holdfast -q compile protect "$2.yaml"
  holdfast -q run "$2-protect.yaml" >said 2>&1 || fail "$2: $(cat said)"
}
# Every object of a container, with the headers that it comes with, in a folder of its name.
read_back() { # CONTAINER
  local n=0 name
  mkdir "$1"
  while read -r name; do
    printf 'url = "%s/v1/AUTH_test/%s/%s"\noutput = "%s/%s"\n' "$url" "$1" "$name" "$1" $((n += 1))
  done < <(curl -sS -f -H "X-Auth-Token: $token" "$url/v1/AUTH_test/$1") >"$1.curl"
  [ -s "$1.curl" ] || fail "$1 has no objects"
  curl -sS -f -i -H "X-Auth-Token: $token" -K "$1.curl"
}
for bank in swift s3; do
  case $bank in swift) settings="$(swift_account)"$'\n'container ;; s3) settings="$(s3_account)"$'\n'bucket ;; esac
  protect $bank plain-$bank <<<"$settings = plain-$bank"
  protect $bank sealed-$bank "$dir/keys" <<<"$settings = sealed-$bank"
  for name in plain-$bank sealed-$bank; do read_back $name; done
  for word in "${words[@]}"; do
    grep -rqaF -- "$word" plain-$bank || fail "without keys '$word' is not found: the search is worth nothing"
    ! grep -rqaF -- "$word" sealed-$bank || fail "'$word' is in $(grep -rlaF -- "$word" sealed-$bank)"
  done
  LC_ALL=C grep -rqaP -- "$noise" plain-$bank || fail "without keys the noise is not found: the search is worth nothing"
  ! LC_ALL=C grep -rqaP -- "$noise" sealed-$bank || fail "the noise is in $bank"
  holdfast -q checkpoints verify latest -p sealed-$bank >said 2>&1 || fail "sealed-$bank: $(cat said)"
  echo "$bank: nothing of it in $(ls sealed-$bank | wc -l) objects; without keys all of it is in $(ls plain-$bank | wc -l)"
done
