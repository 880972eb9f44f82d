# What scripts that start a server for tests have in common; sourced by them, as `set -euo pipefail` has been said.
# shellcheck shell=bash disable=SC2034 # names that they use
python=/usr/bin/python3 # Debian's: it has the modules
user=nobody

# Who runs it, as the words before its command: another user when we are root, and that one gets as far as DIR.
as=()
choose_user() { # DIR
  [ "$(id -u)" = 0 ] || return 0
  as=(setpriv --reuid=$user --regid="$(id -g $user)" --clear-groups --)
  "${as[@]}" test -x "$(dirname "$1")" || as=()
}

# Waits until the server of that process answers; fails when it has ended, or a minute is over.
answers() { # URL PID
  for _ in $(seq 600); do
    curl -sf --max-time 10 -o /dev/null "$1" && return
    kill -0 "$2" 2>/dev/null || return 1
    sleep 0.1
  done
  return 1
}

# `SCRIPT stop DIR` when the caller of this script ends, however it ends.
ends_with_caller() { # SCRIPT DIR
  setsid bash -c 'tail --pid="$1" -s 0.5 -f /dev/null; exec "$2" stop "$3"' watch "$PPID" "$1" "$2" </dev/null >/dev/null 2>&1 &
}
