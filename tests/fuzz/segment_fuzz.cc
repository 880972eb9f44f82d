#include "plugins/sdk/segment.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "plugins/sdk/sha256.h"
#include "tests/fuzz/fuzz_target.h"

using namespace holdfast;

namespace {

constexpr std::string_view kPlace = "t/local/checkpoints/c/data/T/x/a1/tree.0";

// The key of the fixtures, in a file, as every key ring has it.
const KeyRing& Keys() {
  static const KeyRing* const keys = [] {
    std::string path = "/tmp/holdfast-fuzz-keys.XXXXXX";
    const int descriptor = ::mkstemp(path.data());
    fuzz::Require(descriptor >= 0, "there is room for a file of keys");
    ::close(descriptor);
    std::ofstream(path) << "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
    auto* const ring = new KeyRing(path, "this fuzz target");  // as long as the process
    fuzz::Require(ring->Current().has_value(), "the keys are read");
    ::unlink(path.c_str());
    return ring;
  }();
  return *keys;
}

// What a manifest says of bytes whatever they are.
SegmentInfo InfoOf(std::string_view bytes) {
  return {.plain_size = bytes.size(),
          .plain_sha256 = Sha256Hex(bytes),
          .stored_size = bytes.size(),
          .stored_sha256 = Sha256Hex(bytes)};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = fuzz::TextOf(data, size);
  static SegmentDecoder decoder(&Keys());
  static SegmentEncoder encoder;
  static SegmentEncoder encrypting(SegmentAlgorithm::kZstd, 3, *Keys().Current(),
                                   SegmentNonce::kOfContents);
  SegmentInfo info = InfoOf(bytes);
  // A manifest that lists these bytes as they are, with a wrong plain side.
  (void)decoder.Decode(bytes, info, kPlace);
  if (const auto plain = decoder.DecodeUnlisted(bytes, kPlace); plain) {
    fuzz::Require(plain->size() <= kMaxSegmentSize, "a segment is at most 64 MiB");
    info.plain_size = plain->size();
    info.plain_sha256 = Sha256Hex(*plain);
    if (const auto encrypted = PlainSizeOfEncrypted(bytes); encrypted) {
      fuzz::Require(*encrypted == plain->size(), "the header says the plain length");
      info.key_id = (*Keys().Current())->id();
      fuzz::Require(!decoder.DecodeUnlisted(bytes, "elsewhere"), "it opens in its place only");
    }
    const auto listed = decoder.Decode(bytes, info, kPlace);
    fuzz::Require(listed.has_value() && *listed == *plain, "a listed segment is what it was");
  }
  const auto segment = encoder.Encode(bytes);
  fuzz::Require(segment.has_value(), "any bytes can be a segment");
  const auto back = decoder.Decode(segment->bytes, segment->info);
  fuzz::Require(back.has_value() && *back == bytes, "a segment gives back its bytes");

  auto sealed = encrypting.Encode(bytes, kPlace);
  fuzz::Require(sealed.has_value(), "any bytes can be an encrypted segment");
  const auto opened = decoder.Decode(sealed->bytes, sealed->info, kPlace);
  fuzz::Require(opened.has_value() && *opened == bytes, "an encrypted one gives back its bytes");
  // One byte that is another one, chosen by the input, wherever it is.
  const std::size_t at = size == 0 ? 0 : (size * 31 + data[size / 2]) % sealed->bytes.size();
  sealed->bytes[at] = static_cast<char>(sealed->bytes[at] ^ (size == 0 ? 1 : data[0] | 1));
  fuzz::Require(!decoder.DecodeUnlisted(sealed->bytes, kPlace), "a changed byte is never data");
  return 0;
}
