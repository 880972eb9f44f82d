#!/usr/bin/env bash
# The image in a real containerd, as a pod would run it: user 10001 without any capability, a root that cannot be
# written to, no new privileges, the default seccomp profile, an empty /tmp, providers and inventory read-only. An
# application with directories and databases is protected by hand, each step in a container of its own with the command
# that the templates give it, and restored by the local engine in the same way.
#   protect_in_containers.sh RELEASE_BUILD (for which `make image` has run)
# Exit code 77: this machine runs no containers, and stderr says why.
set -euo pipefail
build=$(realpath "$1")
top=$(realpath "$(dirname "$0")/../..")
dir=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-containers.XXXXXX")
leave() {
  [ ! -e "$dir/containerd" ] || "$top/tests/setup/containerd.sh" stop "$dir/containerd"
  "$top/tests/setup/pg_server.sh" stop "$dir/pg" >/dev/null 2>&1 || true # may never have started
  rm -rf "$dir"
}
trap leave EXIT
cd "$dir"
chmod 755 "$dir" # steps and the database server run as other users
fail() { echo "protect_in_containers: $*" >&2; exit 1; }

"$top/tests/setup/containerd.sh" start "$dir/containerd" $$
# shellcheck source=/dev/null
. "$dir/containerd/env"
archive=$(echo "$build"/holdfast-step-*.oci.tar)
[ -f "$archive" ] || fail "no image in $build: make image"
timeout 120 ctr images import "$archive" >import.out || fail "$(cat import.out)"
image=$(timeout 30 ctr images ls -q)
named=$(tar -xOf "$archive" index.json | sed -nE 's/.*"io.containerd.image.name": "([^"]*)".*/\1/p')
[ -n "$image" ] && [ "$image" = "$named" ] || fail "the import calls it '$image', not '$named'"

# --- A container is what a pod of templates/argo is ---
# Those of the leaf templates that start a container; 'child' starts a Workflow.
templates=$dir/container-templates.yaml
awk -v RS='\n  - name: ' '/\n    container:/ {print "  - name: " $0}' "$top/templates/argo/holdfast-steps.yaml" >"$templates"
[ "$(grep -c '^  - name: ' "$templates")" -ge 2 ] || fail "no leaf templates of containers in templates/argo/holdfast-steps.yaml"
for line in '^      command: \[/usr/local/bin/holdfast' '{name: HOLDFAST_PROVIDER_CONFIG_DIR, value: /etc/holdfast/providers.d}' \
  'runAsNonRoot: true' 'runAsUser: 10001' 'readOnlyRootFilesystem: true' 'allowPrivilegeEscalation: false' \
  'capabilities: {drop: \[ALL\]}' 'seccompProfile: {type: RuntimeDefault}' \
  'mountPath: /etc/holdfast/providers.d, readOnly: true' 'mountPath: /tmp}'; do
  [ "$(grep -c -- "$line" "$templates")" = "$(grep -c '^  - name: ' "$templates")" ] ||
    fail "not every leaf template says '$line', as the containers of this test have it"
done
mkdir bin
# ctr has no "all": those that it would give.
drop=()
for capability in CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL \
  AUDIT_WRITE; do
  drop+=(--cap-drop "CAP_$capability")
done
bind() { printf -- '--mount\ntype=bind,src=%s,dst=%s,options=rbind:%s\n' "$@"; }
# Writes bin/in_container: `in_container WORD...` runs that command and ends with its exit code. The local engine can
# call it, too.
containers_see_data() { # ro|rw
  mapfile -t mounts < <(
    printf -- '--mount\ntype=tmpfs,src=tmpfs,dst=/tmp,options=nosuid:nodev:mode=1777\n'
    bind "$dir/in_containers/providers.d" /etc/holdfast/providers.d ro
    bind "$dir/inventory.yaml" /etc/holdfast/inventory.yaml ro
    bind "$dir/bank" /var/lib/holdfast/bank rw
    bind "$dir/srv" /srv "$1"
    bind "$dir/staging" /var/lib/holdfast/staging rw
    bind "$dir/hooks" /run/hooks rw
    bind "$dir/pg" /run/postgresql ro
  )
  {
    echo '#!/usr/bin/env bash'
    printf 'exec timeout -k 5 120 ctr run --rm --read-only --seccomp'
    printf ' %q' "${drop[@]}" --runc-root "$dir/containerd/runc" --fifo-dir "$dir/containerd/fifo" "${mounts[@]}" \
      --env HOLDFAST_PROVIDER_CONFIG_DIR=/etc/holdfast/providers.d "$image"
    # A container that was killed keeps its name, and ids of processes come again.
    # shellcheck disable=SC2016
    printf ' "step-$$-$RANDOM$RANDOM" "$@" </dev/null\n'
  } >bin/in_container
  chmod 755 bin/in_container
}

