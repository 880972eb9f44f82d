#!/usr/bin/env bash
# The servers die in the middle of a protect. Where they are back within the retry window, it ends well; where they are not, it
# fails in time, and a resumed run does not send again what they had got.
#   comes_back.sh BUILD_FOLDER       HOLDFAST_PROTECTED_MB (96) of data
. "$(dirname "$0")/scene.sh"
megabytes=${HOLDFAST_PROTECTED_MB:-96}
"$services/swift.sh" start swift
url=$(cat swift/url)
mkdir data
head -c "${megabytes}M" /dev/urandom >data/large
echo "directories: [{id: data, path: $dir/data}]" >inventory.yaml
settings="stall_timeout = 5s
retry_backoff = 100ms"
account="$(swift_account)
$settings"
key="$(s3_account)
$settings"
provider_with_bank patient swift <<<"$account
retry_window = 180s
container = patient"
provider_with_bank patient-s3 s3 <<<"$key
retry_window = 180s
bucket = patient-s3"
provider_with_bank impatient swift <<<"$account
retry_window = 6s
container = impatient"
provider_with_bank impatient-s3 s3 <<<"$key
retry_window = 6s
bucket = impatient-s3"
patient="patient patient-s3" impatient="impatient impatient-s3"

numbers() { sed 's,.*/,,' | sort; } # what they are of the stream, whoever has stored them
declare -A engines
for provider in $patient $impatient; do
  printf 'name: %s\nprovider: %s\nresources: ["Local::Directory#data"]\nparameters: {"Local::Directory": {rate_limit: 12MB, snapshot: none}}\n' \
    $provider $provider >$provider.yaml
  holdfast -q plan discover $provider.yaml
  holdfast -q compile protect $provider.yaml
  holdfast run $provider-protect.yaml --parameter retries=0 >$provider.out 2>&1 &
  engines[$provider]=$!
done
for provider in $patient $impatient; do
  for _ in $(seq 600); do
    [ "$(segments $provider | wc -l)" -lt 2 ] || continue 2
    kill -0 ${engines[$provider]} 2>/dev/null || fail "$provider ended before it could be disturbed: $(cat $provider.out)"
    sleep 0.1
  done
  fail "$provider has stored nothing: $(cat $provider.out)"
done

"$services/swift.sh" server swift stop
stopped=$SECONDS
for provider in $impatient; do
  code=0
  wait ${engines[$provider]} || code=$?
  took=$((SECONDS - stopped))
  [ $code = 5 ] || fail "without servers $provider ended with $code: $(cat $provider.out)"
  [ $took -le 60 ] || fail "without servers $provider took $took s: $(cat $provider.out)"
  grep -q "$url" $provider.out || fail "the server is not named: $(cat $provider.out)"
done
"$services/swift.sh" server swift start
for provider in $impatient; do
  segments $provider >$provider.before
  holdfast run $provider-protect.yaml --resume >resumed.out 2>&1 || fail "$provider --resume ended with $?: $(cat resumed.out)"
done
for provider in $patient; do
  wait ${engines[$provider]} || fail "$provider ended with $?: $(cat $provider.out)"
done
echo "available, with what was there before the servers were gone for $took s"
for provider in $patient $impatient; do
  holdfast checkpoints verify latest -p $provider >verify.out 2>&1 || fail "$provider does not verify: $(cat verify.out)"
done

for provider in $impatient; do
  before=$(cat $provider.before)
  after=$(segments $provider)
  again=$(comm -13 <(sort <<<"$before") <(sort <<<"$after"))
  twice=$(comm -12 <(numbers <<<"$before") <(numbers <<<"$again"))
  [ -z "$twice" ] || fail "$provider: sent again: $twice. There were $before, and then $after"
  [ "$(grep -c '/tree' <<<"$after")" -gt $((megabytes / 8)) ] || fail "$provider: not all segments: $after"
  echo "$provider: of a failed attempt $(wc -l <<<"$before") segments were there, and the resumed one sent the $(wc -l <<<"$again") others"
done
