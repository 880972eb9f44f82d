#!/usr/bin/env bash
# Times protect and restore of directories side by side with `tar | zstd` and with restic: one tree of
# many small files, one of four large ones. Prints a Markdown table on stdout, what it does on stderr.
#
#   directory_bench.sh [--bin DIR] [--dir DIR] [--files N] [--large BYTES] [--rounds N] [--cold]
#
#   --bin DIR     where holdfast and holdfast-step are (default: build/bin of this tree)
#   --dir DIR     an empty or new folder to work in, on the file system to be measured (default: a
#                 temporary one); it is removed at the end when the script made it
#   --files N     small files, 100,000 unless given; --large BYTES: the four large files together, 4 GiB
#   --rounds N    each figure is the best of N (default 3)
#   --cold        empty the page cache before each run (root only)
set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
bin=$top/build/bin
work=""
files=100000
large=$((4 * 1024 * 1024 * 1024))
rounds=3
cold=no
while [ $# -gt 0 ]; do
  case "$1" in
    --bin) bin=$2; shift 2 ;;
    --dir) work=$2; shift 2 ;;
    --files) files=$2; shift 2 ;;
    --large) large=$2; shift 2 ;;
    --rounds) rounds=$2; shift 2 ;;
    --cold) cold=yes; shift ;;
    -h | --help) sed -n '2,13s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "directory_bench.sh: unknown argument '$1'" >&2; exit 2 ;;
  esac
done
for tool in tar zstd restic "$bin/holdfast" "$bin/holdfast-step"; do
  command -v "$tool" >/dev/null || { echo "directory_bench.sh: no $tool" >&2; exit 2; }
done
bin=$(realpath "$bin")
made=no
if [ -z "$work" ]; then
  work=$(mktemp -d "${TMPDIR:-/tmp}/holdfast-bench-XXXXXX")
  made=yes
