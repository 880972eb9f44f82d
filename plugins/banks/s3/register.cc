#include "plugins/banks/s3/register.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "plugins/banks/object_store/object_store_bank.h"
#include "plugins/banks/object_store/sending_client.h"
#include "plugins/banks/object_store/setting_checks.h"
#include "plugins/banks/s3/s3_store.h"
#include "plugins/banks/s3/signing_client.h"
#include "plugins/net/url.h"
#include "plugins/sdk/bank_settings.h"
#include "plugins/sdk/secret.h"
#include "plugins/sdk/text.h"

namespace holdfast::banks::s3 {

namespace {

struct Settings : TransferSettings {
  std::string endpoint;
  std::string region = "us-east-1";
  std::string bucket = "holdfast";
  bool path_style = true;
  SecretReference access_key;
  SecretReference secret_key;
  SecretReference session_token;
  bool conditional_put = false;
  ByteSize part_size{std::uint64_t{128} << 20U};

  template <class Fields>
  static void Describe(Fields& fields) {
    fields("endpoint", &Settings::endpoint, "where the server is, such as https://s3.example.org")
        .Required()
        .Alias("s3_endpoint");
    fields("region", &Settings::region, "that requests are signed for");
    fields("bucket", &Settings::bucket, "the bucket of the bank, which the first run makes")
        .Alias("bank_s3_object_bucket");
    fields("path_style", &Settings::path_style,
           "ENDPOINT/BUCKET/KEY; false: BUCKET.ENDPOINT/KEY, which some servers want");
    fields("access_key", &Settings::access_key, "the id of the key").Alias("s3_access_key");
    fields("secret_key", &Settings::secret_key, "the key's secret").Alias("s3_secret_key");
    fields("session_token", &Settings::session_token, "of a key that is lent for some hours");
    fields(
        "conditional_put", &Settings::conditional_put,
        "the server knows If-None-Match of a PUT, so that exactly one of many creates an object; "
        "'holdfast bank check' tries it");
    fields("part_size", &Settings::part_size,
           "what is larger than this is sent as a multipart upload in parts of this size")
        .Range(5 << 20, std::int64_t{5} << 30);
    DescribeTransfer<Settings>(fields, "s3_");
  }
};

Status CheckEndpoint(const Value& checked, const Settings& settings) {
  HOLDFAST_RETURN_IF_ERROR(CheckUrl(checked, "endpoint"));
  HOLDFAST_ASSIGN_OR_RETURN(const net::Url url, net::ParseUrl(settings.endpoint));
  if (settings.path_style || !url.IsAddress()) return Ok();
  Error error =
      InvalidInput(fmt::format("'endpoint': with path_style = false the bucket's name stands "
                               "before that of the server, and {} is an address",
                               Printable(url.host)));
  if (url.user_info.empty()) error = std::move(error).At(PlaceOf(checked, "endpoint"));
  return std::move(error).Hint("path_style = true, or the server's name");
}

Status Check(const Value& checked) {
  const auto settings = BindChecked<Settings>(checked);
  HOLDFAST_RETURN_IF_ERROR(CheckEndpoint(checked, settings));
  HOLDFAST_RETURN_IF_ERROR(CheckBucketName(checked));
  if (!settings.access_key.given() || !settings.secret_key.given())
    return InvalidInput("'access_key' and 'secret_key' say who we are")
        .Hint("access_key_file = PATH and secret_key_file = PATH, or ..._env = NAME");
  return Ok();
}

Result<std::unique_ptr<Bank>> Open(const Value& checked, BankUse use, const BankParts& parts) {
  const auto settings = WithPatience(BindChecked<Settings>(checked), parts);
  const Clock& clock = SystemClock();
  net::SigV4Key key;
  key.region = settings.region;
  HOLDFAST_ASSIGN_OR_RETURN(key.access_key, settings.access_key.ReadIfGiven());
  HOLDFAST_ASSIGN_OR_RETURN(key.secret_key, settings.secret_key.ReadIfGiven());
  HOLDFAST_ASSIGN_OR_RETURN(key.session_token, settings.session_token.ReadIfGiven());
  HOLDFAST_ASSIGN_OR_RETURN(
      auto client,
      MakeSendingClient(settings, parts, clock, [&key, &clock](net::HttpClient& transport) {
        return std::make_unique<SigningClient>(transport, std::move(key), clock);
      }));
  Bucket bucket;
  bucket.endpoint = settings.endpoint;
  bucket.name = settings.bucket;
  bucket.region = settings.region;
  bucket.path_style = settings.path_style;
  bucket.conditional_put = settings.conditional_put;
  bucket.part_size = settings.part_size.bytes;
  bucket.longest_silence = settings.stall_timeout;
  HOLDFAST_ASSIGN_OR_RETURN(auto store, OpenS3Store(std::move(client), std::move(bucket), use,
                                                    clock.Steady() + settings.retry_window));
  ObjectStoreOptions options = OptionsOf(settings);
  if (settings.conditional_put) options.strength = ExclusiveStrength::kAtomic;
  options.part_size = std::min(settings.part_size.bytes, kMostInMemory);
  return MakeObjectStoreBank(std::move(store), clock, RealSleep(), options);
}

}  // namespace

void Register(PluginRegistry& registry) {
  BankEntry entry;
  entry.name = "s3";
  entry.description = "a bucket of a server that speaks S3";
  entry.settings_section = "s3";
  entry.settings = WithDataSettings(SchemaOf<Settings>());
  entry.check = &Check;
  entry.open = &Open;
  registry.AddBank(std::move(entry));
}

}  // namespace holdfast::banks::s3
