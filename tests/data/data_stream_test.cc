#include "runtime/data/data_stream.h"

#include <algorithm>
#include <set>

#include "plugins/sdk/forwarding_bank.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/sha256.h"
#include "tests/data/stream_fixture.h"

namespace holdfast::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class DataStream : public ::testing::Test {
 protected:
  MemoryBank bank_;
  BankSection data_ = SectionOf(bank_);
};

// --- round trips ---------------------------------------------------------------------------------

struct RoundTripCase {
  std::uint64_t size;
  std::size_t piece;
};

class RoundTrip : public DataStream, public ::testing::WithParamInterface<RoundTripCase> {};

TEST_P(RoundTrip, GivesBackEveryByteAndListsWhatIsStored) {
  const auto [size, piece] = GetParam();
  for (const std::string& bytes : {RandomBytes(size), TextBytes(size)}) {
    MemoryBank bank;
    const BankSection data = SectionOf(bank);
    const Written written = WriteStream(data, bytes, SmallOptions(), piece);
    ASSERT_FALSE(written.error) << Text(written.error);
    ASSERT_TRUE(written.manifest);
    const StreamManifest& manifest = *written.manifest;
    EXPECT_EQ(manifest.name, "dump");
    EXPECT_EQ(manifest.attempt, "a1");
    EXPECT_EQ(manifest.size, size);
    EXPECT_EQ(manifest.sha256, Sha256Hex(bytes));
    EXPECT_EQ(written.info.name, "dump");
    EXPECT_EQ(written.info.size, size);
    EXPECT_EQ(written.info.sha256, manifest.sha256);
    ASSERT_EQ(manifest.segments.size(), (size + kMiB - 1) / kMiB);
    for (std::size_t i = 0; i < manifest.segments.size(); ++i) {
      const std::string plain = bytes.substr(i * kMiB, kMiB);
      const std::string stored = data.GetBytes(KeyOf("a1/dump", i)).value();
      EXPECT_EQ(manifest.segments[i],
                (SegmentInfo{plain.size(), Sha256Hex(plain), stored.size(), Sha256Hex(stored)}));
    }
    EXPECT_EQ(data.ListAll().value().size(), manifest.segments.size());
    EXPECT_TRUE(StatDataStream(data, manifest).has_value());
    const Taken taken = ReadStream(data, manifest, SmallOptions(), piece);
    EXPECT_FALSE(taken.error) << Text(taken.error);
    EXPECT_TRUE(taken.bytes == bytes) << taken.bytes.size() << " bytes instead of " << size;
  }
}

