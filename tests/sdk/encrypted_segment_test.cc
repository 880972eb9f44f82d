#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <tuple>

#include "plugins/sdk/file.h"
#include "plugins/sdk/segment.h"
#include "plugins/sdk/sha256.h"
#include "tests/sdk/test_keys.h"

namespace holdfast {
namespace {

using ::testing::HasSubstr;
using testing::kKnownKey;
using testing::kKnownKeyId;
using testing::kOtherKey;
using ::testing::Not;
using testing::TestKeys;

constexpr std::string_view kPlace = "t/local/checkpoints/c/data/T/x/a1/tree.0";

std::string Text(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; text.size() < size; ++i) text += "line " + std::to_string(i) + "\n";
  return text.substr(0, size);
}

class EncryptedSegment : public ::testing::Test {
 protected:
  SegmentEncoder Encoder(SegmentAlgorithm algorithm = SegmentAlgorithm::kZstd,
                         SegmentNonce nonce = SegmentNonce::kRandom) const {
    return SegmentEncoder(algorithm, 3, *keys_.ring().Current(), nonce);
  }
  SegmentDecoder Decoder() const { return SegmentDecoder(&keys_.ring()); }
  // What a manifest that was written anew for these bytes would say.
  static SegmentInfo Listed(std::string_view bytes, SegmentInfo info) {
    info.stored_size = bytes.size();
    info.stored_sha256 = Sha256Hex(bytes);
    return info;
  }

