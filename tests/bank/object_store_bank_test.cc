#include "plugins/banks/object_store/object_store_bank.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <functional>

#include "plugins/sdk/md5.h"
#include "plugins/sdk/sha256.h"
#include "tests/sdk/still_clock.h"

namespace holdfast::banks {
namespace {

using std::chrono::milliseconds;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// One object, of which reads break off as the test says.
class BreakingStore final : public ObjectStore {
 public:
  explicit BreakingStore(testing::StillClock& clock) : clock_(clock) {}

  Status Put(const std::string&, const StoreBody&, std::string_view, Precondition,
             SteadyTime deadline) override {
    deadlines.push_back(deadline);
    return Error(ErrorCode::kConflict, "is there");
  }
  Result<StoredObject> Stat(const std::string&, SteadyTime deadline) override {
    deadlines.push_back(deadline);
    if (!sees_it) return NotFound("there is no object 'key'");
    return object;
  }
  Result<StoredObject> Get(const std::string&, std::uint64_t offset, std::uint64_t length,
                           std::string_view, ByteSink& sink, SteadyTime deadline) override {
    deadlines.push_back(deadline);
    if (!sees_it) return NotFound("there is no object 'key'");
    if (refuses) return InvalidInput("asking for an object: http://server answered 400");
    clock_.steady += each_takes;
    std::string_view all = std::string_view(bytes).substr(offset, length);
    const bool breaks = !break_after.empty();
    if (breaks) {
      all = all.substr(0, break_after.front());
      break_after.pop_front();
    }
    if (Status taken = sink.Write(AsBytes(all)); !taken) return taken.error();
    if (breaks) return Unavailable("http://server: its answer ended early");
    return object;
  }
  Result<std::vector<StoredObject>> List(const std::string&, const std::string&, std::size_t,
                                         ListDirection, SteadyTime) override {
    return std::vector<StoredObject>();
  }
  Status Delete(const std::string&, SteadyTime) override {
    if (!sees_it) return NotFound("there is no object 'key'");
    return Unavailable("http://server did not answer before the deadline");
  }
  Status SeeAll(SteadyTime) override {
    sees_it = there;
    if (stays_blind) return Unavailable("http://server answered 404");
    return Ok();
  }
  std::string Describe() const override { return "store at http://server"; }

