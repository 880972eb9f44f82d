#!/usr/bin/env bash
# One large file to a bank on a server and back, beside the same bytes by plain curl to the same server with the same parallelism:
# a real Swift on this machine, by its own API and by that of S3. Nothing is compressed. What is timed of Holdfast is the whole
# step, which also makes and checks SHA-256 of every byte, and of which about half a second is what any step to such a server costs.
# The rounds alternate between the two; the best of each counts.
#   transfer_bench.sh BUILD_FOLDER [MIB [ROUNDS]]      2048 MiB, 3 rounds; needs six times that free in TMPDIR
#
# Two pictures:
#   apart     the servers have one processor, and the client, be it curl or Holdfast, another: as where a server is a machine
#             of its own. The exit code is 1 where Holdfast is slower here than 0.8 of curl.
#   together  everything shares all processors. This is only shown: with as few as a test machine has, each second that a client
#             computes is one that the server waits, so the ratio is that of processors' time, of client and server together, and
#             a server that costs less makes it smaller: it says little about a transfer.
# Both are held to 128 MiB of memory. Where there is one processor, or no taskset, there is no "apart", and only memory is held to
# anything. The processors' time is that of curl, and of the whole run by Holdfast, begin and end too, and behind it what the
# servers needed meanwhile: of all figures noise changes these least. Holdfast asks more of a server than curl does, which has it check
# nothing: by S3 the server makes a SHA-256 of what is signed. With "apart" no ratio is better than that of the servers' times.
# At last a quarter of the size, of text, compressed and encrypted as a provider with a key_file does it by default: protected,
# verified and restored. Of that memory is held to its limit, and the bytes to what they were.
mib=${2:-2048}
rounds=${3:-3}
. "$(dirname "$0")/../bank/servers/scene.sh"
"$services/swift.sh" start swift
url=$(cat swift/url)
parallel=4
mkdir data pieces
head -c "${mib}M" /dev/urandom >data/large
split -b 8M -a 5 -d data/large pieces/
echo "directories: [{id: data, path: $dir/data}]" >inventory.yaml
swift_and_s3 "settle_time = 1s
parallel = $parallel
compression_level = 0"
for bank in swift s3; do
  printf 'name: %s\nprovider: %s\nresources: ["Local::Directory#data"]\nparameters: {"Local::Directory": {snapshot: none}}\npolicy: {drift: ignore}\n' $bank $bank >$bank.yaml
  holdfast -q plan discover $bank.yaml
  holdfast -q compile protect $bank.yaml
done
token=$(swift_token)
curl -sSf -X PUT -H "X-Auth-Token: $token" "$url/v1/AUTH_test/by-curl"
# What curl is to do. The user of S3 stands in the URL: there it may have a colon.
for piece in pieces/*; do
  for bank in swift s3; do
    base=$url/v1/AUTH_test/by-curl/swift-
    [ $bank = swift ] || base=${url/:\/\//://test%3Atester:testing@}/by-curl/s3-
    printf 'upload-file = "%s"\nurl = "%s%s"\noutput = /dev/null\n' "$piece" "$base" "${piece##*/}" >>$bank.up
    printf 'url = "%s%s"\noutput = /dev/null\n' "$base" "${piece##*/}" >>$bank.down
  done
