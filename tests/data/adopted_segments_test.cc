// An attempt that comes again takes what an earlier one has stored, where it would store the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "plugins/sdk/json.h"
#include "tests/bank/faulty_bank.h"
#include "tests/data/stream_fixture.h"
#include "tests/sdk/test_keys.h"

namespace holdfast::runtime {
namespace {

using holdfast::testing::FaultyBank;
using holdfast::testing::TestKeys;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

// With keys and without.
class AdoptedSegments : public ::testing::TestWithParam<bool> {
 protected:
  AdoptedSegments()
      : data_(BankSection::Open(counting_, "t/local/data/T/r", SectionAccess::kWrite,
                                GetParam() ? &keys_.ring() : nullptr)
                  .value()) {}

  // The attempt stops before its end: its first segments are there, and no manifest.
  void WritePart(std::string_view bytes, const std::string& attempt) {
    auto writer = CreateDataStream(data_, "dump", attempt, SmallOptions(1),
                                   [](const StreamManifest&) { return Ok(); });
    ASSERT_TRUE(writer);
    ASSERT_TRUE((*writer)->Write(AsBytes(bytes)));
    // All that are handed over, which each is when the next one begins.
    const std::size_t stored = (bytes.size() - 1) / kMiB;
    while (data_.ListAll(attempt + "/")->size() < stored) std::this_thread::yield();
  }
  Written Write(std::string_view bytes, const std::string& attempt,
                const std::vector<std::string>& earlier) {
    const std::size_t before = counting_.calls().size();
    Written written;
    auto writer = CreateDataStream(
        data_, "dump", attempt, SmallOptions(),
        [&](const StreamManifest& manifest) {
          written.manifest = manifest;
          return Ok();
        },
        earlier);
    EXPECT_TRUE(writer);
    EXPECT_TRUE((*writer)->Write(AsBytes(bytes)));
    EXPECT_TRUE((*writer)->Finish());
    sent_.clear();
    const auto calls = counting_.calls();
    for (std::size_t i = before; i < calls.size(); ++i) {
      if (calls[i].operation == FaultyBank::Operation::kPut)
        sent_.push_back(calls[i].key.substr(data_.prefix().size() + 1));
    }
    return written;
  }
  void ExpectHolds(const Written& written, std::string_view bytes) {
    ASSERT_TRUE(written.manifest);
    EXPECT_TRUE(StatDataStream(data_, *written.manifest));
    const Taken taken = ReadStream(data_, *written.manifest, SmallOptions());
    EXPECT_FALSE(taken.error) << Text(taken.error);
    EXPECT_EQ(taken.bytes, bytes);
    // As a manifest, too.
    const std::string json = DumpJson(StreamManifestToValue(*written.manifest)).value();
    const auto back = StreamManifestFromValue(ParseJson(json, "manifest").value(), "dump");
    ASSERT_TRUE(back) << back.error().OneLine();
    EXPECT_EQ(back->adopted, written.manifest->adopted);
  }

