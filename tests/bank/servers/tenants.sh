#!/usr/bin/env bash
# Two tenants of one bank: of what one has there the other sees nothing, and can do nothing to it, whatever id it names.
#   tenants.sh BUILD_FOLDER [filesystem]      on a Swift and its S3 API, unless `filesystem` says that no server is needed
if [ "${2:-}" = filesystem ]; then export HOLDFAST_TEST_NO_SERVERS=1; fi
. "$(dirname "$0")/scene.sh"
mkdir red blue back
echo "red's own" >red/file
echo "blue's own" >blue/file
echo "directories: [{id: red, path: $dir/red}, {id: blue, path: $dir/blue}]" >inventory.yaml
nothing='there is no (checkpoint|record|run)|has no (checkpoint|run)|no checkpoint'

tenants_of() { # BANK; its settings come on stdin
  local bank=$1 settings tenant
  settings=$(cat)
  rm -rf ./*-protect.yaml.run
  for tenant in red blue; do
    provider_with_bank $tenant "$bank" <<<"$settings"
    sed -i "/^bank = /a tenant = $tenant" providers.d/$tenant.conf
    printf 'name: nightly\nprovider: %s\nresources: ["Local::Directory#%s"]\n' $tenant $tenant >$tenant.yaml
    holdfast -q plan discover $tenant.yaml
    holdfast -q compile protect $tenant.yaml -o $tenant-protect.yaml
  done
  # One name of a run, and of a checkpoint, is not the other's.
  [ "$(code_of said holdfast -q run red-protect.yaml --run-id same)" = 0 ] || fail "$bank: red's protect: $(cat said)"
  [ "$(code_of said holdfast -q run red-protect.yaml --run-id of-red)" = 0 ] || fail "$bank: red's second protect: $(cat said)"
  [ "$(code_of said holdfast -q run blue-protect.yaml --run-id same)" = 0 ] || fail "$bank: blue's protect: $(cat said)"
  [ "$(holdfast --json checkpoints list -p blue | grep -c '"id":"same"')" = 1 ] || fail "$bank: blue sees: $(holdfast checkpoints list -p blue)"
  ! holdfast checkpoints list -p blue | grep of-red || fail "$bank: blue sees what red has"
  holdfast checkpoints list -p red | grep -q of-red || fail "$bank: red does not see its own"
  for command in "checkpoints show" "checkpoints verify" "checkpoints delete" "checkpoints pin" "compile restore" "compile delete"; do
    [ "$(code_of said holdfast $command of-red -p blue)" != 0 ] || fail "$bank: blue could $command what red has"
    grep -Eq "$nothing" said || fail "$bank: blue's $command of what red has: $(cat said)"
  done
  holdfast -q gc -p blue >/dev/null || fail "$bank: gc"
  holdfast -q checkpoints delete same -p blue >/dev/null || fail "$bank: blue's deletion of its own"
  for id in same of-red; do
    printf '"Local::Directory": {target: %s}\n' "$dir/back/$bank-$id" >to.yaml
    holdfast -q compile restore $id -p red --parameters to.yaml -o restore.yaml || fail "$bank: red's restore of $id"
    [ "$(code_of said holdfast -q run restore.yaml)" = 0 ] || fail "$bank: red's restore of $id: $(cat said)"
    diff -r red "back/$bank-$id" || fail "$bank: not what red had"
  done
}

if [ -n "${HOLDFAST_TEST_NO_SERVERS:-}" ]; then
  tenants_of filesystem <<<"path = $dir/bank"
  exit
fi
"$services/swift.sh" start swift
tenants_of swift <<END
$(swift_account)
settle_time = 2s
END
tenants_of s3 <<END
$(s3_account)
bucket = by-s3
settle_time = 2s
END
