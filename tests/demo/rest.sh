#!/bin/sh
# The hooks of the demo's application, which lie in its folder as an application's own do. Where each step is a pod there is
# a shell and no other command, no 'sleep' and no 'rm'.
#   rest.sh freeze    brings it to rest: returns when no order is half-way
#   rest.sh thaw      lets it go on
set -eu
cd "${0%/*}"
case "$1" in
  freeze)
    echo rest >wanted
    # An order takes milliseconds; who calls this ends it after its own time-out. Not serving: already at rest.
    until [ -e frozen ] || [ ! -e running ]; do :; done
    ;;
  thaw) echo serve >wanted ;;
esac
