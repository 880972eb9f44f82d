#!/usr/bin/env bash
# Bad input on the command line: each case gives one clear error (its exact words are in NAME.err
# below bad_input/), exit code 3 (or 2 for a wrong command line), and writes nothing.
#   bad_input.sh BUILD_FOLDER        HOLDFAST_UPDATE_GOLDEN=1 rewrites the expected errors
. "$(dirname "$0")/scene.sh"
export HOLDFAST_PROVIDER_CONFIG_DIR=providers.d
failed=0

# A good setting, from which each case spoils one thing.
prepare() {
  rm -rf "$dir/case"
  mkdir -p "$dir/case/providers.d" "$dir/case/bank" "$dir/case/data"
  cd "$dir/case"
  printf 'directories:\n  - {id: data, path: %s}\n' "$dir/case/data" >inventory.yaml
  cat >providers.d/p.conf <<END
[provider]
name = p
id = 0b0f6b1e-53f6-4f5c-9d0e-0f0a6d1d7a04
bank = filesystem
plugin = local-directory
[filesystem]
path = $dir/case/bank
[local]
inventory = $dir/case/inventory.yaml
END
  printf 'name: data\nprovider: p\nresources:\n  - Local::Directory#data\n' >plan.yaml
  holdfast -q plan discover plan.yaml
  holdfast -q compile protect plan.yaml
  rm -f plan.yaml.tmp*
}

# Every folder, and every file with its hash.
contents() {
  find . -type d | LC_ALL=C sort
  find . -type f | LC_ALL=C sort | xargs -d '\n' sha256sum
}

# check NAME EXIT_CODE COMMAND...
check() {
  local name=$1 expected=$2 code=0
  shift 2
  contents >"$dir/before"
  holdfast "$@" >"$dir/out" 2>"$dir/err" || code=$?
  contents >"$dir/after"
  sed -i -E "s#$dir/case#DIR#g; s#$build/#BUILD/#g; s#'check/[0-9-]+/#'check/PROCESS/#; s#: (Operation not permitted|Permission denied)\$#: DENIED#" "$dir/err"
  if [ "$code" != "$expected" ]; then
    echo "$name: exit code $code, not $expected" >&2
    cat "$dir/err" >&2
    failed=1
  fi
  if ! diff "$dir/before" "$dir/after" >&2; then
    echo "$name: something was written" >&2
    failed=1
  fi
  if [ -n "${HOLDFAST_UPDATE_GOLDEN:-}" ]; then
    mkdir -p "$here/bad_input"
    cp "$dir/err" "$here/bad_input/$name.err"
  elif ! diff -u "$here/bad_input/$name.err" "$dir/err" >&2; then
    echo "$name: the error reads otherwise" >&2
    failed=1
  fi
}

prepare
check usage-unknown-command 2 complie protect plan.yaml
check usage-unknown-option 2 compile protect plan.yaml --fusion leaf
check usage-bad-choice 2 compile protect plan.yaml --fuse all
# For whoever reads data a wrong command line is data, too.
for words in "complie protect" "compile protect plan.yaml --fuse all" "providers chek --json" ""; do
  code=0
  holdfast --json $words >"$dir/out" 2>/dev/null || code=$?
  [ "$code" = 2 ] || { echo "--json $words: exit code $code, not 2" >&2; failed=1; }
  python3 -c '
import json, sys
(error,) = map(json.loads, open(sys.argv[1]))
assert (error["message_type"], error["code"], error["exit_code"]) == ("error", "usage", 2) and error["message"], error' \
    "$dir/out" || { echo "--json $words: $(cat "$dir/out")" >&2; failed=1; }
