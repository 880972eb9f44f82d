# Sourced by tests that are in the scene and have a Mistral: a folder whose copy goes slowly enough to be met in the middle, and
# what shows afterwards that its checkpoint holds it.
printf 'directories:\n- {id: data, path: %s/data}\n' "$dir" >inventory.yaml
printf '[local]\ninventory = %s/inventory.yaml\n' "$dir" | provider local-directory
printf 'name: d\nprovider: p\nresources: ["Local::Directory#data"]\nparameters: {"Local::Directory": {rate_limit: 1 MB}}\n' >d.yaml
holdfast -q plan discover d.yaml >said 2>&1 || fail "discover: $(cat said)"
compiled d-protect.yaml protect d.yaml
copy=$(holdfast -q step list d-protect.yaml | awk '/parallel/ { print $1 }')
[ -n "$copy" ] || fail "no step copies: $(holdfast step list d-protect.yaml)"
at_work() { pgrep -f "holdfast-step run .*--run=$run.*--step=$copy|holdfast-step run .*--step=$copy.*--run=$run" >/dev/null; }
signal() { # SIGNAL: to the copy
  pkill "-$1" -f "holdfast-step run .*--run=$run.*--step=$copy|holdfast-step run .*--step=$copy.*--run=$run" || fail "there is no step to send $1"
}
begin_copy() {
  mkdir data
  head -c 3000000 /dev/urandom >data/large
  ln -s large data/link
  rm -rf was && cp -a data was
  run=$(on -q submit d-protect.yaml) || fail "submit"
  [ "${1:-}" = unseen ] || { soon at_work && sleep 1; }
}
ends_well() { # WHAT
  [ "$(code_of said on watch $run)" = 0 ] || fail "$1: $(cat said)"
}
is_restored() { # WHAT: from the record of the run
  holdfast checkpoints list | grep -q "^$run .*available" || fail "$1: $(holdfast checkpoints list)"
  rm -r data
  compiled d-restore.yaml restore $run
  [ "$(code_of said on submit d-restore.yaml --watch)" = 0 ] || fail "$1: $(cat said)"
  diff -r --no-dereference was data || fail "$1: what is restored is something else"
  rm -r data
}
