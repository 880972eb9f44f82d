#include "plugins/sdk/segment.h"
#include "plugins/sdk/sha256.h"
#include "tests/fuzz/fuzz_target.h"

using namespace holdfast;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = fuzz::TextOf(data, size);
  static SegmentDecoder decoder;
  static SegmentEncoder encoder;
  SegmentInfo info{.plain_size = size,
                   .plain_sha256 = Sha256Hex(bytes),
                   .stored_size = size,
                   .stored_sha256 = Sha256Hex(bytes)};
  // A manifest that lists these bytes as they are, with a wrong plain side.
  (void)decoder.Decode(bytes, info);
  if (const auto plain = decoder.DecodeUnlisted(bytes); plain) {
    fuzz::Require(plain->size() <= kMaxSegmentSize, "a segment is at most 64 MiB");
    info.plain_size = plain->size();
    info.plain_sha256 = Sha256Hex(*plain);
    const auto listed = decoder.Decode(bytes, info);
    fuzz::Require(listed.has_value() && *listed == *plain, "a listed segment is what it was");
  }
  const auto segment = encoder.Encode(bytes);
  fuzz::Require(segment.has_value(), "any bytes can be a segment");
  const auto back = decoder.Decode(segment->bytes, segment->info);
  fuzz::Require(back.has_value() && *back == bytes, "a segment gives back its bytes");
  return 0;
}