done
as_swift=(-H "X-Auth-Token: $token")
as_s3=(--aws-sigv4 aws:amz:us-east-1:s3 -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD')
# Runs a command; prints its seconds, those of the longest step where it tells of any, those of the processors, the peak of
# its processes in MiB, and the seconds of processors that the servers had meanwhile.
measure() { # COMMAND...
  python3 - "$@" <<'END' || fail "$*"
import glob, json, os, resource, subprocess, sys, time
def by_servers():
    stats = [open(f"/proc/{open(pid).read().strip()}/stat").read().rsplit(")", 1)[1].split() for pid in glob.glob("swift/*.pid")]
    return sum(int(stat[11]) + int(stat[12]) for stat in stats) / os.sysconf("SC_CLK_TCK")
before, begin = by_servers(), time.monotonic()
done = subprocess.run(sys.argv[1:], check=True, stdout=subprocess.PIPE)
seconds = time.monotonic() - begin
steps = [event["seconds"] for event in map(json.loads, done.stdout.splitlines()) if event["message_type"] == "step-ended"]
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(max(steps, default=seconds), used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, by_servers() - before)
END
}
by_curl() { # BANK up|down
  local -n as=as_$1
  measure "${client[@]}" curl -sSf --no-progress-meter --parallel --parallel-immediate --parallel-max $parallel "${as[@]}" -K "$1.$2"
}
by_holdfast() { # FILE
  measure "${client[@]}" holdfast --json run "$1"
}
# The processors that this may use, one a line.
mapfile -t processors < <(python3 -c 'import os; print(*sorted(os.sched_getaffinity(0)), sep="\n")')
pin_servers() { # PROCESSORS
  local pid
  for pid in swift/*.pid; do taskset -acp "$1" "$(cat "$pid")" >/dev/null; done
}
pictures="apart together"
if [ ${#processors[@]} -lt 2 ] || ! command -v taskset >/dev/null; then
  echo "there is one processor, or no taskset: servers and clients are not held apart, nor Holdfast to curl's time"
  pictures=together
fi
for round in $(seq "$rounds"); do
  for picture in $pictures; do
    client=()
    if [ $picture = apart ]; then
      pin_servers "${processors[0]}"
      client=(taskset -c "${processors[1]}")
    elif [ "$pictures" != together ]; then
      pin_servers "$(IFS=,; echo "${processors[*]}")"
    fi
    for bank in swift s3; do
      at=$picture.$bank
      by_curl $bank up >>"$at.curl.up"
      by_holdfast $bank-protect.yaml >>"$at.holdfast.up"
      by_curl $bank down >>"$at.curl.down"
      holdfast -q compile verify latest -p $bank -o $bank-verify.yaml
      by_holdfast $bank-verify.yaml >>"$at.holdfast.down"
      holdfast -q checkpoints delete latest -p $bank >/dev/null
    done
  done
done
# By default but for a key_file, with text, so that there is something to compress.
mkdir text
head -c $((mib * 196608)) /dev/urandom | base64 -w0 >text/large
echo "directories: [{id: text, path: $dir/text}]" >inventory.yaml
holdfast -q bank key new keys >/dev/null
printf 'Local::Directory: {target: %s/back}\n' "$dir" >where.yaml
client=()
for bank in swift s3; do
  sed -i "/^compression_level/d; /^parallel/d; /^bank = /a key_file = $dir/keys" providers.d/$bank.conf
  sed -i 's/#data/#text/' $bank.yaml
  rm -rf back $bank.graph.yaml
  holdfast -q plan discover $bank.yaml
  holdfast -q compile protect $bank.yaml
  by_holdfast $bank-protect.yaml >sealed.$bank.protect
  holdfast -q compile verify latest -p $bank -o $bank-verify.yaml
  by_holdfast $bank-verify.yaml >sealed.$bank.verify
  holdfast -q compile restore latest -p $bank --parameters where.yaml -o $bank-restore.yaml
  by_holdfast $bank-restore.yaml >sealed.$bank.restore
  cmp text/large back/large || fail "$bank: other bytes came back"
done
python3 - "$mib" "$pictures" <<'END'
import sys
mib, faults = float(sys.argv[1]), []
for picture in sys.argv[2].split():
    for bank in ("swift", "s3"):
        for way, what in (("up", "protect"), ("down", "verify")):
            def rows(tool): return [[float(word) for word in line.split()] for line in open(f"{picture}.{bank}.{tool}.{way}")]
            (own, own_used, _, own_asked), (curl, curl_used, _, curl_asked) = ([min(column) for column in zip(*rows(tool))] for tool in ("holdfast", "curl"))
            peak, ratio = max(row[2] for row in rows("holdfast")), curl / own
            name = f"{picture}, {bank}, {what}"
            print(f"{name} of {mib:.0f} MiB: {own:.2f} s ({mib / own:.0f} MiB/s, processors {own_used:.2f} s, servers {own_asked:.2f} s); curl {curl:.2f} s "
                  f"({mib / curl:.0f} MiB/s, processors {curl_used:.2f} s, servers {curl_asked:.2f} s): {ratio:.2f} of it; peak memory {peak:.0f} MiB")
            if picture == "apart" and ratio < 0.8: faults.append(f"{name}: slower than 0.8 of curl")
            if peak >= 128: faults.append(f"{name}: {peak:.0f} MiB is not below 128 MiB")
for bank in ("swift", "s3"):
    for what in ("protect", "verify", "restore"):
        seconds, used, peak, _ = (float(word) for word in open(f"sealed.{bank}.{what}").read().split())
        print(f"{bank}, {what} of {mib / 4:.0f} MiB of text, compressed and encrypted: {seconds:.2f} s, processors {used:.2f} s; peak memory {peak:.0f} MiB")
        if peak >= 128: faults.append(f"{bank}, {what}, compressed and encrypted: {peak:.0f} MiB is not below 128 MiB")
sys.exit("\n".join(faults))
END
