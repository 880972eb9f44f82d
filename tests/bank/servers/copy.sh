#!/usr/bin/env bash
# `checkpoints copy` from a folder to a real Swift, and from there to a real S3: restored byte for byte from the last one when the others are
# gone; the server's own death in the middle costs nothing that it had got.
#   copy.sh BUILD_FOLDER       HOLDFAST_COPIED_MB (64) of data
. "$(dirname "$0")/scene.sh"
megabytes=${HOLDFAST_COPIED_MB:-64}
"$services/swift.sh" start swift
url=$(cat swift/url)
mkdir data bank
head -c "${megabytes}M" /dev/urandom >data/large
for i in $(seq 30); do echo "file $i" >data/$i; done
echo "directories: [{id: data, path: $dir/data}]" >inventory.yaml
holdfast -q bank key new keys
provider_with_bank folder filesystem <<<"path = $dir/bank"
provider_with_bank swift swift <<END
$(swift_account)
container = copies
segment_size = 2 MiB
stall_timeout = 5s
retry_backoff = 100ms
retry_window = 6s
END
provider_with_bank s3 s3 <<END
$(s3_account)
bucket = more-copies
segment_size = 5 MiB
END
sed -i "/^bank = /a key_file = $dir/keys" providers.d/swift.conf providers.d/s3.conf
printf 'name: data\nprovider: folder\nresources: ["Local::Directory#data"]\n' >data.yaml
holdfast -q plan discover data.yaml
holdfast -q compile protect data.yaml
holdfast -q run data-protect.yaml --run-id one >out 2>&1 || fail "$(cat out)"

holdfast checkpoints copy one -p folder --to-provider swift >copy.out 2>&1 &
copier=$!
for _ in $(seq 600); do
  [ "$(segments copies 2>/dev/null | wc -l)" -lt 2 ] || break
  kill -0 $copier 2>/dev/null || break
  sleep 0.1
done
if kill -0 $copier 2>/dev/null; then
  "$services/swift.sh" server swift stop
  code=0
  wait $copier || code=$?
  [ $code = 75 ] || fail "without its server it ended with $code: $(cat copy.out)"
  "$services/swift.sh" server swift start
  [ "$(holdfast --json checkpoints list -p swift | grep -c '"checkpoint"')" = 0 ] || fail "a half one is shown"
fi
before=$(segments copies | sort)
started=$SECONDS
holdfast checkpoints copy one -p folder --to-provider swift >copy.out 2>&1 || fail "swift: $(cat copy.out)"
tail -1 copy.out
again=$(comm -13 <(echo "$before") <(segments copies | sort) | sed 's,.*/,,' | sort)
twice=$(comm -12 <(sed 's,.*/,,' <<<"$before" | sort) <(echo "$again"))
[ -z "$twice" ] || fail "sent again: $twice"
holdfast checkpoints verify one -p swift >out 2>&1 || fail "swift does not verify: $(cat out)"
holdfast checkpoints copy --all -p swift --to-provider s3 >copy.out 2>&1 || fail "s3: $(cat copy.out)"
cat copy.out
echo "both in $((SECONDS - started)) s"

rm -rf bank data-protect.* data.yaml providers.d/folder.conf
holdfast checkpoints delete one -p swift >out 2>&1 || fail "swift: $(cat out)"
printf 'Local::Directory: {target: %s/back}\n' "$dir" >where.yaml
holdfast -q compile restore latest -p s3 --parameters where.yaml -o restore.yaml
holdfast -q run restore.yaml >out 2>&1 || fail "restore: $(cat out)"
diff -r data back || fail "other bytes"
holdfast gc -p s3 >out 2>&1 || fail "gc: $(cat out)"
grep -q "nothing to do" out || fail "gc of s3: $(cat out)"