fi
mkdir -p "$work"
work=$(cd "$work" && pwd)
[ -z "$(ls -A "$work")" ] || { echo "directory_bench.sh: $work is not empty" >&2; exit 2; }
clean() {
  if [ "$made" = yes ]; then rm -rf "$work"; else rm -rf "${work:?}"/*; fi
}
trap clean EXIT

say() { echo "$*" >&2; }

# --- The trees: base64 of random bytes, so that there is something to compress --------------------
make_small() {
  local per=100 made_files=0 folder=0 size
  while [ "$made_files" -lt "$files" ]; do
    local here=$work/small/$((folder / 100))/$folder
    mkdir -p "$here"
    size=$((200 + folder * 36 % 8000))
    local count=$((files - made_files < per ? files - made_files : per))
    # Sizes are multiples of 4: base64 makes exactly 4 bytes of 3.
    (cd "$here" && head -c $((size * count * 3 / 4)) /dev/urandom | base64 -w0 | split -b "$size" -a 3 -d - f)
    made_files=$((made_files + count))
    folder=$((folder + 1))
  done
}
make_large() {
  local each=$((large / 16 * 4)) n
  mkdir -p "$work/large"
  for n in 1 2 3 4; do
    head -c $((each * 3 / 4)) /dev/urandom | base64 -w0 >"$work/large/$n"
  done
}
say "making $files small files and $((large >> 20)) MiB in 4 files below $work"
make_small
make_large
sync -f "$work"

# --- What is timed -----------------------------------------------------------------------------------
# Seconds of a command until what it wrote is on disk.
timed() {
  sync -f "$work" # what went on before is not what is timed
  if [ "$cold" = yes ]; then sync && echo 3 >/proc/sys/vm/drop_caches; fi
  local begin end
  begin=$(date +%s.%N)
  "$@" >"$work/log" 2>&1 || { say "failed: $*"; cat "$work/log" >&2; exit 1; }
  sync -f "$work"
  end=$(date +%s.%N)
  awk -v a="$begin" -v b="$end" 'BEGIN { printf "%.2f", b - a }'
}
least() { awk -v a="$1" -v b="$2" 'BEGIN { print (a == "" || b + 0 < a + 0) ? b : a }'; }
stored() { du -sm --apparent-size "$1" | cut -f1; }
same() { diff -rq --no-dereference "$1" "$2" >&2 || { say "$2 is not $1"; exit 1; }; }

tar_protect() { tar --acls --xattrs -C "$work" -cf - "$1" | zstd -q -3 -T0 -f -o "$work/tar.zst"; }
tar_restore() { mkdir -p "$work/out" && zstd -dcq "$work/tar.zst" | tar --acls --xattrs -C "$work/out" -xpf -; }

export RESTIC_PASSWORD=bench RESTIC_CACHE_DIR=$work/restic-cache
restic_protect() { (cd "$work" && restic -q -r "$work/restic" backup "$1"); }
restic_restore() { restic -q -r "$work/restic" restore latest --target "$work/out"; }

holdfast_set_up() {
  mkdir -p "$work/providers.d" "$work/plans"
  cat >"$work/providers.d/bench.conf" <<END
[provider]
name = bench
id = 7f0b1c0e-2b1d-4d6e-8c57-0d3a3f8f6b10
description = directory_bench.sh
bank = filesystem
plugin = local-directory
[filesystem]
path = $work/bank
[local]
inventory = $work/inventory.yaml
END
  cat >"$work/inventory.yaml" <<END
directories:
  - {id: $1, path: $work/$1}
END
  cat >"$work/plans/plan.yaml" <<END
name: bench
provider: bench
resources:
  - Local::Directory#$1
END
  cat >"$work/plans/restore.parameters.yaml" <<END
Local::Directory: {target: $work/out/$1}
END
  export HOLDFAST_PROVIDER_CONFIG_DIR=$work/providers.d
  (cd "$work/plans" && "$bin/holdfast" plan discover plan.yaml &&
    "$bin/holdfast" compile protect plan.yaml -o protect.yaml) >"$work/log" 2>&1 ||
    { cat "$work/log" >&2; exit 1; }
}
holdfast_protect() { (cd "$work/plans" && "$bin/holdfast" run protect.yaml); }
# Compiling is part of a restore: it is made when it is needed.
holdfast_restore() {
  (cd "$work/plans" && "$bin/holdfast" compile restore latest --parameters restore.parameters.yaml -o restore.yaml &&
    "$bin/holdfast" run restore.yaml)
}

echo "Best of $rounds, seconds until the data is on disk; $([ "$cold" = yes ] && echo cold || echo warm) page cache;" \
  "$(nproc) CPUs; $(tar --version | head -1), $(zstd --version | grep -o 'v[0-9.]*' | head -1), $(restic version | cut -d' ' -f1,2)."
echo
echo "| tree | tool | protect (s) | restore (s) | stored (MiB) |"
echo "|---|---|---:|---:|---:|"
gone=0
for tree in small large; do
  case $tree in
    small) title="$files small files, $(stored "$work/small") MiB" ;;
    large) title="4 files, $(stored "$work/large") MiB" ;;
  esac
  for tool in tar restic holdfast; do
    protect="" restore="" size=""
    for _ in $(seq "$rounds"); do
      rm -rf "$work/tar.zst" "$work/restic" "$work/restic-cache" "$work/bank" "$work/providers.d" "$work/plans" \
        "$work/inventory.yaml"
      # Small files are put aside, not removed: ext4 does not give out inodes that were freed in the last minutes, and
      # looks long for others where there were 100,000. Whoever came first would be the fastest.
      if [ "$tree" = small ] && [ -e "$work/out" ]; then
        mkdir -p "$work/gone" && mv "$work/out" "$work/gone/$((++gone))"
      fi
      rm -rf "$work/out"
      case $tool in
        restic) restic -q -r "$work/restic" init --repository-version 2 >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; } ;;
        holdfast) holdfast_set_up "$tree" ;;
      esac
      say "$tree: $tool protect"
      protect=$(least "$protect" "$(timed "${tool}_protect" "$tree")")
      say "$tree: $tool restore"
      restore=$(least "$restore" "$(timed "${tool}_restore" "$tree")")
      same "$work/$tree" "$work/out/$tree"
      case $tool in
        tar) size=$(stored "$work/tar.zst") ;;
        restic) size=$(stored "$work/restic") ;;
        holdfast) size=$(stored "$work/bank") ;;
      esac
    done
    case $tool in tar) name='`tar \| zstd -3 -T0`' ;; *) name=$tool ;; esac
    echo "| $title | $name | $protect | $restore | $size |"
  done
done
