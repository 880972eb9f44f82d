#!/usr/bin/env bash
# A body of 1 GiB, declared or chunked, with the token or without, over HTTP and TLS, is refused, and so are many bodies at once
# that would be large in memory; that leaves the agent small. Connections that send nothing keep nobody out. Not under a
# sanitizer, which needs memory of its own.
#   bad_clients.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=agent -addext subjectAltName=IP:127.0.0.1 \
  -keyout key.pem -out cert.pem 2>said || fail "$(cat said)"
chmod 600 key.pem
small() {
  local most
  most=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$agent/status")
  echo "at most $((most / 1024)) MiB"
  if ! grep -q 'CMAKE_CXX_FLAGS:.*-fsanitize' "$build/CMakeCache.txt"; then
    [ "$most" -lt $((32 * 1024)) ] || fail "it has held $((most / 1024)) MiB"
  fi
}
lives() { # CURL-OPTION...
  [ "$(asked /v1/steps -H "Authorization: Bearer $token" "$@")" = 200 ] || fail "$(cat answer agent.log)"
  [ "$(cat answer)" = '{"steps":[]}' ] || fail "something was accepted: $(cat answer)"
}

start --rate=1000
python3 "$here/bad_clients.py" "$port" "$token" || fail "$(cat agent.log)"
lives
small
ends_with 0

start --rate=1000 --tls-certificate=cert.pem --tls-key=key.pem
python3 "$here/bad_clients.py" "$port" "$token" cert.pem || fail "$(cat agent.log)"
scheme=https
lives --cacert cert.pem
small
