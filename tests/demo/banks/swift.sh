# shellcheck shell=bash disable=SC2034,SC2154 # names that demo.sh uses, or sets
# An encrypted bank in a Swift of the demo's own, sourced by demo.sh; tests/demo/banks/s3.sh is the same server by its other API.
bank_name="a bank in OpenStack Swift"
bank_missing() {
  [ "$engine" != argo ] || { echo "missing: a way from the cluster's pods to the demo's Swift; take ENGINE=local or mistral"; return 1; }
  "$top/tests/services/swift.sh" missing
}
bank_start() {
  step "An OpenStack Swift of our own (loopback, its own folder)"
  "$top/tests/services/swift.sh" start "$dir/swift"
  echo "it answers at $(cat "$dir/swift/url")"
  bank_secrets
  step "Keys of our own: the server gets nothing that it could read"
  run holdfast bank key new "$dir/keys"
  hand_over "$dir/keys"
}
bank_keys() { echo "key_file = $dir/keys"; }
bank_stop() { "$top/tests/services/swift.sh" stop "$dir/swift" >/dev/null 2>&1; }
# What the server has is searched for what was protected. (Nothing is compressed, so that it could be found.)
bank_shows_nothing() {
  local word files
  files=$(find "$dir"/swift/node/*/objects -type f | wc -l)
  [ "$files" -gt 10 ] || { echo "demo: the server has $files objects alone" >&2; exit 1; }
  for word in 'customer 1' 'order 00000' 'SQLite format' 000001.txt logo.jpg; do
    ! grep -rqaF -- "$word" "$dir"/swift/node/*/objects || { echo "demo: the server can read '$word'" >&2; exit 1; }
  done
  echo "$files objects of the server: no order, customer or name of a file is to be read in them"
}
secret() { # NAME TEXT
  (umask 077 && printf '%s\n' "$2" >"$dir/$1")
  hand_over "$dir/$1"
}
bank_secrets() { secret swift-key testing; }
bank_section() {
  cat <<END
[swift]
auth_url = $(cat "$dir/swift/url")/auth/v1.0
user = test:tester
password_file = $dir/swift-key
container = demo
compression_level = 0
END
}
