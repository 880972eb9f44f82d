# shellcheck shell=bash disable=SC2034,SC2154 # names that demo.sh uses, or sets
# The demo's bank by default, sourced by demo.sh: a folder.
bank_name="a filesystem bank"
bank_missing() { :; }
bank_start() {
  mkdir -p "$dir/bank"
  chmod 700 "$dir/bank"
  hand_over "$dir/bank"
}
bank_stop() { :; }
bank_keys() { :; }
bank_shows_nothing() { :; } # it has no keys
bank_section() { printf '[filesystem]\npath = %s\n' "$dir/bank"; }
