#!/usr/bin/env bash
# A real Mistral that asks a real Keystone who somebody is: the client as a user with a password, with an application
# credential and with a token; the agent with a credential for its own requests alone. Tokens that are taken back or expire
# under a run; who is nobody; two tenants; a schedule.
#   keystone.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
export HOLDFAST_TEST_STEPS=agent HOLDFAST_TEST_CRON=true
start_keystone
url=$(cat "$HOLDFAST_TEST_KEYSTONE/url")

# Each in a subshell, with no variable of the other.
as_user() { (. "$HOLDFAST_TEST_KEYSTONE/${user:-demo}.openrc" && "$@"); }
read -r credential secret <<<"$(keystone credential demo client)"
with_credential() { OS_AUTH_URL=$url OS_APPLICATION_CREDENTIAL_ID=$credential OS_APPLICATION_CREDENTIAL_SECRET=$secret "$@"; }
with_token() { OS_AUTH_URL=$url OS_TOKEN=$token "$@"; }
# What the page about Mistral says that it needs.
read -r agent_credential agent_secret <<<"$(keystone credential demo agent GET /v2/action_executions GET '/v2/action_executions/*' PUT '/v2/action_executions/*' GET '/v2/tasks/*' GET '/v2/executions/*')"
as_agent() { OS_AUTH_URL=$url OS_APPLICATION_CREDENTIAL_ID=$agent_credential OS_APPLICATION_CREDENTIAL_SECRET=$agent_secret "$@"; }

as_agent start_mistral
patience=60
seen() { tail -n 5 agent.log watched.* 2>/dev/null; }
noop="trace = $dir/trace" disks a b c d
plan() { # NAME DISK SLEEP [MORE]
  printf 'name: %s\nprovider: p\nresources: ["X::Disk#%s"]\npolicy: {drift: ignore}\nparameters: {"X::Disk": {parallel_sleep: %s}}\n%s' "$1" "$2" "$3" "${4:-}" >"$1.yaml"
  holdfast -q plan discover "$1.yaml" >said 2>&1 || fail "discover: $(cat said)"
  compiled "$1-protect.yaml" protect "$1.yaml" ${4:+--kind template}
}
begun() { # FILE COMMAND...: in the background
  "${@:2}" >"$1" 2>&1 &
  begun_pid=$!
}
ended() { # CODE PID FILE
  local code=0
  wait "$2" || code=$?
  [ $code = "$1" ] || fail "$3: $code: $(cat "$3")"
}
# What the client and the agent have had made for them.
tokens() { grep -c '^POST /v3/auth/tokens 201 holdfast' "$HOLDFAST_TEST_KEYSTONE/out"; }
working() { grep -q "protect.parallel\".*\"begin\".*Disk#$1" trace; }

# A schedule: Mistral starts it in the name of who has stored it, by a trust. Not a minute later.
plan s d 0s $'schedule: {cron: "30 3 * * *", timezone: Etc/UTC}\n'
[ "$(code_of said as_user on submit s-protect.yaml --schedule)" = 0 ] && grep -q 'stored the cron trigger s-protect' said || fail "$(cat said)"
[ "$(keystone trusts | wc -l)" = 1 ] || fail "no trust: $(keystone trusts)"
cp s-protect.schedule.yaml kept.yaml
sed -i 's/30 3/40 4/' s-protect.schedule.yaml
[ "$(code_of said with_credential on submit s-protect.yaml --schedule)" = 13 ] && grep -q 'as a user with a password' said || fail "$(cat said)"
cp kept.yaml s-protect.schedule.yaml
[ "$(code_of said as_user on submit s-protect.yaml --schedule)" = 0 ] && grep -q 'there is already' said || fail "$(cat said)"
/usr/bin/python3 -c 'import sqlite3, sys
with sqlite3.connect(sys.argv[1], timeout=30) as database:
    database.execute("update cron_triggers_v2 set next_execution_time = ?", (sys.argv[2],))' "$dir/mistral/mistral.sqlite" "$(date -u '+%F %T.000000')"

