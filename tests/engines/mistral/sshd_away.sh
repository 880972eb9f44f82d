#!/usr/bin/env bash
# sshd goes while a step is at work, with the connection of that step: for a while, which the retries bridge; and for longer than all
# of them, so that the run fails without its end. A cancel makes up for that, and the resume
# makes it whole.
#   sshd_away.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
start_mistral
seen() { on status "$run" 2>&1; }
. "$scene/slow_copy.sh"

begin_copy
"$scene/mistral.sh" sshd "$dir/mistral" cut
sleep 4
"$scene/mistral.sh" sshd "$dir/mistral" start
ends_well "sshd that went with its connections"
is_restored "sshd that went with its connections"

begin_copy
"$scene/mistral.sh" sshd "$dir/mistral" cut
signal KILL # else it would do its work to the end, also without a connection
code=$(code_of said on watch $run)
[ "$code" != 0 ] || fail "it is said to have ended well: $(cat said)"
grep -q "Mistral could not run it over ssh on 127.0.0.1" said || fail "$code: $(cat said)"
! holdfast checkpoints list | grep -q "^$run .*available" || fail "it is said to be good: $(holdfast checkpoints list)"
"$scene/mistral.sh" sshd "$dir/mistral" start
# Its end could not be run: who asks for a resume is told to have that first.
[ "$(code_of said on resume $run --watch)" = 11 ] && grep -q "first 'holdfast cancel $run --engine mistral'" said || fail "the resume: $(cat said)"
on cancel $run >said 2>&1 || fail "cancel: $(cat said)"
[ "$(code_of said on resume $run --watch)" = 0 ] || fail "the resume: $(cat said)"
is_restored "sshd that was gone for longer than the retries"
echo "all went well"