  TestKeys keys_;
};

TEST_F(EncryptedSegment, GivesBackWhatWasEncodedAndShowsNothingOfIt) {
  SegmentDecoder decoder = Decoder();
  for (const SegmentAlgorithm algorithm : {SegmentAlgorithm::kNone, SegmentAlgorithm::kZstd}) {
    SegmentEncoder encoder = Encoder(algorithm);
    for (const std::string& plain :
         {std::string(), std::string("x"), Text(100), Text(300'000), std::string(1 << 20U, '\0')}) {
      const auto segment = encoder.Encode(plain, kPlace);
      ASSERT_TRUE(segment);
      EXPECT_EQ(segment->info.plain_size, plain.size());
      EXPECT_EQ(segment->info.plain_sha256, "");
      EXPECT_EQ(segment->info.key_id, kKnownKeyId);
      EXPECT_EQ(segment->info.stored_size, segment->bytes.size());
      EXPECT_EQ(segment->info.stored_sha256, Sha256Hex(segment->bytes));
      EXPECT_THAT(segment->bytes, Not(HasSubstr("line")));
      EXPECT_EQ(PlainSizeOfEncrypted(segment->bytes), plain.size());
      const auto back = decoder.Decode(segment->bytes, segment->info, kPlace);
      ASSERT_TRUE(back) << back.error().Render();
      EXPECT_EQ(*back, plain);
      const auto rescued = decoder.DecodeUnlisted(segment->bytes, kPlace);
      ASSERT_TRUE(rescued) << rescued.error().Render();
      EXPECT_EQ(*rescued, plain);
    }
  }
}

TEST_F(EncryptedSegment, IsCompressedBeforeItIsEncrypted) {
  EXPECT_LT(Encoder().Encode(Text(100'000), kPlace)->bytes.size(), 50'000U);
  EXPECT_EQ(Encoder(SegmentAlgorithm::kNone).Encode(Text(1000), kPlace)->bytes.size(),
            1000 + kEncryptedHeaderSize + EncryptionKey::kTagSize);
}

TEST_F(EncryptedSegment, SameInputSameBytesOnlyWhereThatIsAskedFor) {
  EXPECT_NE(Encoder().Encode(Text(500), kPlace)->bytes, Encoder().Encode(Text(500), kPlace)->bytes);
  SegmentEncoder encoder = Encoder(SegmentAlgorithm::kZstd, SegmentNonce::kOfContents);
  const std::string bytes = encoder.Encode(Text(500), kPlace)->bytes;
  EXPECT_EQ(encoder.Encode(Text(500), kPlace)->bytes, bytes);
  EXPECT_NE(encoder.Encode(Text(501), kPlace)->bytes, bytes);
  EXPECT_NE(encoder.Encode(Text(500), "elsewhere")->bytes, bytes);
}

// Also where the manifest was written anew to match.
TEST_F(EncryptedSegment, EveryFlippedBitIsAnErrorAndNeverData) {
  SegmentDecoder decoder = Decoder();
  for (const SegmentAlgorithm algorithm : {SegmentAlgorithm::kNone, SegmentAlgorithm::kZstd}) {
    SegmentEncoder encoder = Encoder(algorithm);
    const auto segment = encoder.Encode(Text(200), kPlace);
    ASSERT_TRUE(segment);
    for (std::size_t i = 0; i < segment->bytes.size() * 8; ++i) {
      std::string flipped = segment->bytes;
      flipped[i / 8] = static_cast<char>(flipped[i / 8] ^ (1 << (i % 8)));
      const auto back = decoder.Decode(flipped, segment->info, kPlace);
      ASSERT_FALSE(back) << "bit " << i;
      EXPECT_EQ(back.error().code(), ErrorCode::kCorrupt) << "bit " << i;
      EXPECT_FALSE(decoder.Decode(flipped, Listed(flipped, segment->info), kPlace)) << "bit " << i;
      EXPECT_FALSE(decoder.DecodeUnlisted(flipped, kPlace)) << "bit " << i;
    }
  }
}

TEST_F(EncryptedSegment, EveryChangedByteOfItsHeaderIsAnErrorAndNeverData) {
  SegmentDecoder decoder = Decoder();
  const auto segment = Encoder().Encode(Text(200), kPlace);
  for (std::size_t i = 0; i < kEncryptedHeaderSize; ++i) {
    for (int value = 0; value < 256; ++value) {
      std::string changed = segment->bytes;
      if (changed[i] == static_cast<char>(value)) continue;
      changed[i] = static_cast<char>(value);
      ASSERT_FALSE(decoder.DecodeUnlisted(changed, kPlace)) << "byte " << i << " = " << value;
    }
  }
}

TEST_F(EncryptedSegment, EveryCutIsAnErrorAndSoIsMore) {
  SegmentDecoder decoder = Decoder();
  const auto segment = Encoder().Encode(Text(200), kPlace);
  for (std::size_t size = 0; size < segment->bytes.size(); ++size) {
    const std::string cut = segment->bytes.substr(0, size);
    EXPECT_EQ(decoder.Decode(cut, segment->info, kPlace).error().code(), ErrorCode::kCorrupt);
    const auto back = decoder.Decode(cut, Listed(cut, segment->info), kPlace);
    ASSERT_FALSE(back) << size;
    EXPECT_EQ(back.error().code(), ErrorCode::kCorrupt) << size;
  }
  const std::string more = segment->bytes + "x";
  EXPECT_FALSE(decoder.Decode(more, Listed(more, segment->info), kPlace));
}

TEST_F(EncryptedSegment, AnotherSegmentInItsPlaceIsCorruptWhateverTheManifestSays) {
  SegmentDecoder decoder = Decoder();
  SegmentEncoder encoder = Encoder();
  const auto one = encoder.Encode(Text(200), "a1/tree.0");
  const auto two = encoder.Encode(Text(200), "a1/tree.1");
  const auto back = decoder.Decode(two->bytes, two->info, "a1/tree.0");
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().code(), ErrorCode::kCorrupt);
  EXPECT_THAT(back.error().message(), HasSubstr(kKnownKeyId));
  EXPECT_TRUE(decoder.Decode(one->bytes, one->info, "a1/tree.0"));
}

// Who can write the bank but has no key cannot pass off plain bytes as those of an encrypted stream.
TEST_F(EncryptedSegment, APlainOneInItsPlaceIsCorrupt) {
  const auto segment = Encoder().Encode(Text(200), kPlace);
  const auto plain = SegmentEncoder().Encode(Text(200));
  const auto back = Decoder().Decode(plain->bytes, Listed(plain->bytes, segment->info), kPlace);
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().code(), ErrorCode::kCorrupt);
  // Nor the other way round.
  const auto other = Decoder().Decode(segment->bytes, Listed(segment->bytes, plain->info), kPlace);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code(), ErrorCode::kCorrupt);
}

TEST_F(EncryptedSegment, WithoutItsKeyTheIdIsNamed) {
  const auto segment = Encoder().Encode(Text(200), kPlace);
  const TestKeys others(std::string(kOtherKey) + "\n");
  for (const KeyRing* const keys : {&others.ring(), static_cast<const KeyRing*>(nullptr)}) {
    const auto back = SegmentDecoder(keys).Decode(segment->bytes, segment->info, kPlace);
    ASSERT_FALSE(back);
    EXPECT_EQ(back.error().code(), ErrorCode::kDenied);
    EXPECT_THAT(back.error().message(), HasSubstr(kKnownKeyId));
    EXPECT_THAT(back.error().hint(), HasSubstr("key_file"));
  }
}

TEST_F(EncryptedSegment, IsReadWithAnOlderKeyOnceThereIsANewOne) {
  const auto segment = Encoder().Encode(Text(200), kPlace);
  const TestKeys rotated(std::string(kOtherKey) + "\n" + kKnownKey + "\n");
  EXPECT_NE((*rotated.ring().Current())->id(), kKnownKeyId);
  EXPECT_TRUE(SegmentDecoder(&rotated.ring()).Decode(segment->bytes, segment->info, kPlace));
}

TEST_F(EncryptedSegment, PlainOnesAreReadAsEver) {
  const auto plain = SegmentEncoder().Encode(Text(200));
  const auto back = Decoder().Decode(plain->bytes, plain->info, kPlace);
  ASSERT_TRUE(back) << back.error().Render();
  EXPECT_EQ(*back, Text(200));
  EXPECT_FALSE(PlainSizeOfEncrypted(plain->bytes));
}

TEST_F(EncryptedSegment, ANewerVersionIsRefusedWithWhatToDo) {
  auto segment = Encoder().Encode(Text(200), kPlace);
  segment->bytes[8] = 3;
  const auto back = Decoder().Decode(segment->bytes, Listed(segment->bytes, segment->info), kPlace);
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().code(), ErrorCode::kInvalidInput);
  EXPECT_FALSE(back.error().hint().empty());
}

std::string Fixture(const std::string& name) {
  return *ReadFile(std::string(HOLDFAST_FIXTURES) + "/" + name);
}

// Written by another implementation (Python's hashlib, PyNaCl) from the comment in segment.h, with the nonces
// 100, 101, ... and 200, 201, ...; never written again.
TEST_F(EncryptedSegment, Version2IsReadForEver) {
  SegmentDecoder decoder = Decoder();
  for (const auto& [name, size, sha256] :
       {std::tuple{"segment-v2-none.bin", 3068U,
                   "8bde9bd4535f330c07b81d9368f35535dd8ede3de8941ca62508298d220321a6"},
        std::tuple{"segment-v2-zstd.bin", 401U,
                   "c2c6fb6d4366341d1ead75cebb0fd82aac8e1e7e11a86a730ba32757c026250f"}}) {
    const auto back = decoder.Decode(Fixture(name), {3000, "", size, sha256, kKnownKeyId}, kPlace);
    ASSERT_TRUE(back) << name << ": " << back.error().Render();
    EXPECT_EQ(*back, Text(3000));
  }
}

}  // namespace
}  // namespace holdfast