INSTANTIATE_TEST_SUITE_P(
    AroundTheBorders, RoundTrip,
    ::testing::Values(RoundTripCase{0, 1}, RoundTripCase{1, 1}, RoundTripCase{4096, 7},
                      RoundTripCase{kMiB - 1, 1000}, RoundTripCase{kMiB, kMiB},
                      RoundTripCase{kMiB, 4096}, RoundTripCase{kMiB + 1, 3 * kMiB},
                      RoundTripCase{2 * kMiB - 1, 65536}, RoundTripCase{2 * kMiB, 65536},
                      RoundTripCase{2 * kMiB + 1, 2 * kMiB}, RoundTripCase{3 * kMiB, kMiB + 1},
                      RoundTripCase{9 * kMiB + 12345, 100'000}),
    [](const auto& info) {
      return std::to_string(info.param.size) + "BytesBy" + std::to_string(info.param.piece);
    });

TEST_F(DataStream, IsTheSameWhateverTheNumberOfThreads) {
  const std::string bytes = TextBytes(5 * kMiB + 17);
  std::optional<Value> first;
  for (const unsigned parallel : {1U, 2U, 16U}) {
    MemoryBank bank;
    const Written written = WriteStream(SectionOf(bank), bytes, SmallOptions(parallel));
    ASSERT_TRUE(written.manifest) << Text(written.error);
    const Value value = StreamManifestToValue(*written.manifest);
    if (!first) first = value;
    EXPECT_TRUE(value == *first);
    EXPECT_TRUE(ReadStream(SectionOf(bank), *written.manifest, SmallOptions(parallel)).bytes ==
                bytes);
  }
}

TEST_F(DataStream, WithoutFinishDoesNotCount) {
  bool counted = false;
  {
    auto writer = CreateDataStream(data_, "dump", "a1", SmallOptions(), [&](const StreamManifest&) {
      counted = true;
      return Ok();
    });
    ASSERT_TRUE(writer.has_value());
    ASSERT_TRUE((*writer)->Write(AsBytes(RandomBytes(4 * kMiB))).has_value());
  }
  EXPECT_FALSE(counted);
}

TEST_F(DataStream, IsFinishedOnce) {
  int counted = 0;
  auto writer = CreateDataStream(data_, "dump", "a1", SmallOptions(), [&](const StreamManifest&) {
    ++counted;
    return Ok();
  });
  ASSERT_TRUE((*writer)->Finish().has_value());
  EXPECT_FALSE((*writer)->Finish().has_value());
  EXPECT_FALSE((*writer)->Write(AsBytes("more")).has_value());
  EXPECT_EQ(counted, 1);
}

TEST_F(DataStream, PassesOnTheErrorOfOnFinish) {
  auto writer =
      CreateDataStream(data_, "dump", "a1", SmallOptions(), [](const StreamManifest&) -> Status {
        return Error(ErrorCode::kLocked, "the lease is lost");
      });
  const auto info = (*writer)->Finish();
  ASSERT_FALSE(info.has_value());
  EXPECT_EQ(info.error().code(), ErrorCode::kLocked);
}

TEST_F(DataStream, OfAnotherAttemptLiesBesideTheFirst) {
  const Written first = WriteStream(data_, "one", SmallOptions(), 10, "dump", "a1");
  const Written second = WriteStream(data_, "other", SmallOptions(), 10, "dump", "a2");
  EXPECT_EQ(ReadStream(data_, *first.manifest, SmallOptions()).bytes, "one");
  EXPECT_EQ(ReadStream(data_, *second.manifest, SmallOptions()).bytes, "other");
}

TEST_F(DataStream, TakesASegmentThatLiesThereWithTheSameBytes) {
  const std::string bytes = RandomBytes(2 * kMiB);
  ASSERT_FALSE(WriteStream(data_, bytes, SmallOptions()).error);
  const Written again = WriteStream(data_, bytes, SmallOptions());
  EXPECT_FALSE(again.error) << Text(again.error);
  const Written other = WriteStream(data_, RandomBytes(2 * kMiB, 2), SmallOptions());
  ASSERT_TRUE(other.error);
  EXPECT_EQ(other.error->code(), ErrorCode::kConflict);
  EXPECT_THAT(other.error->message(), HasSubstr("t/local/data/T/r/a1/dump."));
}

TEST_F(DataStream, RefusesNamesAndOptionsThatCannotBe) {
  const auto code = [&](std::string name, std::string attempt, const DataOptions& options) {
    auto writer = CreateDataStream(data_, std::move(name), std::move(attempt), options,
                                   [](const StreamManifest&) { return Ok(); });
    return writer ? std::string("taken") : std::string(NameOf(writer.error().code()));
  };
  EXPECT_EQ(code("dump", "a1", SmallOptions()), "taken");
  for (const char* bad : {"", ".", "..", "a/b", "a b", "../x", "/a", "a\n"}) {
    EXPECT_EQ(code(bad, "a1", SmallOptions()), "invalid-input") << bad;
    EXPECT_EQ(code("dump", bad, SmallOptions()), "invalid-input") << bad;
  }
  for (const std::uint64_t size : {std::uint64_t{0}, kMiB - 1, 64 * kMiB + 1}) {
    DataOptions options = SmallOptions();
    options.segment_size = size;
    EXPECT_EQ(code("dump", "a1", options), "invalid-input") << size;
  }
  for (const unsigned parallel : {0U, 17U}) {
    EXPECT_EQ(code("dump", "a1", SmallOptions(parallel)), "invalid-input") << parallel;
  }
  for (const int level : {-1, 20}) {
    DataOptions options = SmallOptions();
    options.zstd_level = level;
    EXPECT_EQ(code("dump", "a1", options), "invalid-input") << level;
  }
}

TEST_F(DataStream, IsStoredAsItIsWhereNothingIsToBeCompressed) {
  const std::string bytes(kMiB + 1, 'a');
  DataOptions options = SmallOptions();
  options.zstd_level = 0;
  const Written written = WriteStream(data_, bytes, options);
  for (const SegmentInfo& segment : written.manifest->segments)
    EXPECT_GT(segment.stored_size, segment.plain_size);
  EXPECT_EQ(ReadStream(data_, *written.manifest, options).bytes, bytes);
}

TEST_F(DataStream, IsReadAgainThroughAReadOnlySection) {
  const Written written = WriteStream(data_, "bytes", SmallOptions());
  const auto narrow = BankSection::Open(bank_, data_.prefix(), SectionAccess::kRead).value();
  EXPECT_EQ(ReadStream(narrow, *written.manifest, SmallOptions()).bytes, "bytes");
  const Written refused = WriteStream(narrow, "bytes", SmallOptions());
  ASSERT_TRUE(refused.error);
  EXPECT_EQ(refused.error->code(), ErrorCode::kDenied);
}

// --- the manifest as a value ---------------------------------------------------------------------

TEST_F(DataStream, ManifestSurvivesJson) {
  const Written written = WriteStream(data_, RandomBytes(2 * kMiB + 5), SmallOptions());
  const std::string json = DumpJson(StreamManifestToValue(*written.manifest)).value();
  const auto back = StreamManifestFromValue(ParseJson(json, "manifest").value(), "dump");
  ASSERT_TRUE(back.has_value()) << back.error().OneLine();
  EXPECT_EQ(back->name, "dump");
  EXPECT_EQ(back->attempt, written.manifest->attempt);
  EXPECT_EQ(back->size, written.manifest->size);
  EXPECT_EQ(back->sha256, written.manifest->sha256);
  EXPECT_EQ(back->segments, written.manifest->segments);
}

TEST_F(DataStream, ManifestThatIsNoneIsCorrupt) {
  const Written written = WriteStream(data_, RandomBytes(2 * kMiB + 5), SmallOptions());
  const Value good = StreamManifestToValue(*written.manifest);
  ASSERT_TRUE(StreamManifestFromValue(good, "dump").has_value());
  const auto refused = [](const Value& value, std::string_view what) {
    const auto stream = StreamManifestFromValue(value, "dump");
    ASSERT_FALSE(stream.has_value()) << what;
    EXPECT_EQ(stream.error().code(), ErrorCode::kCorrupt) << what;
    EXPECT_THAT(stream.error().message(), HasSubstr("'dump'")) << what;
  };
  refused(Value(), "null");
  refused(Value("text"), "text");
  for (const char* member : {"attempt", "size", "sha256", "segments"}) {
    Value lacking = good;
    lacking.MutableMap().erase(member);
    refused(lacking, member);
    Value wrong = good;
    wrong.Set(member, true);
    refused(wrong, member);
  }
  refused(Value(good).Set("attempt", "../a2"), "an attempt that climbs");
  refused(Value(good).Set("size", 3), "another size");
  refused(Value(good).Set("size", -1), "a negative size");
  refused(Value(good).Set("sha256", "abc"), "a short hash");
  refused(Value(good).Set("segments", Value::List{}), "no segments");
  for (std::size_t i = 0; i < 4; ++i) {
    for (const Value& bad : {Value(), Value(-1), Value("x"), Value(std::int64_t{1} << 40U)}) {
      Value wrong = good;
      wrong.MutableMap()["segments"].MutableList()[1].MutableList()[i] = bad;
      refused(wrong, "member " + std::to_string(i) + " of a segment");
    }
  }
}

// --- samples -------------------------------------------------------------------------------------

Taken ReadSample(const BankSection& data, const StreamManifest& manifest,
                 const std::vector<std::size_t>& chosen, unsigned parallel) {
  return ReadAll(OpenDataSample(data, manifest, chosen, SmallOptions(parallel)), 70'000);
}

std::vector<SegmentInfo> Segments(std::size_t count) {
  SegmentInfo segment;
  segment.plain_size = 1'000;
  return std::vector<SegmentInfo>(count, segment);
}

TEST(Samples, HoldTheShareOfTheBytesWhateverTheSegmentsAreLike) {
  // One that is large among small ones: a share of their number would be next to nothing.
  std::vector<SegmentInfo> segments = Segments(40);
  segments[20].plain_size = 1'000'000;
  std::uint64_t size = 0;
  for (const SegmentInfo& segment : segments) size += segment.plain_size;
  for (int seed = 0; seed < 50; ++seed) {
    std::uint64_t read = 0;
    for (const std::size_t number : ChooseSegments(segments, Percent{5}, std::to_string(seed)))
      read += segments[number].plain_size;
    EXPECT_GE(static_cast<double>(read), 0.05 * static_cast<double>(size)) << seed;
  }
}

TEST(Samples, AreAShareOfTheSegmentsRoundedUpAndAtLeastOne) {
  struct Case {
    std::size_t segments;
    double share;
    std::size_t wanted;
  };
  for (const Case& c : {Case{0, 10, 0}, Case{1, 0.001, 1}, Case{10, 10, 1}, Case{11, 10, 2},
                        Case{1000, 0.05, 1}, Case{1000, 33.3, 333}, Case{7, 100, 7}}) {
    const auto chosen = ChooseSegments(Segments(c.segments), Percent{c.share}, "seed");
    EXPECT_EQ(chosen.size(), c.wanted) << c.share << "% of " << c.segments;
    EXPECT_EQ(std::set<std::size_t>(chosen.begin(), chosen.end()).size(), chosen.size());
    EXPECT_TRUE(std::is_sorted(chosen.begin(), chosen.end()));
    for (const std::size_t number : chosen) EXPECT_LT(number, c.segments);
  }
}

TEST(Samples, AreTheSameForTheSameSeedAndOthersForAnother) {
  EXPECT_EQ(ChooseSegments(Segments(1000), Percent{10}, "record-1"),
            ChooseSegments(Segments(1000), Percent{10}, "record-1"));
  // On every machine and with every library.
  EXPECT_THAT(ChooseSegments(Segments(100), Percent{5}, "record-1"),
              ElementsAre(44, 54, 75, 76, 87));
  // Many small samples meet every segment.
  std::set<std::size_t> met;
  for (int i = 0; i < 200; ++i) {
    for (const std::size_t number : ChooseSegments(Segments(20), Percent{10}, std::to_string(i)))
      met.insert(number);
  }
  EXPECT_EQ(met.size(), 20U);
}

TEST_F(DataStream, ASampleFindsDamageInItsSegmentsAndReadsNoOthers) {
  const std::string bytes = RandomBytes(5 * kMiB + 17);
  const Written written = WriteStream(data_, bytes, SmallOptions());
  ASSERT_TRUE(written.manifest) << Text(written.error);
  const StreamManifest& manifest = *written.manifest;
  const std::vector<std::size_t> chosen{1, 3, 5};
  const std::string wanted =
      bytes.substr(kMiB, kMiB) + bytes.substr(3 * kMiB, kMiB) + bytes.substr(5 * kMiB);
  for (const unsigned parallel : {1U, 3U}) {
    for (std::size_t i = 0; i < manifest.segments.size(); ++i) {
      const std::string key = KeyOf("a1/dump", i);
      const std::string stored = data_.GetBytes(key).value();
      std::string damaged = stored;
      damaged[damaged.size() / 2] ^= 1;
      ASSERT_TRUE(data_.Replace(key, damaged).has_value());
      const Taken taken = ReadSample(data_, manifest, chosen, parallel);
      if (i % 2 == 0) {
        EXPECT_FALSE(taken.error) << Text(taken.error);
        EXPECT_TRUE(taken.bytes == wanted) << taken.bytes.size();
      } else {
        ASSERT_TRUE(taken.error) << "segment " << i;
        EXPECT_EQ(taken.error->code(), ErrorCode::kCorrupt);
        EXPECT_THAT(taken.error->message(), HasSubstr(key));
      }
      ASSERT_TRUE(data_.Replace(key, stored).has_value());
    }
  }
}

TEST_F(DataStream, ASampleOfNoSegmentsIsEmptyAndOfForeignOnesRefused) {
  const Written written = WriteStream(data_, "", SmallOptions());
  ASSERT_TRUE(written.manifest) << Text(written.error);
  const Taken taken = ReadSample(data_, *written.manifest, {}, 3);
  EXPECT_FALSE(taken.error) << Text(taken.error);
  EXPECT_EQ(taken.bytes, "");
  EXPECT_TRUE(ReadSample(data_, *written.manifest, {0}, 3).error);
}

// --- what `end` asks ------------------------------------------------------------------------------

// Lists are empty, or fail: a listing may lag.
class LaggingBank final : public ForwardingBank {
 public:
  LaggingBank(Bank& bank, bool fails) : ForwardingBank(bank), fails_(fails) {}
  Result<std::vector<ObjectInfo>> List(const ListOptions&) override {
    if (fails_) return Unavailable("no list today");
    return std::vector<ObjectInfo>();
  }

 private:
  bool fails_;
};

TEST_F(DataStream, StatFindsEverySegmentThatIsMissingOrOfAnotherSize) {
  for (const std::size_t segments : {1, 3, 12}) {
    const Written written = WriteStream(data_, RandomBytes(segments * kMiB), SmallOptions(), kMiB,
                                        "dump", "a" + std::to_string(segments));
    ASSERT_TRUE(written.manifest) << Text(written.error);
    const StreamManifest& manifest = *written.manifest;
    for (std::size_t i = 0; i < segments; ++i) {
      const std::string key = KeyOf(manifest.attempt + "/dump", i);
      const std::string stored = data_.GetBytes(key).value();
      ASSERT_TRUE(data_.Replace(key, stored + "x").has_value());
      Status status = StatDataStream(data_, manifest);
      ASSERT_FALSE(status.has_value()) << key;
      EXPECT_EQ(status.error().code(), ErrorCode::kCorrupt);
      EXPECT_THAT(status.error().message(), HasSubstr(key));
      ASSERT_TRUE(data_.Delete(key).has_value());
      status = StatDataStream(data_, manifest);
      ASSERT_FALSE(status.has_value()) << key;
      EXPECT_EQ(status.error().code(), ErrorCode::kNotFound);
      EXPECT_THAT(status.error().message(), HasSubstr(key));
      ASSERT_TRUE(data_.PutBytes(key, stored).has_value());
    }
    EXPECT_TRUE(StatDataStream(data_, manifest).has_value());
  }
}

TEST_F(DataStream, StatInfersNothingFromAListingThatLags) {
  const Written written = WriteStream(data_, RandomBytes(12 * kMiB), SmallOptions());
  ASSERT_TRUE(written.manifest) << Text(written.error);
  for (const bool fails : {false, true}) {
    LaggingBank lagging(bank_, fails);
    EXPECT_TRUE(StatDataStream(SectionOf(lagging), *written.manifest).has_value());
  }
}

}  // namespace
}  // namespace holdfast::runtime
