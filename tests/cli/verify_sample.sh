#!/usr/bin/env bash
# `checkpoints verify --sample`: reads a share of what is stored, finds damage there, and never looks
# like a verification that has read every byte.
#   verify_sample.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
disks a b
cat >n.yaml <<END
name: n
provider: p
resources: [X::Disk#a, X::Disk#b]
parameters:
  X::Disk: {parallel_data: 80 MiB}
END
holdfast -q compile protect n.yaml
holdfast -q run n-protect.yaml >run.out
id=$(holdfast checkpoints list | awk 'NR == 2 {print $1}')
holdfast checkpoints show "$id" | grep -qx 'not verified yet' || fail "it is not said that nothing was verified"
segments=$(find bank -path '*parallel*' -type f | wc -l)
[ "$segments" = 20 ] || fail "20 segments were expected, there are $segments"

# A sample says that it is one: in the table, in what is said of the record, in JSON, in the checkpoint.
holdfast checkpoints verify "$id" --sample 10% >sample.out
grep -q 'only a sample was read: 16.0 MiB of 160.0 MiB, 2 of 2 resources' sample.out || fail "$(cat sample.out)"
[ "$(grep -c '^X::Disk#. *sampled .*8.0 MiB of 80.0 MiB' sample.out)" = 2 ] || fail "$(cat sample.out)"
! grep -q '^X::Disk#. *done' sample.out || fail "a sample looks like a verification in full"
holdfast checkpoints show "$id" >show.out
grep -q '^verified: .*, only a sample was read' show.out || fail "$(cat show.out)"
! grep -q '^verified in full' show.out || fail "$(cat show.out)"
holdfast --json checkpoints verify "$id" --sample 0.5% >sample.json
grep -q '"sample":{"of":83886080,"percent":0.5,"read":8388608}' sample.json || fail "$(cat sample.json)"
grep -q '"state":"sampled"' sample.json || fail "$(cat sample.json)"

# All of it is not a sample, however it is said.
holdfast checkpoints verify "$id" --sample 100% >full.out
! grep -q sample full.out || fail "$(cat full.out)"
[ "$(grep -c '^X::Disk#. *done' full.out)" = 2 ] || fail "$(cat full.out)"
# What went well leaves no logs.
[ -z "$(ls tmp)" ] || fail "verifications that went well leave $(ls tmp)"
holdfast checkpoints show "$id" | grep -q '^verified in full: ' || fail "a full verification is not shown"

# What was read, and of which moment it is, stands in the table; of a restore, too.
moment=$(holdfast checkpoints show "$id" | sed -n 's/^X::Disk#a .* \(20[0-9T:.-]*Z\) *$/\1/p')
[ -n "$moment" ] || fail "the checkpoint has no point in time"
grep -q "^X::Disk#a *done .* 80.0 MiB *$moment" full.out || fail "$(cat full.out)"
holdfast -q compile restore "$id" -o restore.yaml
holdfast -q run restore.yaml >restore.out
grep -q "^X::Disk#a *done .* 80.0 MiB *$moment *X::Disk#a" restore.out || fail "$(cat restore.out)"
holdfast --json restores show "$(holdfast restores list | awk 'NR == 2 {print $1}')" >restore.json
grep '"id":"a"' restore.json | grep -q '"bytes":83886080' || fail "$(cat restore.json)"
grep '"id":"a"' restore.json | grep -q "\"point_in_time\":\"$moment\"" || fail "$(cat restore.json)"

# By a parameters file, for one resource alone; the file wins over the option.
echo 'X::Disk#b: {sample: 50%}' >parameters.yaml
holdfast -q compile verify "$id" --parameters parameters.yaml -o half.yaml
holdfast run half.yaml >half.out 2>/dev/null
grep -q '^X::Disk#a *done' half.out || fail "$(cat half.out)"
grep -q '^X::Disk#b *sampled .*40.0 MiB of 80.0 MiB' half.out || fail "$(cat half.out)"
holdfast -q compile verify "$id" --parameters parameters.yaml --sample 10% -o both.yaml
holdfast run both.yaml >both.out 2>/dev/null
grep -q '^X::Disk#a *sampled .*8.0 MiB of 80.0 MiB' both.out || fail "$(cat both.out)"
grep -q '^X::Disk#b *sampled .*40.0 MiB of 80.0 MiB' both.out || fail "$(cat both.out)"

# What is no share is refused, and nothing is read.
for bad in 0% 101% ten; do
  code=0
  holdfast -q checkpoints verify "$id" --sample "$bad" >/dev/null 2>bad.err || code=$?
  [ "$code" = 2 ] || fail "--sample '$bad' ended with $code"
done

# Damage in every segment of one resource is in any sample of it.
for file in $(find bank -path '*/b/*parallel*' -type f); do
  chmod u+w "$file"
  printf 'X' | dd of="$file" bs=1 seek=100 conv=notrunc status=none
done
code=0
holdfast -q checkpoints verify "$id" --sample 1% >damaged.out 2>&1 || code=$?
[ "$code" = 5 ] || fail "damage in the sample ended with $code: $(cat damaged.out)"
# Of what did not, the logs are kept, and named although nobody asked for words.
kept=$(sed -n 's/^warning: the logs and the workflow file of this run are kept in \(.*\); remove .*/\1/p' damaged.out)
[ -n "$kept" ] && [ -n "$(find "$kept" -path '*/logs/*' -type f)" ] || fail "no logs are named: $(cat damaged.out)"
grep -q '^X::Disk#a *sampled' damaged.out || fail "$(cat damaged.out)"
grep -q '^X::Disk#b *FAILED' damaged.out || fail "$(cat damaged.out)"
# How much of it was read is not known, and nothing is made up.
! grep -q '^X::Disk#b *FAILED.*MiB' damaged.out || fail "$(cat damaged.out)"

# And it is said where one asks for the checkpoint, although older verifications were good.
holdfast checkpoints show "$id" >show.out
grep -q '^last verified: 20.*, FAILED: .*X::Disk#b' show.out || fail "$(cat show.out)"
failed=$(sed -n 's/^last verified: .*; holdfast show \(.*\)$/\1/p' show.out)
holdfast show "$failed" | grep -q '^X::Disk#b *FAILED' || fail "'holdfast show $failed' does not show it"
code=0
holdfast checkpoints status --max-age 1h >status.out 2>status.err || code=$?
[ "$code" = 7 ] || fail "status ended with $code: $(cat status.out)"
grep -q "^n *$id .* VERIFY FAILED *$" status.out || fail "$(cat status.out)"
grep -q '^warning: the last verification of checkpoint ' status.err || fail "$(cat status.err)"
code=0
holdfast --json checkpoints status --max-age 1h >status.json || code=$?
[ "$code" = 7 ] && grep -q '"verification_failed":true' status.json || fail "$(cat status.json)"

# A newer checkpoint that nobody verified is as good as its age.
holdfast -q run n-protect.yaml >run2.out
holdfast checkpoints status --max-age 1h >status.out || fail "$(cat status.out)"
grep -q ' never *fresh *$' status.out || fail "$(cat status.out)"
holdfast -q checkpoints verify latest >verified.out
holdfast checkpoints status --max-age 1h >status.out || fail "$(cat status.out)"
grep -q ' 20[0-9T:.-]*Z *fresh *$' status.out || fail "$(cat status.out)"
