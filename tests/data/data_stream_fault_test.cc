#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>

#include "plugins/sdk/forwarding_bank.h"
#include "plugins/sdk/sha256.h"
#include "tests/bank/faulty_bank.h"
#include "tests/data/stream_fixture.h"

namespace holdfast::runtime {
namespace {

using testing::FaultyBank;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class DataStreamFault : public ::testing::Test {
 protected:
  // The stream must not be given out as if it were whole; `key` is named in the error.
  void ExpectRefused(const StreamManifest& manifest, std::string_view bytes, ErrorCode code,
                     const std::string& key) {
    for (const unsigned parallel : {1U, 3U}) {
      const Taken taken = ReadStream(data_, manifest, SmallOptions(parallel));
      ASSERT_TRUE(taken.error) << "nothing was found at " << key;
      ASSERT_EQ(taken.error->code(), code) << Text(taken.error);
      ASSERT_THAT(taken.error->message(), HasSubstr(key));
      ASSERT_TRUE(bytes.starts_with(taken.bytes)) << "wrong bytes were handed out";
      ASSERT_LT(taken.bytes.size(), bytes.size());
    }
  }

  MemoryBank bank_;
  BankSection data_ = SectionOf(bank_);
};

TEST_F(DataStreamFault, EveryFlippedByteOfAStoredObjectIsFound) {
  for (const std::string& bytes : {TextBytes(2000), RandomBytes(300)}) {
    const std::string attempt = bytes.size() == 300 ? "plain" : "zstd";
    const Written written = WriteStream(data_, bytes, SmallOptions(), 100, "dump", attempt);
    ASSERT_TRUE(written.manifest) << Text(written.error);
    const std::string key = attempt + "/dump.0";
    const std::string stored = data_.GetBytes(key).value();
    for (std::size_t i = 0; i < stored.size(); ++i) {
      for (const int bit : {0x01, 0x80}) {
        std::string flipped = stored;
        flipped[i] = static_cast<char>(flipped[i] ^ bit);
        ASSERT_TRUE(data_.Replace(key, flipped).has_value());
        ASSERT_NO_FATAL_FAILURE(ExpectRefused(*written.manifest, bytes, ErrorCode::kCorrupt,
                                              data_.prefix() + "/" + key));
      }
    }
    ASSERT_TRUE(data_.Replace(key, stored).has_value());
    EXPECT_EQ(ReadStream(data_, *written.manifest, SmallOptions()).bytes, bytes);
  }
}

TEST_F(DataStreamFault, SegmentsThatAreFlippedCutGrownSwappedForeignOrMissingAreFound) {
  const std::string bytes = RandomBytes(5 * kMiB);
  const Written written = WriteStream(data_, bytes, SmallOptions());
  ASSERT_TRUE(written.manifest) << Text(written.error);
  const Written foreign =
      WriteStream(data_, RandomBytes(kMiB, 9), SmallOptions(), kMiB, "dump", "a2");
  for (std::size_t i = 0; i < 5; ++i) {
    const std::string key = KeyOf("a1/dump", i);
    const std::string stored = data_.GetBytes(key).value();
    std::string flipped = stored;
    flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 1);
    for (const std::string& other :
         {flipped, stored.substr(0, stored.size() - 1), std::string(), stored + "x",
          stored + stored, data_.GetBytes(KeyOf("a1/dump", (i + 1) % 5)).value(),
          data_.GetBytes("a2/dump.0").value()}) {
      ASSERT_TRUE(data_.Replace(key, other).has_value());
      ASSERT_NO_FATAL_FAILURE(ExpectRefused(*written.manifest, bytes, ErrorCode::kCorrupt, key));
    }
    ASSERT_TRUE(data_.Delete(key).has_value());
    ASSERT_NO_FATAL_FAILURE(ExpectRefused(*written.manifest, bytes, ErrorCode::kNotFound, key));
    ASSERT_TRUE(data_.PutBytes(key, stored).has_value());
  }
  EXPECT_FALSE(ReadStream(data_, *written.manifest, SmallOptions()).error);
}

TEST_F(DataStreamFault, SegmentsInAnotherOrderAreFoundBeforeTheLastOneIsHandedOut) {
  const std::string bytes = RandomBytes(3 * kMiB);
  const Written written = WriteStream(data_, bytes, SmallOptions());
  StreamManifest swapped = *written.manifest;
  std::swap(swapped.segments[0], swapped.segments[1]);
  const std::string first = data_.GetBytes("a1/dump.0").value();
  ASSERT_TRUE(data_.Replace("a1/dump.0", data_.GetBytes("a1/dump.1").value()).has_value());
  ASSERT_TRUE(data_.Replace("a1/dump.1", first).has_value());
  const Taken taken = ReadStream(data_, swapped, SmallOptions());
  ASSERT_TRUE(taken.error);
  EXPECT_EQ(taken.error->code(), ErrorCode::kCorrupt);
  EXPECT_THAT(taken.error->message(), HasSubstr("a1/dump"));
  EXPECT_LE(taken.bytes.size(), 2 * kMiB);
}

TEST_F(DataStreamFault, AManifestThatContradictsItselfIsRefusedBeforeAnythingIsRead) {
  const Written written = WriteStream(data_, RandomBytes(2 * kMiB), SmallOptions());
  const auto code = [&](const std::function<void(StreamManifest&)>& change) {
    StreamManifest manifest = *written.manifest;
    change(manifest);
    const auto source = OpenDataStream(data_, manifest, SmallOptions());
    return source ? std::string("taken") : std::string(NameOf(source.error().code()));
  };
  EXPECT_EQ(code([](StreamManifest&) {}), "taken");
  EXPECT_EQ(code([](StreamManifest& m) { m.segments.pop_back(); }), "corrupt");
  EXPECT_EQ(code([](StreamManifest& m) { m.segments.push_back(m.segments[0]); }), "corrupt");
  EXPECT_EQ(code([](StreamManifest& m) { m.size += 1; }), "corrupt");
  EXPECT_EQ(code([](StreamManifest& m) { m.sha256.clear(); }), "corrupt");
  EXPECT_EQ(code([](StreamManifest& m) { m.attempt = "../a2"; }), "corrupt");
  EXPECT_EQ(code([](StreamManifest& m) { m.segments[0].stored_size = std::uint64_t{1} << 50U; }),
            "corrupt");
  EXPECT_EQ(code([](StreamManifest& m) {
              m.segments.clear();
              m.size = 0;
            }),
            "corrupt");
}

// --- a bank that fails ---------------------------------------------------------------------------

class FailingBank : public ::testing::TestWithParam<FaultyBank::Fault> {};

TEST_P(FailingBank, AtAnyOperationOfAWriteLeavesNothingThatCounts) {
  const std::string bytes = RandomBytes(5 * kMiB + 1);
  for (const std::size_t size : {std::size_t{100}, bytes.size()}) {
    const std::string_view part = std::string_view(bytes).substr(0, size);
    for (std::uint64_t n = 1;; ++n) {
      MemoryBank memory;
      FaultyBank faulty(memory);
      faulty.Arm(GetParam(), n);
      const Written written = WriteStream(SectionOf(faulty), part, SmallOptions());
      if (!faulty.reached()) {
        ASSERT_FALSE(written.error) << Text(written.error);
        ASSERT_GT(n, size / kMiB) << "too few operations were broken";
        break;
      }
      ASSERT_TRUE(written.error) << "operation " << n << " failed and nobody noticed";
      EXPECT_EQ(written.error->code(), ErrorCode::kUnavailable) << Text(written.error);
      EXPECT_THAT(written.error->message(), HasSubstr("t/local/data/T/r/a1/dump."));
      EXPECT_FALSE(written.manifest);
      // The next attempt does not mind what the first one left.
      faulty.Disarm();
      const Written again =
          WriteStream(SectionOf(faulty), part, SmallOptions(), kMiB, "dump", "a2");
      ASSERT_TRUE(again.manifest) << Text(again.error);
      EXPECT_TRUE(ReadStream(SectionOf(memory), *again.manifest, SmallOptions()).bytes == part);
    }
  }
}

TEST_P(FailingBank, AtAnyOperationOfAReadHandsOutOnlyTheBeginning) {
  const std::string bytes = RandomBytes(5 * kMiB + 1);
  for (const std::size_t size : {std::size_t{100}, bytes.size()}) {
    const std::string_view part = std::string_view(bytes).substr(0, size);
    MemoryBank memory;
    FaultyBank faulty(memory);
    const Written written = WriteStream(SectionOf(faulty), part, SmallOptions());
    ASSERT_TRUE(written.manifest) << Text(written.error);
    for (std::uint64_t n = 1;; ++n) {
      faulty.Arm(GetParam(), n);
      const Taken taken = ReadStream(SectionOf(faulty), *written.manifest, SmallOptions());
      if (!faulty.reached()) {
        EXPECT_FALSE(taken.error) << Text(taken.error);
        EXPECT_TRUE(taken.bytes == part);
        ASSERT_GT(n, size / kMiB) << "too few operations were broken";
        break;
      }
      ASSERT_TRUE(taken.error) << "operation " << n << " failed and nobody noticed";
      EXPECT_EQ(taken.error->code(), ErrorCode::kUnavailable) << Text(taken.error);
      EXPECT_TRUE(part.starts_with(taken.bytes));
      EXPECT_LT(taken.bytes.size(), part.size());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, FailingBank,
                         ::testing::Values(FaultyBank::Fault::kFailOnce,
                                           FaultyBank::Fault::kAnswerLost,
                                           FaultyBank::Fault::kStopBefore,
                                           FaultyBank::Fault::kStopAfter),
                         [](const auto& info) {
                           switch (info.param) {
                             case FaultyBank::Fault::kFailOnce:
                               return "FailOnce";
                             case FaultyBank::Fault::kAnswerLost:
                               return "AnswerLost";
                             case FaultyBank::Fault::kStopBefore:
                               return "StopBefore";
                             default:
                               return "StopAfter";
                           }
                         });

TEST_F(DataStreamFault, AnErrorOfAThreadComesBackAtOneOfTheNextWrites) {
  FaultyBank faulty(bank_);
  faulty.Arm(FaultyBank::Fault::kStopBefore, 1, false, ErrorCode::kDenied);
  const DataOptions options = SmallOptions();
  auto writer = CreateDataStream(SectionOf(faulty), "dump", "a1", options,
                                 [](const StreamManifest&) { return Ok(); });
  const std::string segment = RandomBytes(kMiB);
  Status status = Ok();
  int taken = 0;
  for (; taken < 50 && status; ++taken) status = (*writer)->Write(AsBytes(segment));
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code(), ErrorCode::kDenied);
  // One that is filled, one that waits, and one a thread.
  EXPECT_LE(taken, static_cast<int>(options.parallel) + 3);
  EXPECT_EQ((*writer)->Write(AsBytes("more")).error().code(), ErrorCode::kDenied);
  EXPECT_EQ((*writer)->Finish().error().code(), ErrorCode::kDenied);
}

// --- threads and cancellation --------------------------------------------------------------------

std::size_t Threads() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

// A memory bank whose Put and Get wait until the gate is opened; counts who is inside.
class GatedBank final : public ForwardingBank {
 public:
  GatedBank() : ForwardingBank(bank_) {}
  Status Put(const ObjectKey& key, ByteSource& source, std::uint64_t size) override {
    const Inside inside(*this);
    if (refuses_) return Unavailable("the bank is away");
    return ForwardingBank::Put(key, source, size);
  }
  Status Get(const ObjectKey& key, ByteSink& sink, std::uint64_t offset,
             std::uint64_t length) override {
    const Inside inside(*this);
    return ForwardingBank::Get(key, sink, offset, length);
  }

  // Every Put fails, once the gate is open.
  void Refuse() { refuses_ = true; }
  void Close() { SetOpen(false); }
  void Open() { SetOpen(true); }
  // Waits until `count` calls are inside at once; false after a time that no test needs.
  bool WaitForInside(unsigned count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(60), [&] { return inside_ >= count; });
  }
  unsigned most_inside() const {
    const std::lock_guard lock(mutex_);
    return most_inside_;
  }
  unsigned calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
  }