done
printf 'name: Data\nprovider: p\nresorces: [x]\n' >plan.yaml
check plan-several-faults 3 compile protect plan.yaml
printf 'name: data\nprovider: p\nresources:\n\t- x\n' >plan.yaml
check plan-tab 3 compile protect plan.yaml
prepare
printf 'name: data\nprovider: p\nresources: ["Local::Directory#data"]\nparameters:\n  Local::Directory: {snapshots: copy}\n' >plan.yaml
check parameter-unknown 3 compile protect plan.yaml
printf 'name: data\nprovider: p\nresources: ["Local::Directory#data"]\nparameters:\n  Local::Directory: {snapshot: cpy}\n' >plan.yaml
check parameter-not-allowed 3 compile protect plan.yaml
prepare
printf 'name: data\nprovider: q\nresources: ["Local::Directory#data"]\n' >plan.yaml
check plan-unknown-provider 3 compile protect plan.yaml
check plan-unknown-provider 3 plan discover plan.yaml
check plan-unknown-provider 3 graph plan.yaml --activities
# Named on the command line it is a thing that is not there.
check provider-not-there 10 checkpoints list --provider q
sed -i 's/^provider: q/provider: p/' plan.yaml
sed -i 's/^bank = /enabled = false\n&/' providers.d/p.conf
check plan-disabled-provider 3 compile protect plan.yaml
sed -i '/^enabled/d; s/^bank = .*/bank = filesytem/' providers.d/p.conf
check plan-broken-provider 3 compile protect plan.yaml
prepare
sed -i 's/^resources:/&\n  - Local::Directory#logs/' plan.yaml
check plan-resource-not-in-graph 3 compile protect plan.yaml
prepare
sed -i 's/plugin = local-directory/plugin = local-directry/' providers.d/p.conf
check provider-unknown-plugin 3 providers check
prepare
sed -i 's#^plugin = local-directory#plugin = exec:/bin/true#; /^.local.$/,$d' providers.d/p.conf
check provider-exec-is-no-plugin 3 providers check
check provider-exec-is-no-plugin 3 resources list
prepare
sed -i 's#^path = .*#path = /srv/bank\n pass ;word = x#' providers.d/p.conf
check provider-indented-line 3 providers check
prepare
sed -i 's#^path = .*#path = /srv/bank ;word#' providers.d/p.conf
check provider-inline-comment 3 providers check
prepare
sed -i '/^id =/d' providers.d/p.conf
check provider-no-id 3 providers check
prepare
printf 'format: 1\nresources:\n- {type: "Local::Directory", id: data, extra: {path: /a}, children: [{type: "Local::Directory", id: b}]}\n- {type: "Local::Directory", id: b, extra: {path: /b}, children: [{type: "Local::Directory", id: data}]}\n' >plan.graph.yaml
check graph-cycle 3 compile protect plan.yaml
check graph-cycle 3 graph plan.yaml --activities
mv plan.graph.yaml good.graph.yaml
printf '{"format":1,"resources":2}\n{"type":"Local::Directory","id":"data","extra":{"path":"/a"},"children":[{"type":"Local::Directory","id":"b"}]}\n{"type":"Local::Directory","id":"b","extra":{"path":"/b"},"children":[{"type":"Local::Directory","id":"data"}]}\n' >plan.graph.jsonl
check graph-cycle-jsonl 3 compile protect plan.yaml
rm plan.graph.jsonl
mv good.graph.yaml plan.graph.yaml
printf 'format: 1\nresources:\n- {type: "Local::Directory", id: data, parent: x}\n' >plan.graph.yaml
check graph-unknown-key 3 compile protect plan.yaml
printf 'format: 1\nresources:\n- {type: "Local::Directory", id: data}\n- {type: "Local::Directory", id: other}\n' >plan.graph.yaml
check graph-more-than-the-plan 3 compile protect plan.yaml
printf 'format: 1\nresources:\n- {type: "Local::Directory", id: data, children: [{type: "No::Such", id: v1}]}\n- {type: "No::Such", id: v1}\n' >plan.graph.yaml
check graph-type-without-plugin 3 compile protect plan.yaml
code=0
holdfast --json compile protect plan.yaml >"$dir/out" 2>"$dir/err" || code=$?
if [ "$code" != 3 ] || ! grep -q '"file":"plan.graph.yaml".*"line":4' "$dir/out"; then
  echo "graph-type-without-plugin: --json does not say where it is" >&2
  failed=1