# --- What is protected: of the user that steps run as ---
mkdir -p srv/data/empty srv/data/deep/er "srv/data/name with  blanks" srv/data/Zürich srv/more bank staging hooks providers.d in_containers/providers.d
head -c 3000000 /dev/urandom >srv/data/deep/er/random
head -c 200000 /dev/zero >srv/data/zeros
truncate -s 5M srv/data/sparse
echo précieux >srv/data/Zürich/Straße
echo one >"srv/data/name with  blanks/file"
echo more >srv/more/file
ln srv/data/zeros srv/data/deep/hardlink
ln -s ../zeros srv/data/deep/symlink
ln -s /nowhere srv/data/dangling
chmod 640 srv/data/zeros
chmod 500 srv/data/empty
sqlite3 srv/orders.db 'create table orders(id integer primary key, what text); insert into orders(what) values ("bread"), ("milk")'
"$top/tests/setup/pg_server.sh" start "$dir/pg" $$
export PGHOST=$dir/pg PGUSER=postgres
createdb shop
psql -X -q -d shop -c 'create table customers as select i as id, md5(i::text) as name from generate_series(1, 5000) i'
contents_of_shop() { psql -X -At -d shop -c 'select count(*), md5(string_agg(id || name, $$,$$ order by id)) from customers'; }
cat >inventory.yaml <<END
applications:
  - id: shop
    quiesce: [sh, -c, 'echo rests >>/run/hooks/log']
    resume: [sh, -c, 'echo goes on >>/run/hooks/log']
    directories: [{id: data, path: /srv/data}, {id: more, path: /srv/more}]
    sqlite: [{id: orders, path: /srv/orders.db}]
    postgresql: [{id: customers, host: /run/postgresql, user: postgres, database: shop}]
END
provider() { # BANK INVENTORY
  printf '[provider]\nname = p\nid = 2e0c8826-81d6-44f5-bbe5-8f46a98c5845\nbank = filesystem\n'
  printf 'plugin = %s\n' local-application local-directory local-sqlite local-postgresql
  printf '[filesystem]\npath = %s\n[local]\ninventory = %s\n' "$@"
  # On a volume: what one step stages, the next one reads.
  printf '[%s]\nstaging = /var/lib/holdfast/staging\n' local_sqlite local_postgresql
}
# One provider, seen by the operator and, in the Secret of the pods, by steps.
provider "$dir/bank" "$dir/inventory.yaml" >providers.d/p.conf
provider /var/lib/holdfast/bank /etc/holdfast/inventory.yaml >in_containers/providers.d/p.conf
cp "$build/bin/holdfast" bin/holdfast
mkdir -p share/holdfast
ln -s "$top/templates" share/holdfast/templates
export HOLDFAST_PROVIDER_CONFIG_DIR=$dir/providers.d HOLDFAST_MODULE_DIR=$build/lib/holdfast PATH="$dir/bin:$PATH"
# What a filesystem bank holds is its writer's alone. Of the operator's commands those that write to it run as the
# user that steps run as.
as_step_user() { setpriv --reuid=10001 --regid=10001 --clear-groups -- "$@"; }
find srv -exec touch -h -d '2020-02-02 02:02:02.123456789' {} +
chown -R -h 10001:10001 srv bank staging hooks
containers_see_data ro

# shellcheck disable=SC2016
in_container /bin/sh -c 'while read -r line; do echo "$line"; done </proc/self/status
  while read -r line; do echo "$line"; done </proc/self/mounts
  for place in /x /etc/holdfast/providers.d/x /srv/x /var/tmp/x /usr/local/bin/x; do
    (echo x >$place) 2>/dev/null && echo "written to: $place"
  done
  echo x >/tmp/x && echo scratch' >status || fail "no shell: $(cat status)"