 private:
  class Inside {
   public:
    explicit Inside(GatedBank& bank) : bank_(bank) {
      std::unique_lock lock(bank_.mutex_);
      ++bank_.calls_;
      bank_.most_inside_ = std::max(bank_.most_inside_, ++bank_.inside_);
      bank_.changed_.notify_all();
      bank_.changed_.wait(lock, [this] { return bank_.open_; });
    }
    ~Inside() {
      const std::lock_guard lock(bank_.mutex_);
      --bank_.inside_;
    }

   private:
    GatedBank& bank_;
  };

  void SetOpen(bool open) {
    const std::lock_guard lock(mutex_);
    open_ = open;
    changed_.notify_all();
  }

  MemoryBank bank_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> refuses_ = false;
  bool open_ = true;
  unsigned inside_ = 0;
  unsigned most_inside_ = 0;
  unsigned calls_ = 0;
};

TEST(DataStreamThreads, AStreamOfOneSegmentNeedsNone) {
  MemoryBank bank;
  const std::size_t before = Threads();
  const std::string bytes = RandomBytes(kMiB);
  std::size_t at_finish = 0;
  std::optional<StreamManifest> manifest;
  auto writer = CreateDataStream(SectionOf(bank), "dump", "a1", SmallOptions(),
                                 [&](const StreamManifest& stream) {
                                   at_finish = Threads();
                                   manifest = stream;
                                   return Ok();
                                 });
  ASSERT_TRUE((*writer)->Write(AsBytes(bytes)).has_value());
  EXPECT_EQ(Threads(), before);
  ASSERT_TRUE((*writer)->Finish().has_value());
  EXPECT_EQ(at_finish, before);
  auto source = OpenDataStream(SectionOf(bank), *manifest, SmallOptions());
  std::string buffer(10, '\0');
  ASSERT_TRUE((*source)->Read(std::as_writable_bytes(std::span(buffer.data(), 10))).has_value());
  EXPECT_EQ(Threads(), before);
}