fi
printf '{"format":1,"resources":2}\n{"children":[{"id":"v1","type":"No::Such"}],"id":"data","type":"Local::Directory"}\n{"id":"v1","type":"No::Such"}\n' >plan.graph.jsonl
rm plan.graph.yaml
check graph-type-without-plugin-jsonl 3 compile protect plan.yaml
# What plugins aggregate, by the key that they gave.
prepare
sed -i 's/^plugin = local-directory/plugin = noop/; /^.local.$/,$d' providers.d/p.conf
printf '[noop]\ntypes = T::N\n' >>providers.d/p.conf
printf 'name: data\nprovider: p\nresources: ["T::N#a"]\nparameters: {"T::N": {pre_aggregate: k}}\n' >plan.yaml
printf 'format: 1\nresources:\n- {type: "T::N", id: a, children: [{type: "T::N", id: b}]}\n- {type: "T::N", id: b}\n' >plan.graph.yaml
check aggregation-collides 3 compile protect plan.yaml
# A file where the folder of the bundle goes.
prepare
: >zz.bundle
check bundle-in-the-way 3 compile protect plan.yaml -o zz.yaml
prepare
sed -i 's/entrypoint: main/entrypoint: main\n  sidecars: []/' data-protect.yaml
check workflow-unknown-field 3 run data-protect.yaml
prepare
rm -r data-protect.bundle
check workflow-without-bundle 10 run data-protect.yaml
prepare
sed -i 's/"operation": "protect"/"operation": "delete"/' data-protect.bundle/bundle.json
check workflow-other-bundle 3 run data-protect.yaml
# Parameters of the workflow that cannot be what it needs: before a bundle or a run's folder is written.
prepare
check workflow-parameter-no-number 3 run data-protect.yaml --parameter retries=x
check workflow-parameter-no-deadline 3 run data-protect.yaml --parameter step-deadline=0
check workflow-parameter-no-truth 3 run data-protect.yaml --parameter fail-fast=maybe
check workflow-parameter-unknown 3 run data-protect.yaml --parameter retires=3
# Values that only a plugin refuses, some of them for several resources: all are told, with their
# places, before anything is written; by whatever compiles.
prepare
sed -i 's/^plugin = local-directory/&\nplugin = local-application\nplugin = local-sqlite/' providers.d/p.conf
mkdir logs
sqlite3 shop.db 'create table t(x)'
cat >inventory.yaml <<END
applications:
  - id: shop
    directories: [{id: data, path: $dir/case/data}, {id: logs, path: $dir/case/logs}]
    sqlite: [{id: shop.db, path: $dir/case/shop.db}]
END
cat >plan.yaml <<'END'
name: shop
provider: p
resources: ["Local::Application#shop"]
parameters:
  Local::Application: {quiesce: [freeze]}
  Local::Directory:
    exclude: ["*.tmp", "[a", "/"]
  Local::Directory#logs: {snapshot: command, staging: copies}
  Local::SQLite::Database: {staging: ../copies}