  testing::StillClock& clock_;
  bool sees_it = true;
  bool there = true;  // which it sees then
  bool stays_blind = false;
  bool refuses = false;
  StoredObject object;
  std::string bytes;
  std::deque<std::size_t> break_after;  // so many bytes of each try
  milliseconds each_takes{0};
  std::vector<SteadyTime> deadlines;
};

class ObjectStoreBanks : public ::testing::Test {
 protected:
  ObjectStoreBanks() {
    clock_.steady = SteadyTime() + std::chrono::hours(1);
    auto store = std::make_unique<BreakingStore>(clock_);
    store_ = store.get();
    ObjectStoreOptions options;
    options.deadline = milliseconds(1000);
    options.part_size = 1000;
    bank_ = MakeObjectStoreBank(
        std::move(store), clock_, [](milliseconds) {}, options);
    for (int i = 0; i < 2500; ++i) store_->bytes += static_cast<char>(i * 31 >> 3);
    store_->object.name = "key";
    store_->object.size = store_->bytes.size();
    store_->object.etag = "e";
    store_->object.md5 = Md5Hex(store_->bytes);
  }
  Status Get(std::uint64_t offset = 0, std::uint64_t length = Bank::kWhole) {
    sink_ = StringSink(10'000);
    return bank_->Get(key_, sink_, offset, length);
  }

  testing::StillClock clock_;
  BreakingStore* store_ = nullptr;  // the bank's
  std::unique_ptr<Bank> bank_;
  const ObjectKey key_ = *ObjectKey::Parse("key");
  StringSink sink_{0};
};

TEST_F(ObjectStoreBanks, AReadThatBreaksOffGoesOnAndIsCheckedAsAWhole) {
  store_->break_after = {100, 1, 900};
  ASSERT_TRUE(Get());
  EXPECT_EQ(sink_.data(), store_->bytes);
  store_->break_after = {100, 2400};
  ASSERT_TRUE(Get()) << "it broke behind the last byte";
  store_->object.md5 = Md5Hex("other bytes");
  for (auto breaks : {std::deque<std::size_t>{}, {100}, {100, 2400}}) {
    store_->break_after = breaks;
    const Status got = Get();
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code(), ErrorCode::kCorrupt);
    EXPECT_THAT(got.error().message(), HasSubstr("http://server"));
  }
}

TEST_F(ObjectStoreBanks, AWholeReadIsCheckedAgainstTheSha256ThatWasPutThereWithIt) {
  store_->object.md5.clear();
  store_->object.sha256 = Sha256Hex(store_->bytes);
  EXPECT_TRUE(Get());
  store_->break_after = {100, 1, 900};
  EXPECT_TRUE(Get());
  store_->bytes[1200] ^= 1;
  for (auto breaks : {std::deque<std::size_t>{}, {100}, {100, 2400}}) {
    store_->break_after = breaks;
    const Status got = Get();
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code(), ErrorCode::kCorrupt);
  }
}

TEST_F(ObjectStoreBanks, WhatItsReaderChecksIsHeldToItsLengthAlone) {
  class Checking final : public ByteSink {
   public:
    Status Write(std::span<const std::byte> data) override {
      count += data.size();
      return Ok();
    }
    bool ChecksBytes() const override { return true; }
    std::size_t count = 0;
  } sink;
  store_->object.md5 = Md5Hex("other bytes");
  EXPECT_TRUE(bank_->Get(key_, sink));
  EXPECT_EQ(sink.count, store_->bytes.size());
  store_->object.size = 2400;
  const Status got = bank_->Get(key_, sink);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), ErrorCode::kCorrupt);
}

TEST_F(ObjectStoreBanks, AWholeReadIsCheckedAgainstTheMd5OfItsParts) {
  for (const std::size_t size : {1, 999, 1000, 1001, 2000, 2500}) {
    store_->bytes.resize(size);
    store_->object.size = size;
    store_->object.md5_of_parts = 1000;
    Md5 parts;
    for (std::size_t at = 0; at < size; at += 1000) {
      Md5 part;
      part.Update(AsBytes(std::string_view(store_->bytes).substr(at, 1000)));
      parts.Update(part.Finish());
    }
    store_->object.md5 = parts.FinishHex();
    EXPECT_TRUE(Get()) << size;
    store_->break_after = {size / 2 + 1};
    EXPECT_TRUE(Get()) << size << " broken off";
    store_->bytes[size / 2] ^= 1;
    EXPECT_FALSE(Get()) << size;
    store_->bytes[size / 2] ^= 1;
  }
  // Of parts of another size nothing is known.
  store_->object.md5_of_parts = 800;
  EXPECT_TRUE(Get());
}

TEST_F(ObjectStoreBanks, AReadOfAnotherLengthThanTheServerSaysIsCorrupt) {
  EXPECT_TRUE(Get(2000, 1000)) << "cut off at the end";
  EXPECT_TRUE(Get(100, 200));
  store_->object.size = 3000;
  const Status got = Get(2000, 1000);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), ErrorCode::kCorrupt);
}

TEST_F(ObjectStoreBanks, AReadThatIsRefusedIsNoReadOfNothing) {
  store_->refuses = true;
  for (const std::uint64_t offset : {0, 100, 2499}) {
    const Status got = Get(offset);
    ASSERT_FALSE(got) << offset;
    EXPECT_THAT(got.error().message(), HasSubstr("answered 400"));
  }
  EXPECT_TRUE(Get(2500)) << "at the end there is nothing";
  const Status behind = Get(2501);
  ASSERT_FALSE(behind);
  EXPECT_THAT(behind.error().message(), HasSubstr("has 2500 bytes"));
}