TEST(DataStreamThreads, ManySegmentsAreStoredAndFetchedByAsManyAsAllowed) {
  GatedBank bank;
  constexpr unsigned kParallel = 3;
  const std::size_t before = Threads();
  const std::string bytes = RandomBytes(12 * kMiB);
  bank.Close();
  Written written;
  std::thread writing(
      [&] { written = WriteStream(SectionOf(bank), bytes, SmallOptions(kParallel)); });
  EXPECT_TRUE(bank.WaitForInside(kParallel));
  // Others may have the next segments ready, and wait for their turn at the bank.
  EXPECT_LE(Threads(), before + 1 + 2 * kParallel);
  bank.Open();
  writing.join();
  ASSERT_TRUE(written.manifest) << Text(written.error);
  EXPECT_EQ(bank.most_inside(), kParallel);
  EXPECT_EQ(Threads(), before) << "Finish ends them";

  bank.Close();
  Taken taken;
  std::thread reading(
      [&] { taken = ReadStream(SectionOf(bank), *written.manifest, SmallOptions(kParallel)); });
  EXPECT_TRUE(bank.WaitForInside(kParallel));
  EXPECT_EQ(Threads(), before + 1 + kParallel);
  bank.Open();
  reading.join();
  EXPECT_TRUE(taken.bytes == bytes) << Text(taken.error);
  EXPECT_EQ(bank.most_inside(), kParallel);
}

