#include "plugins/sdk/segment.h"

#include <gtest/gtest.h>

#include <string>

#include "plugins/sdk/file.h"
#include "plugins/sdk/sha256.h"

namespace holdfast {
namespace {

std::string Text(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; text.size() < size; ++i) text += "line " + std::to_string(i) + "\n";
  return text.substr(0, size);
}

std::string Noise(std::size_t size) {
  std::string bytes;
  for (int i = 0; bytes.size() < size; ++i) {
    const std::string hex = Sha256Hex(std::to_string(i));
    for (std::size_t k = 0; k < hex.size(); k += 2) {
      bytes += static_cast<char>(std::stoi(hex.substr(k, 2), nullptr, 16));
    }
  }
  return bytes.substr(0, size);
}

TEST(Segment, GivesBackWhatWasEncoded) {
  SegmentDecoder decoder;
  for (const SegmentAlgorithm algorithm : {SegmentAlgorithm::kNone, SegmentAlgorithm::kZstd}) {
    SegmentEncoder encoder(algorithm);
    for (const std::string& plain : {std::string(), std::string("x"), Text(100), Text(300'000),
                                     Noise(100'000), std::string(1 << 20U, '\0')}) {
      const auto segment = encoder.Encode(plain);
      ASSERT_TRUE(segment);
      EXPECT_EQ(segment->info.plain_size, plain.size());
      EXPECT_EQ(segment->info.stored_size, segment->bytes.size());
      EXPECT_EQ(segment->info.stored_sha256, Sha256Hex(segment->bytes));
      const auto back = decoder.Decode(segment->bytes, segment->info);
      ASSERT_TRUE(back) << back.error().Render();
      EXPECT_EQ(*back, plain);
    }
  }
}

TEST(Segment, IsSmallerOnlyWhereThatIsPossible) {
  SegmentEncoder encoder;
  EXPECT_LT(encoder.Encode(Text(100'000))->bytes.size(), 50'000U);
  EXPECT_EQ(encoder.Encode(Noise(100'000))->bytes.size(), 100'000U + kSegmentHeaderSize);
}

TEST(Segment, MadeWhereItsBytesLieIsTheSame) {
  SegmentEncoder encoder(SegmentAlgorithm::kNone);
  for (const std::size_t size : {0, 1, 100, 100'000}) {
    const std::string plain = Noise(size);
    const auto copied = encoder.Encode(plain);
    ASSERT_TRUE(copied);
    std::string here = std::string(kSegmentHeaderSize, 'x') + plain;
    const auto info = encoder.EncodeHere(here);
    ASSERT_TRUE(info);
    EXPECT_EQ(here, copied->bytes);
    EXPECT_EQ(*info, copied->info);
  }
  std::string large(kSegmentHeaderSize + kMaxSegmentSize + 1, 'x');
  EXPECT_EQ(encoder.EncodeHere(large).error().code(), ErrorCode::kInvalidInput);
}

TEST(Segment, OfWhatIsStoredAsItIsBothHashesAreChecked) {
  const auto segment = SegmentEncoder(SegmentAlgorithm::kNone).Encode(Noise(100'000));
  ASSERT_TRUE(segment);
  SegmentDecoder decoder;
  for (std::string SegmentInfo::*const hash :
       {&SegmentInfo::plain_sha256, &SegmentInfo::stored_sha256}) {
    SegmentInfo info = segment->info;
    (info.*hash)[5] = (info.*hash)[5] == '0' ? '1' : '0';
    const auto back = decoder.Decode(segment->bytes, info);
    ASSERT_FALSE(back);
    EXPECT_EQ(back.error().code(), ErrorCode::kCorrupt);
  }
}

TEST(Segment, SameInputSameBytes) {
  SegmentEncoder first;
  SegmentEncoder second;
  ASSERT_TRUE(second.Encode(Text(5000)));
  EXPECT_EQ(first.Encode(Text(100'000))->bytes, second.Encode(Text(100'000))->bytes);
}

TEST(Segment, RefusesMoreThanASegmentHolds) {
  SegmentEncoder encoder(SegmentAlgorithm::kNone);
  const auto segment = encoder.Encode(std::string(kMaxSegmentSize + 1, 'x'));
  ASSERT_FALSE(segment);
  EXPECT_EQ(segment.error().code(), ErrorCode::kInvalidInput);
}

TEST(Segment, EveryFlippedBitIsCorrupt) {
  SegmentDecoder decoder;
  for (const SegmentAlgorithm algorithm : {SegmentAlgorithm::kNone, SegmentAlgorithm::kZstd}) {
    SegmentEncoder encoder(algorithm);
    const auto segment = encoder.Encode(Text(200));
    ASSERT_TRUE(segment);
    for (std::size_t i = 0; i < segment->bytes.size() * 8; ++i) {
      std::string flipped = segment->bytes;
      flipped[i / 8] = static_cast<char>(flipped[i / 8] ^ (1 << (i % 8)));
      const auto back = decoder.Decode(flipped, segment->info);
      ASSERT_FALSE(back) << "bit " << i;
      EXPECT_EQ(back.error().code(), ErrorCode::kCorrupt) << "bit " << i;
      // Without its manifest nothing may crash, and no length may change.
      const auto rescued = decoder.DecodeUnlisted(flipped);
      if (rescued) {
        EXPECT_EQ(rescued->size(), 200U) << "bit " << i;
      }
    }
  }
}

TEST(Segment, EveryCutIsCorrupt) {
  SegmentDecoder decoder;
  SegmentEncoder encoder;
  const auto segment = encoder.Encode(Text(200));
  ASSERT_TRUE(segment);
  for (std::size_t size = 0; size < segment->bytes.size(); ++size) {
    const std::string cut = segment->bytes.substr(0, size);
    EXPECT_EQ(decoder.Decode(cut, segment->info).error().code(), ErrorCode::kCorrupt);
    const auto rescued = decoder.DecodeUnlisted(cut);
    ASSERT_FALSE(rescued) << size;
    EXPECT_EQ(rescued.error().code(), ErrorCode::kCorrupt) << size;
  }
  EXPECT_FALSE(decoder.DecodeUnlisted(segment->bytes + "x"));
  EXPECT_FALSE(decoder.DecodeUnlisted(segment->bytes + segment->bytes.substr(kSegmentHeaderSize)));
}

TEST(Segment, AnotherSegmentInItsPlaceIsCorrupt) {
  SegmentDecoder decoder;
  SegmentEncoder encoder(SegmentAlgorithm::kNone);
  const auto one = encoder.Encode("one");
  const auto two = encoder.Encode("two");
  EXPECT_EQ(decoder.Decode(two->bytes, one->info).error().code(), ErrorCode::kCorrupt);
}

TEST(Segment, AManifestThatLiesAboutThePlainBytesIsNoticed) {
  SegmentDecoder decoder;
  SegmentEncoder encoder;
  const auto segment = encoder.Encode(Text(200));
  SegmentInfo info = segment->info;
  info.plain_sha256 = Sha256Hex("other");
  EXPECT_EQ(decoder.Decode(segment->bytes, info).error().code(), ErrorCode::kCorrupt);
  info = segment->info;
  info.plain_size = 199;
  EXPECT_EQ(decoder.Decode(segment->bytes, info).error().code(), ErrorCode::kCorrupt);
}

// What a newer build wrote is refused with what to do, not guessed at.
TEST(Segment, UnknownVersionsAlgorithmsAndKeysAreRefused) {
  SegmentDecoder decoder;
  const auto segment = SegmentEncoder(SegmentAlgorithm::kNone).Encode("text");
  for (const std::size_t field : {8U, 10U, 11U}) {  // version, algorithm, length of the key id
    std::string newer = segment->bytes;
    newer[field] = 9;
    SegmentInfo info = segment->info;
    info.stored_sha256 = Sha256Hex(newer);
    const auto back = decoder.Decode(newer, info);
    ASSERT_FALSE(back);
    EXPECT_EQ(back.error().code(), ErrorCode::kInvalidInput) << field;
    EXPECT_FALSE(back.error().hint().empty()) << field;
  }
}

TEST(Segment, AHugePlainLengthIsNotAllocated) {
  std::string bytes = SegmentEncoder().Encode(Text(1000))->bytes;
  for (std::size_t i = 12; i < 20; ++i) bytes[i] = '\x7F';
  const auto back = SegmentDecoder().DecodeUnlisted(bytes);
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().code(), ErrorCode::kCorrupt);
}

std::string Fixture(const std::string& name) {
  return *ReadFile(std::string(HOLDFAST_FIXTURES) + "/" + name);
}

// Written by the first build that had format version 1; never written again.
TEST(SegmentFixture, Version1IsReadForEver) {
  const std::string plain = Text(3000);
  const std::string plain_sha256 =
      "f4d42de8349b7331a009fa0d345126e15d024a2eeb1c75725694082df3ff5536";
  ASSERT_EQ(Sha256Hex(plain), plain_sha256);
  SegmentDecoder decoder;
  const auto zstd =
      decoder.Decode(Fixture("segment-v1-zstd.bin"),
                     {3000, plain_sha256, 353,
                      "1666007c881ae5e656d327286d283b031801db81c8500e431fda5079a6aa1276"});
  ASSERT_TRUE(zstd) << zstd.error().Render();
  EXPECT_EQ(*zstd, plain);
  const auto none =
      decoder.Decode(Fixture("segment-v1-none.bin"),
                     {3000, plain_sha256, 3020,
                      "ee4540cf7b8bfd305ba37bcad0151e22ad262f8bb50b25e74ed746593cde9c62"});
  ASSERT_TRUE(none) << none.error().Render();
  EXPECT_EQ(*none, plain);
  // And still written like this, byte for byte (zstd's own bytes may differ between its releases).
  EXPECT_EQ(SegmentEncoder(SegmentAlgorithm::kNone).Encode(plain)->bytes,
            Fixture("segment-v1-none.bin"));
}

}  // namespace
}  // namespace holdfast