END
holdfast -q plan discover plan.yaml
check parameter-refused-by-plugins-protect 3 compile protect plan.yaml
check parameter-refused-by-plugins-picture 3 graph plan.yaml --activities
sed -i '/^parameters:/,$d' plan.yaml
cp plan.graph.yaml good.graph.yaml
sed -i "s#$dir/case/logs#logs#; s#$dir/case/shop.db#shop.db#" plan.graph.yaml
check graph-refused-by-plugins 3 compile protect plan.yaml
mv good.graph.yaml plan.graph.yaml
holdfast -q compile protect plan.yaml
holdfast -q run shop-protect.yaml >"$dir/out"
cat >restore.yaml <<'END'
Local::Application: {start: "systemctl start shop"}
Local::Directory: {existing: replace, only: ../../x}
Local::Directory#logs: {target: elsewhere, only: logs}
Local::SQLite::Database#shop.db: {path: /srv/}
END
check parameter-refused-by-plugins-restore 3 compile restore latest --parameters restore.yaml
echo 'Local::SQLite::Database: {integrity_check: true, scratch: tmp}' >verify.yaml
check parameter-refused-by-plugins-verify 3 checkpoints verify latest --parameters verify.yaml
# Folders, empty files and missing ones where another file is wanted.
prepare
mkdir folder
: >empty.yaml
check file-folder-plan 3 compile protect folder
check file-folder-workflow 3 run folder
check file-folder-provider 3 providers check folder
check file-empty-workflow 3 run empty.yaml
check file-empty-graph 3 graph plan.yaml --graph empty.yaml
check file-is-no-folder-providers 3 providers list --provider-config-dir empty.yaml
check file-is-no-folder-bundle 3 run data-protect.yaml --bundle empty.yaml
check file-is-no-folder-templates 3 run data-protect.yaml --templates empty.yaml
check file-missing-workflow 10 run nofile.yaml
check file-missing-templates 10 run data-protect.yaml --templates nofile
check file-missing-bundle 10 explain nofile.yaml x
check file-missing-provider 10 providers check nofile.conf
check file-missing-output-folder 10 compile protect plan.yaml -o nofolder/x.yaml
check file-missing-output-folder-graph 10 plan discover plan.yaml -o nofolder/x.yaml
# Pipes and devices, which may have no end.
mkfifo pipe
check file-pipe-plan 3 compile protect pipe
check file-pipe-workflow 3 run pipe
check file-pipe-graph 3 graph plan.yaml --graph pipe
check file-device-plan 3 compile protect /dev/zero
# What a command reads is not what it writes, by whatever name.
prepare
holdfast -q run data-protect.yaml >"$dir/out"
ln plan.yaml second.yaml
ln -s inventory.yaml link.yaml
printf 'Local::Directory: {target: /nowhere}\n' >to.yaml
check output-over-plan 3 compile protect plan.yaml -o plan.yaml
check output-over-plan-by-another-name 3 plan discover plan.yaml -o second.yaml
check output-over-graph 3 compile protect plan.yaml -o ./plan.graph.yaml
check output-over-graph-of-picture 3 graph plan.yaml -o plan.graph.yaml
check output-over-inventory 3 plan discover plan.yaml -o link.yaml
check output-over-provider 3 compile protect plan.yaml -o providers.d/p.conf
check output-over-parameters 3 compile restore latest --parameters to.yaml -o to.yaml
check output-over-provider-metrics 3 checkpoints status --max-age 9h --prometheus providers.d/p.conf
check unknown-step 10 step show data-protect.yaml nope
check unknown-plugin 10 plugins check local-directry
sed -i 's#^path = .*#path = /sys/kernel#' providers.d/p.conf
check bank-denied 13 bank check
prepare
check usage-missing 2 checkpoints status
# An option's value is no command, wherever the option stands.
check usage-missing-behind-option 2 --provider-config-dir providers.d compile protect
check usage-missing-behind-option-with-equals 2 --provider-config-dir=providers.d compile protect
check usage-unknown-behind-option 2 --quiet --provider-config-dir compile complie protect plan.yaml
check usage-empty-run 2 stop ''
check usage-empty-run-cancel 2 cancel '' --engine mistral
check usage-empty-run-json 2 --json cancel ''
check usage-empty-run-gc 2 gc --run ''
check usage-empty-run-watch 2 watch ''
check usage-empty-run-resume 2 resume ''
check usage-empty-run-resubmit 2 resubmit ''
check usage-empty-run-logs 2 logs ''
check usage-empty-step-logs 2 logs data-protect ''
check usage-empty-file-run 2 run ''
check usage-empty-file-submit 2 submit '' --engine mistral
check usage-unknown-option-cancel 2 cancel data-protect --engin mistral
check usage-empty-run-status 2 status ''
check usage-empty-run-step 2 step list --from-cluster ''
check usage-max-age 2 checkpoints status --max-age never
check usage-parameter 2 run data-protect.yaml --parameter retries
# What the provider file names is looked at, too.
prepare
sed -i 's#^inventory = .*#inventory = /nowhere/inventory.yaml#' providers.d/p.conf
check inventory-missing 3 providers check
sed -i 's#^inventory = .*#inventory = /etc#' providers.d/p.conf
check inventory-is-a-folder 3 providers check p
prepare
printf 'directories:\n  - {id: data, pth: /srv}\n' >inventory.yaml
check inventory-broken 3 providers check
# A bank that is not there yet: whoever only reads makes nothing.
prepare
rmdir bank
check bank-not-there-list 10 checkpoints list
check bank-not-there-list 10 restores list
check bank-not-there-list 10 checkpoints status --max-age 1h
check bank-not-there-list 10 show x
check bank-not-there-list 10 gc
check bank-not-there-list 10 gc --dry-run
check bank-not-there-list 10 compile delete latest
prepare
check checkpoint-none 10 compile restore latest
check checkpoint-not-there 10 compile restore nowhere
check checkpoint-bad-id 2 compile restore ../../etc
exit $failed