TEST_F(ObjectStoreBanks, ATrickleEndsWithTheDeadline) {
  store_->break_after.assign(1000, 1);
  store_->each_takes = milliseconds(300);
  const SteadyTime begun = clock_.steady;
  const Status got = Get();
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), ErrorCode::kUnavailable);
  // With what 2,500 bytes may take, and the last try.
  EXPECT_LE(clock_.Steady() - begun, milliseconds(1000 + 25 + 300));
}

TEST_F(ObjectStoreBanks, ATryThatGetsNothingIsTheLast) {
  store_->break_after.assign(1000, 0);
  store_->break_after.front() = 10;
  EXPECT_FALSE(Get());
  EXPECT_EQ(store_->break_after.size(), 998U);
}

TEST_F(ObjectStoreBanks, AllOfAnOperationHasOneDeadline) {
  store_->object.writer = "another";
  const SteadyTime deadline = clock_.steady + milliseconds(1000);
  EXPECT_FALSE(bank_->Replace(key_, "x"));
  MemorySource source("x");
  EXPECT_FALSE(bank_->Put(key_, source, 1));
  EXPECT_THAT(store_->deadlines, Each(deadline));
  store_->deadlines.clear();
  EXPECT_FALSE(bank_->CreateExclusive(key_, "x", Settling::kWait));
  const milliseconds settle = ObjectStoreOptions().settle;
  EXPECT_EQ(store_->deadlines.front(), clock_.steady + settle * 2 / 3);
  EXPECT_EQ(store_->deadlines.back(), deadline + settle);
}

TEST_F(ObjectStoreBanks, WhatIsNotThereIsSoOnceTheStoreSeesAll) {
  const auto outcomes = [this](const auto& set) {
    std::vector<std::string> codes;
    for (const auto& call : std::vector<std::function<Status()>>{
             [this] { return Get(); }, [this] { return Get(5, 0); },
             [this]() -> Status {
               auto info = bank_->Stat(key_);
               return info ? Status(Ok()) : Status(info.error());
             },
             [this] { return bank_->Delete(key_); }}) {
      store_->sees_it = false;
      set();
      const Status outcome = call();
      codes.emplace_back(outcome ? "ok" : NameOf(outcome.error().code()));
    }
    return codes;
  };
  EXPECT_THAT(outcomes([] {}), ElementsAre("ok", "ok", "ok", "unavailable"));
  EXPECT_THAT(outcomes([this] { store_->there = false; }), Each("not-found"));
  EXPECT_THAT(outcomes([this] { store_->stays_blind = true; }), Each("unavailable"));
}

// Of which only the listings matter.
class ListedStore : public ObjectStore {
 public:
  Status Put(const std::string&, const StoreBody&, std::string_view, Precondition,
             SteadyTime) override {
    return Ok();
  }
  Result<StoredObject> Stat(const std::string&, SteadyTime) override { return StoredObject(); }
  Result<StoredObject> Get(const std::string&, std::uint64_t, std::uint64_t, std::string_view,
                           ByteSink&, SteadyTime) override {
    return StoredObject();
  }
  Status Delete(const std::string&, SteadyTime) override { return Ok(); }
  std::string Describe() const override { return "store at http://server"; }
};

// Gives the pages that it was told, whatever it is asked for, and then the last of them again and again.
class StuckStore final : public ListedStore {
 public:
  explicit StuckStore(std::vector<std::string> names) : names_(std::move(names)) {}
  Result<std::vector<StoredObject>> List(const std::string&, const std::string&, std::size_t,
                                         ListDirection, SteadyTime) override {
    if (++asked > 100) return Internal("it goes on and on");
    std::vector<StoredObject> page(names_.size());
    for (std::size_t i = 0; i < names_.size(); ++i) page[i].name = names_[i];
    return page;
  }
  int asked = 0;