// Each of them may take as long as a bank is tried.
TEST(DataStreamThreads, WhatIsReadyIsNotTriedOnceAnotherHasFailed) {
  GatedBank bank;
  constexpr unsigned kParallel = 3;
  bank.Close();
  bank.Refuse();
  DataOptions options = SmallOptions(kParallel);
  options.zstd_level = 0;  // so that as many as can be are ready
  const std::size_t before = Threads();
  Written written;
  std::thread writing(
      [&] { written = WriteStream(SectionOf(bank), RandomBytes(12 * kMiB), options); });
  EXPECT_TRUE(bank.WaitForInside(kParallel));
  for (int i = 0; i < 1000 && Threads() < before + 1 + 2 * kParallel - 1; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(Threads(), before + 1 + 2 * kParallel - 1);
  bank.Open();
  writing.join();
  EXPECT_FALSE(written.manifest);
  EXPECT_LT(bank.calls(), 2 * kParallel - 1) << "some were ready, and not tried";
}

TEST(DataStreamThreads, AReaderFetchesNoFurtherAheadThanItsBuffers) {
  GatedBank bank;
  constexpr unsigned kParallel = 2;
  const Written written =
      WriteStream(SectionOf(bank), RandomBytes(12 * kMiB), SmallOptions(kParallel));
  ASSERT_TRUE(written.manifest) << Text(written.error);
  const unsigned written_calls = bank.calls();
  {
    auto source = OpenDataStream(SectionOf(bank), *written.manifest, SmallOptions(kParallel));
    EXPECT_EQ(bank.calls(), written_calls) << "opening reads nothing";
    std::string buffer(10, '\0');
    ASSERT_TRUE((*source)->Read(std::as_writable_bytes(std::span(buffer.data(), 10))).has_value());
  }
  EXPECT_LE(bank.calls() - written_calls, 1 + kParallel);
}

TEST(DataStreamCancellation, IsSeenByTheNextWriteFinishAndRead) {
  MemoryBank bank;
  const BankSection data = SectionOf(bank);
  const Written written = WriteStream(data, RandomBytes(3 * kMiB), SmallOptions());
  Cancellation cancellation;
  DataOptions options = SmallOptions();
  options.cancellation = &cancellation;
  bool counted = false;
  const auto count = [&](const StreamManifest&) {
    counted = true;
    return Ok();
  };
  auto writer = CreateDataStream(data, "dump", "a2", options, count);
  auto ready = CreateDataStream(data, "dump", "a3", options, count);
  ASSERT_TRUE((*writer)->Write(AsBytes(RandomBytes(3 * kMiB))).has_value());
  ASSERT_TRUE((*ready)->Write(AsBytes("all")).has_value());
  auto source = OpenDataStream(data, *written.manifest, options);
  auto fresh = OpenDataStream(data, *written.manifest, options);
  std::string buffer(10, '\0');
  const auto bytes = std::as_writable_bytes(std::span(buffer.data(), buffer.size()));
  ASSERT_TRUE((*source)->Read(bytes).has_value());
  cancellation.Set();
  EXPECT_EQ((*writer)->Write(AsBytes("x")).error().message(), "stopped before it was done");
  EXPECT_EQ((*writer)->Finish().error().message(), "stopped before it was done");
  EXPECT_EQ((*ready)->Finish().error().message(), "stopped before it was done");
  EXPECT_EQ((*source)->Read(bytes).error().message(), "stopped before it was done");
  EXPECT_EQ((*fresh)->Read(bytes).error().message(), "stopped before it was done");
  EXPECT_FALSE(counted);
}

TEST(DataStreamCancellation, EndsAWriteThatWaitsForRoom) {
  GatedBank bank;
  Cancellation cancellation;
  DataOptions options = SmallOptions(2);
  options.cancellation = &cancellation;
  bank.Close();
  Written written;
  std::thread writing(
      [&] { written = WriteStream(SectionOf(bank), RandomBytes(20 * kMiB), options); });
  EXPECT_TRUE(bank.WaitForInside(2));
  cancellation.Set();
  bank.Open();
  writing.join();
  ASSERT_TRUE(written.error);
  EXPECT_EQ(written.error->message(), "stopped before it was done");
  EXPECT_FALSE(written.manifest);
  EXPECT_LE(bank.calls(), 3U) << "nothing is stored after it";
}

TEST(DataStreamCancellation, AStreamThatIsDroppedEndsItsThreads) {
  GatedBank bank;
  const std::size_t before = Threads();
  bool counted = false;
  bank.Close();
  std::thread dropping([&] {
    auto writer = CreateDataStream(SectionOf(bank), "dump", "a1", SmallOptions(2),
                                   [&](const StreamManifest&) {
                                     counted = true;
                                     return Ok();
                                   });
    EXPECT_TRUE((*writer)->Write(AsBytes(RandomBytes(4 * kMiB))).has_value());
  });
  EXPECT_TRUE(bank.WaitForInside(2));
  bank.Open();
  dropping.join();
  EXPECT_EQ(Threads(), before);
  EXPECT_FALSE(counted);
}

}  // namespace
}  // namespace holdfast::runtime
