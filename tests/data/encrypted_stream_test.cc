// Streams of a provider with keys: encrypted, and bound together by more than what a manifest says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/sdk/sha256.h"
#include "tests/data/stream_fixture.h"
#include "tests/sdk/test_keys.h"

namespace holdfast::runtime {
namespace {

using holdfast::testing::kKnownKey;
using holdfast::testing::kKnownKeyId;
using holdfast::testing::kOtherKey;
using holdfast::testing::TestKeys;
using ::testing::HasSubstr;
using ::testing::Not;

class EncryptedStream : public ::testing::Test {
 protected:
  BankSection With(const KeyRing* keys) {
    return BankSection::Open(bank_, "t/local/data/T/r", SectionAccess::kWrite, keys).value();
  }
  std::string Stored(const std::string& key) { return data_.GetBytes(key).value(); }
  // What somebody does who can write the bank, and who mends the manifest to match.
  void Replace(StreamManifest& manifest, std::size_t number, const std::string& bytes) {
    ASSERT_TRUE(data_.Replace(KeyOf("a1/dump", number), bytes));
    manifest.segments[number].stored_size = bytes.size();
    manifest.segments[number].stored_sha256 = Sha256Hex(bytes);
  }
  void ExpectCorrupt(const StreamManifest& manifest) {
    const Taken taken = ReadStream(data_, manifest, SmallOptions());
    ASSERT_TRUE(taken.error);
    EXPECT_EQ(taken.error->code(), ErrorCode::kCorrupt) << Text(taken.error);
  }

  TestKeys keys_;
  MemoryBank bank_;
  BankSection data_ = With(&keys_.ring());
};

TEST_F(EncryptedStream, OfAnyLengthComesBack) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{1} << 20U,
                                 (std::size_t{1} << 20U) + 1, std::size_t{5'000'000}}) {
    const std::string bytes = TextBytes(size);
    const std::string attempt = "a" + std::to_string(size);
    const Written written = WriteStream(data_, bytes, SmallOptions(), 100'000, "dump", attempt);
    ASSERT_TRUE(written.manifest) << Text(written.error);
    EXPECT_EQ(written.manifest->key_id, kKnownKeyId);
    EXPECT_EQ(written.info.sha256, Sha256Hex(bytes));
    EXPECT_EQ(PlainSha256(data_, *written.manifest).value(), Sha256Hex(bytes));
    const Taken taken = ReadStream(data_, *written.manifest, SmallOptions());
    EXPECT_FALSE(taken.error) << Text(taken.error);
    EXPECT_EQ(taken.bytes, bytes);
    EXPECT_TRUE(StatDataStream(data_, *written.manifest));
  }
}

TEST_F(EncryptedStream, NothingOfItIsInTheBankNorInItsManifest) {
  const std::string bytes = TextBytes(3'000'000);
  const Written written = WriteStream(data_, bytes, SmallOptions());
  ASSERT_TRUE(written.manifest);
  for (std::size_t i = 0; i < written.manifest->segments.size(); ++i)
    EXPECT_THAT(Stored(KeyOf("a1/dump", i)), Not(HasSubstr("of the dump")));
  // Not even what tells whether the plain bytes are those that one guesses.
  EXPECT_THAT(written.manifest->sha256, Not(HasSubstr(Sha256Hex(bytes))));
  for (const SegmentInfo& segment : written.manifest->segments) EXPECT_EQ(segment.plain_sha256, "");
  const auto back = StreamManifestFromValue(StreamManifestToValue(*written.manifest), "dump");
  ASSERT_TRUE(back) << back.error().Render();
  EXPECT_EQ(back->key_id, kKnownKeyId);
  EXPECT_EQ(back->segments, written.manifest->segments);
}

TEST_F(EncryptedStream, SegmentsThatChangedPlacesAreCorrupt) {
  Written written = WriteStream(data_, TextBytes(3'000'000), SmallOptions());
  ASSERT_TRUE(written.manifest);
  const std::string first = Stored("a1/dump.0");
  const std::string second = Stored("a1/dump.1");
  Replace(*written.manifest, 0, second);
  Replace(*written.manifest, 1, first);
  ExpectCorrupt(*written.manifest);
}