for line in Uid:.10001.10001.10001.10001 Gid:.10001.10001.10001.10001 CapInh:.0000000000000000 CapPrm:.0000000000000000 \
  CapEff:.0000000000000000 CapBnd:.0000000000000000 CapAmb:.0000000000000000 NoNewPrivs:.1 Seccomp:.2 scratch; do
  grep -qx "$line" status || fail "no '$line' in the container: $(cat status)"
done
! grep 'written to' status || fail "that should be read-only"
# Not only because files there are another user's.
for place in / /etc/holdfast/providers.d /etc/holdfast/inventory.yaml /srv; do
  grep -q "^[^ ]* $place [^ ]* ro[, ]" status || fail "$place is not mounted read-only: $(cat status)"
done

# --- Protect by hand: begin, the steps in their order, end ---
# What the operator compiles sees the same places as the steps do: so it is compiled in the image as well.
printf 'name: shop\nprovider: p\nresources: ["Local::Application#shop"]\nparameters: {"Local::Directory": {snapshot: none}}\n' >srv/shop.yaml
containers_see_data rw
in_container /bin/sh -c 'cd /srv && holdfast -q plan discover shop.yaml && holdfast -q compile protect shop.yaml' || fail "compile"
mkdir files
mv srv/shop* files/
containers_see_data ro
cd files
as_step_user holdfast -q publish shop-protect.yaml
holdfast --json step list shop-protect.yaml | python3 -c '
import graphlib, json, sys
steps = [step for step in map(json.loads, sys.stdin) if step["message_type"] == "step"]
order = {step["name"]: step["order"] for step in steps}
order["end"] = [step["name"] for step in steps if step["name"] != "end"]
print("\n".join(graphlib.TopologicalSorter(order).static_order()))' >steps
[[ "$(head -1 steps) $(tail -1 steps)" = "begin end" && $(wc -l <steps) -ge 8 ]] || fail "$(cat steps)"
while read -r step; do
  mapfile -t -d '' words < <(holdfast --json step show shop-protect.yaml "$step" --run-id by-hand | python3 -c '
import json, sys
words = json.load(sys.stdin)["argv"]
assert words[0].endswith("/holdfast-step"), words
sys.stdout.write("".join(word + "\0" for word in words[1:]))')
  in_container /usr/local/bin/holdfast-step "${words[@]}" 2>"../$step.log" || fail "$step ended with $?: $(cat "../$step.log")"
done <steps
as_step_user holdfast --json checkpoints show by-hand | grep -q '"state":"available"' || fail "$(holdfast checkpoints show by-hand)"
# A whole run inside one container: what a pod of a CronWorkflow does.
in_container /usr/local/bin/holdfast checkpoints verify by-hand >../verify.out 2>&1 || fail "$(cat ../verify.out)"
[ "$(tr '\n' , <../hooks/log)" = "rests,goes on," ] || fail "$(cat ../hooks/log)"
contents_of_shop >../shop.expected
psql -X -q -d postgres -c 'drop database shop'
cd ..
mv srv expected
mkdir srv
chown 10001:10001 srv

# --- Restore into an empty folder, by the local engine, for which the container stands where holdfast-step would ---
containers_see_data rw
printf '#!/usr/bin/env bash\nexec in_container /usr/local/bin/holdfast-step "$@"\n' >bin/holdfast-step
chmod 755 bin/holdfast-step
chown 10001:10001 files
(cd files && as_step_user holdfast -q compile restore by-hand -o restore.yaml && as_step_user holdfast -q publish restore.yaml)
(cd files && holdfast -q run restore.yaml --run-id by-engine) >restore.out 2>&1 || fail "$(cat restore.out)"
for tree in data more; do
  diff -r --no-dereference expected/$tree srv/$tree || fail "$tree: what was restored is not what was protected"
  # Names, kinds, modes, sizes, times and links: the same lists.
  for root in expected srv; do
    (cd $root && find $tree -printf '%p %y %m %s %T@ %n %l %U:%G\n' | sed -E 's/^([^ ]* d [0-9]+) [0-9]+/\1/' | sort) >$root.list
  done
  cmp expected.list srv.list || fail "$(diff expected.list srv.list)"
done
[ "$(sqlite3 srv/orders.db 'select group_concat(what) from orders')" = bread,milk ] || fail "the SQLite database is not restored"
[ "$(contents_of_shop)" = "$(cat shop.expected)" ] || fail "the PostgreSQL database is not restored"

# --- What else the image is for ---
in_container /usr/local/bin/holdfast gc >gc.out 2>&1 || fail "gc in a container: $(cat gc.out)"
# Each module is opened, with what it needs; the image has all that the build has.
in_container /usr/local/bin/holdfast --json plugins list >inside.json || fail "plugins: $(cat inside.json)"
holdfast --json plugins list >outside.json
cmp inside.json outside.json || fail "other plugins in the image: $(diff outside.json inside.json)"
while read -r program; do
  in_container "$program" --version >version.out 2>&1 || fail "the templates run $program, which does not start: $(cat version.out)"
done < <(sed -nE 's/^ *command: \[([^],]*).*/\1/p' "$top"/templates/argo/*.yaml | sort -u)
for tool in pg_dump pg_dumpall pg_restore psql; do
  in_container $tool --version | grep -q "^$tool (PostgreSQL) [0-9]" || fail "$tool does not start"
done
! in_container cat /etc/passwd >cat.out 2>&1 || fail "the image has more tools than its plugins call"
code=0
in_container /usr/local/bin/holdfast-step nonsense >usage.out 2>&1 || code=$?
[ $code = 2 ] || fail "a wrong command ended with $code, not 2: $(cat usage.out)"

# --- Told to end: as process 1, which gets no signal that it has no handler for ---
cat >in_containers/providers.d/q.conf <<END
[provider]
name = q
id = 0b0f6b1e-53f6-4f5c-9d0e-0f0a6d1d7a12
bank = filesystem
plugin = noop
[filesystem]
path = /var/lib/holdfast/bank
[noop]
types = T::Volume
activities = parallel
graph = /srv/slow.graph.yaml
trace = /run/hooks/trace
END
printf 'format: 1\nresources:\n- {type: "T::Volume", id: one, name: one}\n' >srv/slow.graph.yaml
printf 'name: slow\nprovider: q\nresources: ["T::Volume#one"]\nparameters: {"T::Volume": {parallel_sleep: 100s}}\n' >srv/slow.yaml
in_container /bin/sh -c 'cd /srv && holdfast -q compile protect slow.yaml && holdfast -q publish slow-protect.yaml'
bundle=$(sed -n 's/.*{name: bundle, value: "\([0-9a-f]*\)"}.*/\1/p' srv/slow-protect.yaml)
step=$(sed -n 's/^ *- name: \(one-[^ ]*\)$/\1/p' srv/slow-protect.yaml)
of_run=(--provider=q --run=slow "--bundle=$bundle")
in_container /usr/local/bin/holdfast-step begin "${of_run[@]}" 2>slow.log || fail "$(cat slow.log)"
in_container /usr/local/bin/holdfast-step run "${of_run[@]}" "--step=$step" 2>slow.log &
slow=$!
for _ in $(seq 400); do
  [ ! -s hooks/trace ] || break
  sleep 0.05
done
[ -s hooks/trace ] || fail "the slow step does not begin: $(cat slow.log)"
# timeout and ctr pass it on.
kill -TERM $slow
code=0
wait $slow || code=$?
[ $code = 143 ] || fail "a step that was told to end ended with $code, not 143: $(cat slow.log)"
code=0
in_container /usr/local/bin/holdfast-step end "${of_run[@]}" --status=Failed 2>slow.log || code=$?
[ $code = 5 ] || fail "the end of it: $code, not 5: $(cat slow.log)"

# --- Nothing stays behind ---
"$top/tests/setup/containerd.sh" stop "$dir/containerd"
! grep -F " $dir/" /proc/mounts || fail "mounts stayed behind"
[ -z "$(find /sys/fs/cgroup -maxdepth 2 -name "$CONTAINERD_NAMESPACE" 2>/dev/null)" ] || fail "cgroups stayed behind"
for file in /proc/[0-9]*/cmdline; do
  ! { tr '\0' '\n' <"$file" | grep -F "$dir/containerd"; } 2>/dev/null || fail "a process stayed behind: $file"
done
