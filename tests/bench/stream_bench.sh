#!/usr/bin/env bash
# One large stream through one step to the filesystem bank and back: time and peak memory of the
# process, which must stay below 128 MiB whatever the stream's length. First plain, then the same with a
# key_file, which encrypts it; and at last its copy in a second bank with another key. Beside it the same bytes through `dd` to the same file system, for what the disk does.
#   stream_bench.sh BUILD_FOLDER [GIB]      10 GiB unless given; needs twice that free in TMPDIR
set -euo pipefail
build=$(realpath "$1")
gib=${2:-10}
dir=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-stream.XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export PATH="$build/bin:$PATH" HOLDFAST_PROVIDER_CONFIG_DIR=$dir/providers.d
mkdir providers.d bank
printf 'format: 1\nresources:\n- {type: "Bench::Volume", id: one, name: one}\n' >plan.graph.yaml
cat >providers.d/p.conf <<END
[provider]
name = p
id = 0b0f6b1e-53f6-4f5c-9d0e-0f0a6d1d7a06
bank = filesystem
plugin = noop
[filesystem]
path = $dir/bank
[noop]
types = Bench::Volume
activities = parallel
END
cat >plan.yaml <<END
name: stream
provider: p
resources: ["Bench::Volume#one"]
parameters: {"Bench::Volume": {parallel_data: $gib GiB}}
policy: {drift: ignore}
END
holdfast -q compile protect plan.yaml -o protect.yaml

# Runs a command of holdfast; prints the time of all of it, that of the processors, which other work on the machine changes
# less, and the peak of whichever process used most memory.
measure() {
  python3 - "$1" "$gib" "${@:2}" <<'END'
import resource, subprocess, sys, time
what, gib, *command = sys.argv[1:]
start = time.monotonic()
subprocess.run(["holdfast", "-q", *command], check=True, stdout=subprocess.DEVNULL)
seconds = time.monotonic() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
peak = used.ru_maxrss / 1024
print(f"{what} {gib} GiB: {seconds:.1f} s ({float(gib) * 1024 / seconds:.0f} MiB/s), "
      f"processors {used.ru_utime + used.ru_stime:.1f} s, peak memory {peak:.0f} MiB")
sys.exit(0 if peak < 128 else f"{what}: {peak:.0f} MiB is not below 128 MiB")
END
}
measure "protect, plain," run protect.yaml
holdfast -q compile verify latest -o verify.yaml
measure "verify, plain," run verify.yaml
rm -rf bank
holdfast -q bank key new keys >/dev/null
sed -i "/^bank = /a key_file = $dir/keys" providers.d/p.conf
measure "protect, encrypted," run protect.yaml
holdfast -q compile verify latest -o verify.yaml
measure "verify, encrypted," run verify.yaml
holdfast -q bank key new other-keys >/dev/null
sed "s/^name = p/name = q/; s/^id = .*/id = 0b0f6b1e-53f6-4f5c-9d0e-0f0a6d1d7a07/; s,^key_file = .*,key_file = $dir/other-keys,; s,^path = .*,path = $dir/second," \
  providers.d/p.conf >providers.d/q.conf
measure "copy, encrypted with another key," checkpoints copy latest -p p --to-provider q
rm -rf second
rm -rf bank
begin=$(date +%s.%N)
dd if=/dev/zero of=zeros bs=8M count=$((gib * 128)) conv=fsync status=none
echo "dd of $gib GiB of zeros, fsync at the end: $(awk -v a="$begin" -v b="$(date +%s.%N)" -v g="$gib" \
  'BEGIN { printf "%.1f s (%.0f MiB/s)", b - a, g * 1024 / (b - a) }')"