TEST_F(EncryptedStream, AnotherStreamsSegmentInItsPlaceIsCorrupt) {
  Written written = WriteStream(data_, TextBytes(100'000), SmallOptions());
  const Written other = WriteStream(data_, TextBytes(100'000), SmallOptions(), 100'000, "other");
  ASSERT_TRUE(written.manifest && other.manifest);
  Replace(*written.manifest, 0, Stored("a1/other.0"));
  ExpectCorrupt(*written.manifest);
}

TEST_F(EncryptedStream, AnEndThatWasCutOffIsNoticedAlsoWithAManifestToMatch) {
  Written written = WriteStream(data_, TextBytes(3'000'000), SmallOptions());
  ASSERT_TRUE(written.manifest);
  StreamManifest& manifest = *written.manifest;
  manifest.size -= manifest.segments.back().plain_size;
  manifest.segments.pop_back();
  ExpectCorrupt(manifest);
  // Nor does another stream's SHA-256 fit, nor a plain one.
  const Written other = WriteStream(data_, TextBytes(2 * kMiB), SmallOptions(), 100'000, "other");
  manifest.sha256 = other.manifest->sha256;
  ExpectCorrupt(manifest);
  manifest.sha256 = Sha256Hex(TextBytes(2 * kMiB));
  ExpectCorrupt(manifest);
}

TEST_F(EncryptedStream, WithoutItsKeyTheIdIsNamedBeforeAnythingIsRead) {
  const Written written = WriteStream(data_, TextBytes(100'000), SmallOptions());
  ASSERT_TRUE(written.manifest);
  const TestKeys others(std::string(kOtherKey) + "\n");
  for (const KeyRing* const keys : {&others.ring(), static_cast<const KeyRing*>(nullptr)}) {
    const BankSection section = With(keys);
    for (const auto& source :
         {OpenDataStream(section, *written.manifest, SmallOptions()).error(),
          OpenDataSample(section, *written.manifest, {0}, SmallOptions()).error()}) {
      EXPECT_EQ(source.code(), ErrorCode::kDenied);
      EXPECT_THAT(source.message(), HasSubstr(kKnownKeyId));
    }
    // That it is whole can be told without.
    EXPECT_TRUE(StatDataStream(section, *written.manifest));
  }
}

TEST_F(EncryptedStream, ARotatedKeyOpensWhatItOnceEncrypted) {
  const std::string bytes = TextBytes(2'000'000);
  const Written written = WriteStream(data_, bytes, SmallOptions());
  const TestKeys rotated(std::string(kOtherKey) + "\n" + kKnownKey + "\n");
  const BankSection section = With(&rotated.ring());
  const Written newer = WriteStream(section, bytes, SmallOptions(), 100'000, "dump", "a2");
  ASSERT_TRUE(written.manifest && newer.manifest);
  EXPECT_NE(newer.manifest->key_id, kKnownKeyId);
  EXPECT_EQ(ReadStream(section, *written.manifest, SmallOptions()).bytes, bytes);
  EXPECT_EQ(ReadStream(section, *newer.manifest, SmallOptions()).bytes, bytes);
}

TEST_F(EncryptedStream, WhatWasWrittenBeforeThereWereKeysIsRead) {
  const std::string bytes = TextBytes(2'000'000);
  const Written written = WriteStream(With(nullptr), bytes, SmallOptions());
  ASSERT_TRUE(written.manifest);
  EXPECT_EQ(written.manifest->key_id, "");
  EXPECT_EQ(ReadStream(data_, *written.manifest, SmallOptions()).bytes, bytes);
}

TEST_F(EncryptedStream, WithoutAFileOfKeysNothingIsWritten) {
  keys_.Write("");
  const auto writer = CreateDataStream(data_, "dump", "a1", SmallOptions(),
                                       [](const StreamManifest&) { return Ok(); });
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().code(), ErrorCode::kDenied);
}

TEST_F(EncryptedStream, AManifestThatContradictsItselfIsCorrupt) {
  const Written written = WriteStream(data_, TextBytes(2'000'000), SmallOptions());
  ASSERT_TRUE(written.manifest);
  const auto change = [&](const std::function<void(StreamManifest&)>& edit) {
    StreamManifest manifest = *written.manifest;
    edit(manifest);
    ExpectCorrupt(manifest);
  };
  change([](StreamManifest& manifest) { manifest.key_id = "none"; });
  change([](StreamManifest& manifest) { manifest.key_id = ""; });
  change([](StreamManifest& manifest) { manifest.sha256 = ""; });
  change([](StreamManifest& manifest) { manifest.sha256 = "no base64"; });
  change([](StreamManifest& manifest) { manifest.segments[0].key_id = ""; });
  change([](StreamManifest& manifest) { manifest.segments[0].plain_sha256 = Sha256Hex("x"); });
}

}  // namespace
}  // namespace holdfast::runtime
