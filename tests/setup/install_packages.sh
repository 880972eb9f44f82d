#!/bin/sh
# Installs the Debian packages that Holdfast needs and that are missing, and says so.
#   install_packages.sh build      what compiles it, and what `make demo` runs
#   install_packages.sh test       the above, and what the tests need (PostgreSQL is the one server)
#   install_packages.sh image      that of build, and what else `make image` takes from Debian
#   install_packages.sh mistral    that of build, and a Mistral with an sshd for `make demo ENGINE=mistral`
#   install_packages.sh swift      that of build, and a Swift for `make demo BANK=swift`
#   install_packages.sh keystone   a Keystone for tests/services/keystone.sh, and nothing else
#   install_packages.sh ci         all of these, and what checks more: sanitizers, formatting, containers
#   install_packages.sh soak       the above, and tidy, and the tools it is timed against
# Works as root without sudo, and with sudo for others. Starts no server: Debian is told not to
# create or start a PostgreSQL cluster of its own before that package is installed, nor other services.
set -eu

build="g++ cmake ninja-build pkg-config ccache
  libyaml-cpp-dev libinih-dev libboost-dev libboost-graph-dev libcli11-dev nlohmann-json3-dev
  libexpected-dev libfmt-dev libzstd-dev libsodium-dev libssl-dev libarchive-dev libacl1-dev libattr1-dev
  libpq-dev libsqlite3-dev libdtl-dev libcpprest-dev libpugixml-dev libcurl4-openssl-dev libbrotli-dev zlib1g-dev
  postgresql-15 postgresql-client-15 sqlite3 graphviz"
test="$build libgtest-dev libgmock-dev librapidcheck-dev python3 python3-jsonschema python3-yaml openssl acl attr locales"
mistral="$build python3-mistral openssh-server iproute2 curl python3-yaml"
image="$build binutils ca-certificates tzdata"
swift="$build python3-swift memcached curl"
keystone="python3-keystone uwsgi-core uwsgi-plugin-python3 curl"
ci="$test $image $mistral $swift $keystone containerd runc buildah skopeo docker-registry etcd-server containernetworking-plugins clang-14 libclang-rt-14-dev llvm-14 clang-format-14"
soak="$ci clang-tidy-14 restic zstd time"

case "${1:-}" in
  build) wanted=$build ;;
  test) wanted=$test ;;
  image) wanted=$image ;;
  mistral) wanted=$mistral ;;
  swift) wanted=$swift ;;
  keystone) wanted=$keystone ;;
  ci) wanted=$ci ;;
  soak) wanted=$soak ;;
  *) echo "usage: $0 build|test|image|mistral|swift|keystone|ci|soak" >&2; exit 2 ;;
esac

missing=""
for package in $wanted; do
  case " $missing " in *" $package "*) continue ;; esac # several lists name it
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=none
  [ "$state" = installed ] || missing="$missing $package"
done
if [ -z "$missing" ]; then
  exit 0
fi

as_root=""
if [ "$(id -u)" != 0 ]; then
  if ! command -v sudo >/dev/null 2>&1; then
    echo "these Debian packages are missing and you are not root, and there is no sudo:$missing" >&2
    exit 1
  fi
  as_root=sudo
fi

echo "installing Debian packages:$missing"
case " $missing " in
  *" postgresql-15 "*)
    # Read by postgresql-common when a server is installed: no cluster, so nothing that could start.
    settings=/etc/postgresql-common/createcluster.conf
    if ! grep -qs '^ *create_main_cluster *= *false' "$settings"; then
      echo "telling Debian not to make a PostgreSQL cluster of its own: create_main_cluster = false in $settings"
      $as_root mkdir -p /etc/postgresql-common
      if [ -e "$settings" ]; then
        $as_root sed -i '/^ *create_main_cluster *=/d' "$settings"
      fi
      printf 'create_main_cluster = false\n' | $as_root tee -a "$settings" >/dev/null
    fi ;;
esac
# Those whose packages would start them.
services=""
for package in $missing; do
  case $package in
    containerd|docker-registry|memcached) services="$services $package.service" ;;
    openssh-server) services="$services ssh.service" ;;
  esac
done
if [ -n "$services" ]; then
  # Asked by whatever starts a service after its installation; 101 is "not allowed".
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
    $as_root chmod 755 "$policy"
    trap '$as_root rm -f "$policy"' EXIT
  fi
fi
log=$(mktemp)
if ! { $as_root apt-get update -q &&
       $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing; } >"$log" 2>&1; then
  cat "$log" >&2
  rm -f "$log"
  echo "the packages above could not be installed" >&2
  exit 1
fi
rm -f "$log"
for service in $services; do
  # Nor at the next boot.
  $as_root deb-systemd-helper disable "$service" >/dev/null 2>&1 || true
done
