#!/usr/bin/env bash
# Uploads in parts that were never completed, on the real servers: gc names them, and removes them once they are old; of an object
# that is there it takes no part.
#   stale_uploads.sh BUILD_FOLDER
. "$(dirname "$0")/scene.sh"
"$services/swift.sh" start swift
url=$(cat swift/url)
provider_with_bank swift swift <<END
$(swift_account)
END
provider_with_bank s3 s3 <<END
$(s3_account)
bucket = by-s3
END
mkdir data && echo precious >data/file
echo "directories: [{id: data, path: $dir/data}]" >inventory.yaml
for provider in swift s3; do # makes the container and the bucket
  holdfast -q plan new $provider 'Local::Directory#data' -p $provider
  holdfast -q plan discover $provider.yaml
  holdfast -q compile protect $provider.yaml
  holdfast -q run $provider-protect.yaml >protect.out 2>&1 || fail "$provider: $(cat protect.out)"
done

# The same object by two writers, of which one ended; one that nobody ended; and one of another tenant.
token=$(swift_token)
container=$url/v1/AUTH_test/holdfast
swift() { # METHOD NAME [CURL ARGUMENTS...]
  curl -sS --fail-with-body -X "$1" -H "X-Auth-Token: $token" "${@:3}" "$container/$2" || fail "$1 $2"
}
head -c 1000 /dev/urandom >part
for name in t/local/there/first t/local/there/second t/local/never/first t/other/never/first; do
  for number in 000001 000002; do swift PUT "~parts/$name/$number" --data-binary @part >said; done
done
printf '[{"path": "/holdfast/~parts/t/local/there/second/000001"}, {"path": "/holdfast/~parts/t/local/there/second/000002"}]' >list
swift PUT 't/local/there?multipart-manifest=put' --data-binary @list >said
parts() { swift GET '?prefix=~parts/'; }

# By S3 an upload with a part and one without; one of somebody else.
s3() { # METHOD TARGET [CURL ARGUMENTS...]
  curl -sS --fail-with-body -X "$1" --aws-sigv4 aws:amz:us-east-1:s3 "${@:3}" "${url/:\/\//://test%3Atester:testing@}/by-s3$2" || fail "$1 $2"
}
begun() { s3 POST "/$1?uploads=" -H "x-amz-content-sha256: $nothing" | sed -n 's,.*<UploadId>\(.*\)</UploadId>.*,\1,p'; }
nothing=$(sha256sum </dev/null | cut -d' ' -f1)
uploads() { s3 GET '/?uploads=' -H "x-amz-content-sha256: $nothing" | grep -o '<Key>[^<]*' | sed 's/<Key>//'; }
id=$(begun t/local/never)
s3 PUT "/t/local/never?partNumber=1&uploadId=$id" -H "x-amz-content-sha256: $(sha256sum <part | cut -d' ' -f1)" --data-binary @part >said
begun t/local/none >/dev/null
begun another/none >/dev/null
[ "$(uploads | wc -l)" = 3 ] || fail "the uploads are not there: $(uploads)"

for provider in swift s3; do
  holdfast gc -p $provider >young.out 2>&1 || fail "$provider: $(cat young.out)"
  ! grep -q '^did  *bank' young.out || fail "$provider: gc takes what is young: $(cat young.out)"
done
[ "$(parts | wc -l)" = 8 ] || fail "parts are gone: $(parts)"
sleep 2.1 # The server says its time in seconds.
holdfast gc -p swift --min-age 1s --dry-run >would.out 2>&1
grep -q 'would  *bank: remove 4 parts of large objects that never were, 3.9 KiB' would.out || fail "swift: $(cat would.out)"
grep -q 'of t/local/there' would.out || fail "swift does not name them: $(cat would.out)"
[ "$(parts | wc -l)" = 8 ] || fail "a dry run removes parts: $(parts)"
holdfast gc -p swift --min-age 1s >did.out 2>&1 || fail "swift: $(cat did.out)"
[ "$(parts | tr '\n' ' ')" = '~parts/t/local/there/second/000001 ~parts/t/local/there/second/000002 ~parts/t/other/never/first/000001 ~parts/t/other/never/first/000002 ' ] ||
  fail "other parts are left: $(parts)"
swift GET t/local/there | cmp - <(cat part part) || fail "the object is another one"
holdfast gc -p s3 --min-age 1s --dry-run >would.out 2>&1
grep -q 'would  *bank: remove 2 uploads that were never completed' would.out || fail "s3: $(cat would.out)"
[ "$(uploads | wc -l)" = 3 ] || fail "a dry run aborts uploads: $(uploads)"
holdfast gc -p s3 --min-age 1s >did.out 2>&1 || fail "s3: $(cat did.out)"
[ "$(uploads)" = another/none ] || fail "other uploads are left: $(uploads)"
for provider in swift s3; do
  holdfast gc -p $provider --min-age 1s >again.out 2>&1 || fail "$provider: $(cat again.out)"
  grep -q 'nothing to do' again.out || fail "$provider: there is more: $(cat again.out)"
  holdfast -q checkpoints verify latest -p $provider >verify.out 2>&1 || fail "$provider: $(cat verify.out)"
done
echo "stale parts and uploads went, and what an object is made of stayed"
