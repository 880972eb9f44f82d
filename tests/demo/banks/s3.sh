# shellcheck shell=bash disable=SC2034,SC2154 # names that demo.sh uses, or sets
# A bank by the API of S3, which Swift has too.
. "$top/tests/demo/banks/swift.sh"
bank_name="a bank that speaks S3"
bank_secrets() {
  secret s3-access test:tester
  secret s3-secret testing
}
bank_section() {
  cat <<END
[s3]
endpoint = $(cat "$dir/swift/url")
bucket = demo
compression_level = 0
access_key_file = $dir/s3-access
secret_key_file = $dir/s3-secret
END
}
