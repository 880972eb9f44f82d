#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "plugins/banks/object_store/object_store.h"
#include "plugins/net/http_client.h"
#include "plugins/sdk/registry.h"

namespace holdfast::banks::s3 {

// A bucket of a server that speaks S3 (https://docs.aws.amazon.com/AmazonS3/latest/API/).
struct Bucket {
  std::string endpoint;  // "https://s3.example.org"
  std::string name;
  std::string region;
  bool path_style = true;  // ENDPOINT/BUCKET/KEY; else BUCKET.ENDPOINT/KEY
  // The server knows If-None-Match: * of a PUT: exactly one of many creates an object.
  bool conditional_put = false;
  std::uint64_t part_size = 0;  // what is larger is sent in parts of so many bytes
  std::chrono::milliseconds longest_silence{30'000};
};

// With kRead kNotFound where the bucket is not there; with kWrite it is made. `client` signs, and tries again.
Result<std::unique_ptr<ObjectStore>> OpenS3Store(std::shared_ptr<net::HttpClient> client,
                                                 Bucket bucket, BankUse use, SteadyTime deadline);

}  // namespace holdfast::banks::s3
