#!/usr/bin/env bash
# Lays out the files of the image in which steps run, one folder for each layer:
#   stage.sh BUILD_FOLDER FOLDER
# FOLDER/system    from Debian: loader, libraries, the tools that plugins call, certificates, time zones,
#                  and the licences and package entries of all that
# FOLDER/holdfast  ours, as `cmake --install` of BUILD_FOLDER (a build without failpoints) lays it out
# `make image` and the Dockerfile both take what this writes, so their images have the same contents. The same
# build and the same Debian packages give the same files: nothing else of this machine goes in.
set -euo pipefail
fail() { echo "stage.sh: $*" >&2; exit 1; }
[ $# = 2 ] || { sed -n '2,8p' "$0" >&2; exit 2; }
top=$(realpath "$(dirname "$0")/../..")
build=$(realpath "$1")
# Sorted by bytes everywhere, and readable for whoever the container runs as.
export LC_ALL=C
umask 022
unset LD_LIBRARY_PATH LD_PRELOAD
mkdir -p "$2"
stage=$(realpath "$2")
[ -z "$(ls -A "$stage")" ] || fail "$stage is not empty"
system=$stage/system
ours=$stage/holdfast

# --- Ours ---
DESTDIR=$stage/installed cmake --install "$build" --prefix /usr/local --strip >"$stage/words" 2>&1 ||
  fail "$(cat "$stage/words")"
mkdir -p "$ours/usr/local/lib" "$ours/usr/local/share" "$ours/usr/share/doc/holdfast"
installed=$stage/installed/usr/local
# `holdfast` too: gc and prune run in the same image, and so does whoever looks into a failed step.
mv "$installed/bin" "$ours/usr/local/bin"
# A service of a machine, for Mistral: no step of a pod.
rm -f "$ours/usr/local/bin/holdfast-agent"
mv "$installed/lib/holdfast" "$ours/usr/local/lib/holdfast"
mv "$installed/share/holdfast" "$ours/usr/local/share/holdfast"
cp "$top/LICENSE" "$top/NOTICE" "$ours/usr/share/doc/holdfast/"
rm -rf "$stage/installed" "$stage/words"

# --- From Debian ---
mkdir -p "$system"/{usr/bin,usr/sbin,usr/lib,etc/ssl/certs,etc/holdfast/providers.d,dev,home/holdfast,proc,root,run,sys,tmp,usr/lib/ssl,usr/share,var/lib/dpkg/status.d,var/lib/holdfast,var/tmp}
chmod 1777 "$system/tmp"
# /usr as Debian has it.
ln -s usr/bin "$system/bin"
ln -s usr/sbin "$system/sbin"
ln -s usr/lib "$system/lib"
ln -s ../run "$system/var/run"
# Nobody may write to /var/tmp: a dump that one step stages there would be gone for the next, which is another pod. So it
# fails at once; 'staging' of a provider names a volume that they share.

packages=()
# The package that a file is of. Debian lists what lay in /lib before /usr was merged under its old name.
note_package() { # FILE
  local file lines
  file=$(realpath "$1")
  lines=$(dpkg-query -S "$file" 2>/dev/null || dpkg-query -S "${file#/usr}" 2>/dev/null) ||
    fail "$1 is of no Debian package: nobody can say its licence or its updates"
  packages+=("$(sed -n '/^diversion /d; s/:.*//; s/,.*//; p; q' <<<"$lines")")
}
# Copies a file to its own place. A link becomes the file: the loader looks for libraries by the name of the link.
take() { # FILE...
  local file place mode
  for file in "$@"; do
    place=$(realpath "$(dirname "$file")")/${file##*/}
    [ ! -e "$system$place" ] || continue
    mode=644
    [ ! -x "$file" ] || mode=755
    install -D -m $mode "$file" "$system$place"
    note_package "$file"
  done
}

# /bin/sh: for `shell` hooks, and for the guard that ends what a killed step has started.
take /usr/bin/dash
ln -s dash "$system/usr/bin/sh"
# The programs themselves: what Debian has in PATH are Perl scripts that choose among versions. Those of every
# version that is installed here; a server needs a pg_dump that is not older.
versions=0
for bin in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V); do
  [ -x "$bin/pg_dump" ] || continue
  for tool in pg_dump pg_dumpall pg_restore psql; do
    take "$bin/$tool"
    ln -sf "../lib${bin#/usr/lib}/$tool" "$system/usr/bin/$tool"
  done
  versions=$((versions + 1))
done
[ $versions -gt 0 ] || fail "there is no PostgreSQL client below /usr/lib/postgresql: install postgresql-client"

# What the loader loads for all of these, and the loader. (Nothing of it is opened by name later: glibc has its
# name services built in, and reads no others that nsswitch.conf below does not name.)
while IFS= read -r file; do
  lines=$(ldd "$file") || continue # a script
  ! grep -q 'not found' <<<"$lines" || fail "${file#"$stage"} lacks a library: $(grep 'not found' <<<"$lines")"
  mapfile -t libraries < <(sed -nE 's/^\t(.* => )?(\/[^ ]*) \(0x.*/\2/p' <<<"$lines")
  take "${libraries[@]}"
done < <(find "$system/usr/bin" "$system/usr/lib/postgresql" "$ours/usr/local/bin" "$ours/usr/local/lib/holdfast" -type f | sort)
[ ! -d "$system/usr/lib64" ] || ln -s usr/lib64 "$system/lib64"

# Of the package: /etc/ssl/certs has also what this machine alone trusts.
roots=(/usr/share/ca-certificates/mozilla/*.crt)
[ -e "${roots[0]}" ] || fail "there are no certificates: install ca-certificates"
awk 1 "${roots[@]}" >"$system/etc/ssl/certs/ca-certificates.crt"
note_package "${roots[0]}"
# Where OpenSSL looks by itself.
ln -s /etc/ssl/certs "$system/usr/lib/ssl/certs"
ln -s /etc/ssl/certs/ca-certificates.crt "$system/usr/lib/ssl/cert.pem"

# For the schedule of a plan.
[ -e /usr/share/zoneinfo/UTC ] || fail "there are no time zones: install tzdata"
cp -r --preserve=links /usr/share/zoneinfo "$system/usr/share/zoneinfo"
rm -rf "$system"/usr/share/zoneinfo/{posix,right,localtime,posixrules}
note_package /usr/share/zoneinfo/tzdata.zi

install -m 644 /usr/lib/os-release "$system/usr/lib/os-release"
ln -s ../usr/lib/os-release "$system/etc/os-release"
note_package /usr/lib/os-release

cat >"$system/etc/passwd" <<END
root:x:0:0:root:/root:/bin/sh
holdfast:x:10001:10001:Holdfast:/home/holdfast:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/bin/sh
END
printf 'root:x:0:\nholdfast:x:10001:\nnogroup:x:65534:\n' >"$system/etc/group"
printf 'passwd: files\ngroup: files\nhosts: files dns\n' >"$system/etc/nsswitch.conf"
printf '127.0.0.1 localhost\n::1 localhost\n' >"$system/etc/hosts"

# The entries by which scanners know what is in an image without a package manager, one file for each package
# (the convention of "distroless" images).
mapfile -t packages < <(printf '%s\n' "${packages[@]}" | sort -u)
for package in "${packages[@]}"; do
  dpkg-query -s "$package" >"$system/var/lib/dpkg/status.d/$package"
done
# Licences: of these, and of what is compiled into ours (headers, libraries without a shared form).
mapfile -t compiled_in < <(sed -n '/^build="/,/"$/p' "$top/tests/setup/install_packages.sh" | tr ' ' '\n' | grep -- '-dev$')
[ ${#compiled_in[@]} -gt 0 ] || fail "install_packages.sh no longer lists what a build needs as 'build=\"...\"'"
for package in "${packages[@]}" "${compiled_in[@]}"; do
  install -D -m 644 "/usr/share/doc/$package/copyright" "$system/usr/share/doc/$package/copyright"
done
cp -r /usr/share/common-licenses "$system/usr/share/common-licenses"

# One time for all: a layer changes when a file in it does, not when it was built.
find "$stage" -exec touch -h -d @0 {} +