  TestKeys keys_;
  MemoryBank bank_;
  FaultyBank counting_{bank_};
  const BankSection data_;
  std::vector<std::string> sent_;
};

TEST_P(AdoptedSegments, AreNotSentAgain) {
  const std::string bytes = RandomBytes(5 * kMiB + 100);
  WritePart(bytes.substr(0, 3 * kMiB + 1), "a1");
  const Written written = Write(bytes, "a2", {"a1"});
  EXPECT_THAT(written.manifest->adopted, ElementsAre(Pair(0, "a1"), Pair(1, "a1"), Pair(2, "a1")));
  EXPECT_THAT(sent_, UnorderedElementsAre("a2/dump.3", "a2/dump.4", "a2/dump.5"));
  ExpectHolds(written, bytes);
  // Of several attempts, and of what was adopted once.
  const Written third = Write(bytes, "a3", {"a1", "a2"});
  EXPECT_THAT(sent_, IsEmpty());
  EXPECT_EQ(third.manifest->adopted.size(), 6U);
  EXPECT_EQ(third.manifest->AttemptOf(1), "a1");
  EXPECT_EQ(third.manifest->AttemptOf(4), "a2");
  ExpectHolds(third, bytes);
}

TEST_P(AdoptedSegments, AreThoseOfTheSameBytesAlone) {
  std::string bytes = RandomBytes(4 * kMiB + 1);
  WritePart(bytes, "a1");
  bytes[kMiB + 5] ^= 1;
  const Written changed = Write(bytes, "a2", {"a1"});
  EXPECT_THAT(sent_, UnorderedElementsAre("a2/dump.1", "a2/dump.4"));
  ExpectHolds(changed, bytes);
  // What was damaged in the bank is stored anew, and so is what cannot be read.
  std::string stored = data_.GetBytes("a1/dump.2").value();
  stored[stored.size() / 2] ^= 1;
  ASSERT_TRUE(data_.Replace("a1/dump.2", stored));
  const Written damaged = Write(bytes, "a3", {"a1"});
  EXPECT_THAT(sent_, UnorderedElementsAre("a3/dump.1", "a3/dump.2", "a3/dump.4"));
  ExpectHolds(damaged, bytes);
}

TEST_P(AdoptedSegments, AreNotLookedForInASourceThatIsAnotherOne) {
  WritePart(RandomBytes(20 * kMiB + 1), "a1");
  const std::string bytes = RandomBytes(20 * kMiB, 2);
  const std::size_t before = counting_.calls().size();
  const Written written = Write(bytes, "a2", {"a1"});
  EXPECT_EQ(sent_.size(), 20U);
  const auto calls = counting_.calls();
  const auto reads = std::count_if(
      calls.begin() + static_cast<std::ptrdiff_t>(before), calls.end(),
      [](const FaultyBank::Call& call) { return call.operation == FaultyBank::Operation::kGet; });
  EXPECT_LE(reads, 8);
  ExpectHolds(written, bytes);
}

TEST_P(AdoptedSegments, ThatAreMissingAreMissed) {
  const std::string bytes = RandomBytes(2 * kMiB + 1);
  WritePart(bytes, "a1");
  const Written written = Write(bytes, "a2", {"a1"});
  ASSERT_TRUE(data_.Delete("a1/dump.1"));
  const Status there = StatDataStream(data_, *written.manifest);
  ASSERT_FALSE(there);
  EXPECT_EQ(there.error().code(), ErrorCode::kNotFound);
  EXPECT_TRUE(ReadStream(data_, *written.manifest, SmallOptions()).error);
}

TEST_P(AdoptedSegments, OfAManifestThatIsNoneAreCorrupt) {
  const std::string bytes = RandomBytes(kMiB + 1);
  WritePart(bytes, "a1");
  const Written written = Write(bytes, "a2", {"a1"});
  const Value good = StreamManifestToValue(*written.manifest);
  ASSERT_TRUE(StreamManifestFromValue(good, "dump"));
  const Value zero(std::int64_t{0});
  for (const Value& adopted :
       {Value("a1"), Value().Set("a1", 0), Value().Set("a1", Value::List{Value(2)}),
        Value().Set("a1", Value::List{Value("0")}), Value().Set("a/b", Value::List{zero}),
        Value().Set("a0", Value::List{zero}).Set("a1", Value::List{zero})}) {
    Value bad = good;
    bad.Set("adopted", adopted);
    const auto read = StreamManifestFromValue(bad, "dump");
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code(), ErrorCode::kCorrupt);
  }
}

INSTANTIATE_TEST_SUITE_P(Streams, AdoptedSegments, ::testing::Bool(), [](const auto& info) {
  return std::string(info.param ? "encrypted" : "plain");
});

}  // namespace
}  // namespace holdfast::runtime