 private:
  const std::vector<std::string> names_;
};

TEST(StuckListings, AreCorruptAndNameTheStore) {
  struct Case {
    std::vector<std::string> names;
    std::string marker;
    ListDirection direction;
    std::string said;
  };
  const testing::StillClock clock;
  for (const Case& listing :
       {Case{{"t/a", "t/b"}, "", ListDirection::kAscending, "behind 't/b'"},
        Case{{"t/b", "t/a"}, "", ListDirection::kDescending, "before 't/a'"},
        Case{{"t/a"}, "t/b", ListDirection::kAscending, "behind 't/b'"},
        Case{{"t/b"}, "t/b", ListDirection::kAscending, "behind 't/b'"},
        Case{{"t/b"}, "t/a", ListDirection::kDescending, "before 't/a'"},
        Case{{"t/a", "other"}, "", ListDirection::kAscending, "lists 'other'"},
        Case{{"t"}, "", ListDirection::kAscending, "lists 't'"}}) {
    SCOPED_TRACE(listing.said);
    auto store = std::make_unique<StuckStore>(listing.names);
    const StuckStore& server = *store;
    const auto bank = MakeObjectStoreBank(std::move(store), clock, [](milliseconds) {}, {});
    ListOptions options;
    options.prefix = "t/";
    options.marker = listing.marker;
    options.direction = listing.direction;
    options.limit = 100;
    const auto listed = bank->List(options);
    ASSERT_FALSE(listed);
    EXPECT_EQ(listed.error().code(), ErrorCode::kCorrupt) << listed.error().Render();
    EXPECT_THAT(listed.error().message(), HasSubstr(listing.said));
    EXPECT_THAT(listed.error().message(), HasSubstr("http://server"));
    EXPECT_LE(server.asked, 2);
  }
}

// Gives names without end that no key can have, or more of them than it is asked for.
class EndlessStore final : public ListedStore {
 public:
  explicit EndlessStore(std::size_t page) : page_(page) {}
  Result<std::vector<StoredObject>> List(const std::string& prefix, const std::string&, std::size_t,
                                         ListDirection, SteadyTime) override {
    if (asked_ * page_ > 1'000'000) return Internal("it goes on and on");
    std::vector<StoredObject> page(page_);
    for (std::size_t i = 0; i < page_; ++i)
      page[i].name = fmt::format("{}no key {:09}", prefix, asked_ * page_ + i);
    ++asked_;
    return page;
  }

 private:
  const std::size_t page_;
  std::size_t asked_ = 0;
};

TEST(EndlessListings, AreCorruptAndNameTheStore) {
  const testing::StillClock clock;
  for (const auto& [page, said] :
       {std::pair(std::size_t{100},
                  "lists more than 100000 names that begin with 't/' and that no "
                  "key can have, such as 't/no key 000100000'"),
        std::pair(std::size_t{101}, "lists 101 names, and was asked for 100")}) {
    const auto bank =
        MakeObjectStoreBank(std::make_unique<EndlessStore>(page), clock, [](milliseconds) {}, {});
    ListOptions options;
    options.prefix = "t/";
    options.limit = 100;
    const auto listed = bank->List(options);
    ASSERT_FALSE(listed);
    EXPECT_EQ(listed.error().code(), ErrorCode::kCorrupt) << listed.error().Render();
    EXPECT_THAT(listed.error().message(), HasSubstr("store at http://server"));
    EXPECT_THAT(listed.error().message(), HasSubstr(said));
  }
}

TEST_F(ObjectStoreBanks, ErrorsSayWhatWasDoneWithWhichObject) {
  const Status gone = bank_->Delete(key_);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().message(),
            "deleting 'key': http://server did not answer before the deadline");
}

}  // namespace
}  // namespace holdfast::banks