# To the end, as each.
plan k a 0s
plan m b 0s
plan o c 0s
begun watched.k as_user on submit k-protect.yaml --watch
k=$begun_pid
token=$(keystone token demo)
begun watched.o with_token on submit o-protect.yaml --watch
o=$begun_pid
run=$(with_credential on -q submit m-protect.yaml) || fail "submit with an application credential"
[ "$(code_of watched.m with_credential on watch "$run")" = 0 ] && grep -q '^the run succeeded$' watched.m || fail "$(cat watched.m)"
ended 0 $k watched.k
ended 0 $o watched.o
for who in as_user with_credential with_token; do
  $who on status >said && [ "$(grep -c '^[kmo]-protect .* succeeded' said)" = 3 ] || fail "$who: $(cat said)"
  $who on status "$run" >said && grep -q "^run $run .*: succeeded" said || fail "$who: $(cat said)"
  $who on logs "$run" begin >said 2>&1 || fail "$who: $(cat said)"
done
scheduled() { sleep 1; as_user on status | grep -q '^s-protect .* succeeded'; }
soon scheduled

# All tokens of the user are taken back, under those who watch, and under the agent.
plan k a 600s
: >trace
token=$(keystone token demo)
run=$(as_user on -q submit k-protect.yaml) || fail "submit"
begun watched.k as_user on watch "$run"
k=$begun_pid
begun watched.m with_credential on watch "$run"
m=$begun_pid
begun watched.o with_token on watch "$run"
o=$begun_pid
soon working a
keystone revoke-all demo

# Who is nobody, or not of this project.
refused() { # CODE WHAT COMMAND...
  [ "$(code_of said "${@:3}")" = "$1" ] && grep -q "$2" said || fail "${*:3}: $(cat said)"
  cat said >>all.said
}
as_user_with() { (. "$HOLDFAST_TEST_KEYSTONE/demo.openrc" && export "$1" && "${@:2}"); }
refused 13 'Keystone does not know these credentials' as_user_with OS_PASSWORD=wrong-password on status
refused 13 'Keystone does not know these credentials' as_user_with OS_PROJECT_NAME=nowhere on status
refused 13 'Keystone does not know these credentials' as_user_with OS_PROJECT_NAME=other on status
refused 10 'no public endpoint of type workflowv2 in region Nowhere' as_user_with OS_REGION_NAME=Nowhere on status
refused 13 'Keystone does not know these credentials' with_credential env OS_APPLICATION_CREDENTIAL_SECRET=wrong-secret holdfast status --engine mistral
refused 13 'does not know the token (OS_TOKEN' with_token env OS_TOKEN=x$token holdfast status --engine mistral
refused 13 'access rules' as_agent on submit o-protect.yaml --dry-run=server
refused 13 'wants to know who asks' env OS_MISTRAL_URL=$API holdfast status --engine mistral
# A token of the credential cannot be exchanged, and need not be.
token=$(keystone exchange "$credential" "$secret")
with_token on status "$run" >said 2>&1 || fail "$(cat said)"
user=other refused 10 'there is no run' as_user on status "$run"
user=other as_user on status >said && ! grep -q protect said || fail "what another tenant has: $(cat said)"

ended 13 $o watched.o
grep -q 'does not know the token (OS_TOKEN' watched.o || fail "$(cat watched.o)"

# Keystone is away for a moment; then its tokens last less than a step, also the agent's. What cannot renew it ends.
plan m b 14s
HOLDFAST_TEST_TOKEN_SECONDS=10 "$services/keystone.sh" restart "$HOLDFAST_TEST_KEYSTONE" || fail "Keystone does not start again"
token=$(keystone token demo)
begun watched.o with_token on watch "$run"
o=$begun_pid
before=$(tokens)
begun watched.s as_user on submit m-protect.yaml --watch
s=$begun_pid
ended 13 $o watched.o
grep -q 'does not know the token (OS_TOKEN' watched.o || fail "$(cat watched.o)"
[ "$(code_of said with_credential on cancel "$run")" = 0 ] && grep -q '^the run was cancelled' said || fail "$(cat said)"
ended 6 $k watched.k
ended 6 $m watched.m
ended 0 $s watched.s
[ $(($(tokens) - before)) -ge 4 ] || fail "tokens are used that have expired: $(tail -n 50 "$HOLDFAST_TEST_KEYSTONE/out")"
! grep -q 'a report waits' agent.log || fail "the agent could not report: $(cat agent.log)"

# Nothing of what lets somebody in is anywhere.
cat watched.* agent.log >>all.said
for hidden in demo-password wrong-password "$secret" "$agent_secret" "$token" gAAAA; do
  ! grep -rqF -- "$hidden" all.said agent log || fail "$hidden is in: $(grep -rF -- "$hidden" all.said agent log)"
done
echo "all went well"
