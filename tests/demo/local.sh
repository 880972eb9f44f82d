# shellcheck shell=bash disable=SC2034,SC2154 # names that demo.sh uses, or sets
# The demo's engine local, sourced by demo.sh: holdfast itself runs the workflow files, as whoever started it.
engine_name="this machine"
engine_keeps="and the provider file"
engine_missing() { :; }
engine_start() { :; }
engine_stop() { :; }
make_site() { :; }
hand_over() { :; }
as_shop() { "$@"; }
carry_out() { run holdfast run "$1"; } # FILE
verify_latest() { run holdfast checkpoints verify latest; }
delete_latest() { run holdfast checkpoints delete latest; }
