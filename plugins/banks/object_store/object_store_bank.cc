#include "plugins/banks/object_store/object_store_bank.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>
#include <thread>
#include <utility>

#include "plugins/banks/object_store/listed_page.h"
#include "plugins/sdk/md5.h"
#include "plugins/sdk/sha256.h"
#include "plugins/sdk/text.h"

namespace holdfast::banks {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMostListed = 10'000;
constexpr int kMostLooks = 2;  // after the first
// In one listing, one behind the other without a key between them. Who shares a bank's place has some.
constexpr std::size_t kMostForeign = 100'000;
// What a slow line carries for sure.
constexpr std::uint64_t kSlowestBytesPerMillisecond = 100;

Error Exists(const ObjectKey& key) {
  return {ErrorCode::kConflict, fmt::format("the object '{}' exists already", key.str())};
}

// 128 random bits.
std::string NewWriter() {
  static thread_local std::random_device device;
  std::array<std::uint32_t, 4> words{};
  for (std::uint32_t& word : words) word = device();
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", words[0], words[1], words[2], words[3]);
}

// What has gone to the sink, so that a Get goes on behind it, and what the server may say of it, which is known at the end alone:
// SHA-256 and MD5 of all, and MD5 of parts of one size (0: none).
class PassedOn final : public ByteSink {
 public:
  PassedOn(ByteSink& sink, bool hash, std::uint64_t part_size)
      : sink_(sink), hash_(hash), part_size_(part_size) {}
  Status Write(std::span<const std::byte> data) override {
    Status taken = sink_.Write(data);
    if (!taken) {
      refused_ = true;
      return taken;
    }
    count_ += data.size();
    if (hash_) {
      sha256_.Update(data);
      Hash(data);
    }
    return Ok();
  }
  bool ChecksBytes() const override { return sink_.ChecksBytes(); }
  std::uint64_t count() const { return count_; }
  bool refused() const { return refused_; }

  // Once, at the end: is it what the server has? True also where that is not known.
  bool Is(const StoredObject& object) {
    if (!hash_) return true;
    if (!object.sha256.empty() && sha256_.FinishHex() != object.sha256) return false;
    if (object.md5.empty()) return true;
    if (object.md5_of_parts == 0) return whole_.FinishHex() == object.md5;
    if (object.md5_of_parts != part_size_) return true;
    EndPart();
    return parts_.FinishHex() == object.md5;
  }

 private:
  void Hash(std::span<const std::byte> data) {
    while (part_size_ > 0 && data.size() > part_size_ - in_part_) {
      const auto first = data.first(static_cast<std::size_t>(part_size_ - in_part_));
      Update(first);
      EndPart();
      data = data.subspan(first.size());
    }
    Update(data);
  }
  void Update(std::span<const std::byte> data) {
    whole_.Update(data);
    if (!only_part_) part_.Update(data);
    in_part_ += data.size();
  }
  // The first part is hashed once: most objects are no more than that.
  void EndPart() {
    parts_.Update(only_part_ ? whole_.Fork().Finish() : part_.Finish());
    only_part_ = false;
    in_part_ = 0;
  }

  ByteSink& sink_;
  const bool hash_;
  const std::uint64_t part_size_;
  Sha256 sha256_;
  Md5 whole_;
  Md5 part_;
  Md5 parts_;  // of the MD5s of the parts that have ended
  bool only_part_ = true;
  std::uint64_t in_part_ = 0;
  std::uint64_t count_ = 0;
  bool refused_ = false;
};

// Says of a failure what was being done, once.
template <class Outcome>
Outcome Named(std::string_view doing, const ObjectKey& key, Outcome outcome) {
  if (outcome || outcome.error().code() == ErrorCode::kNotFound ||
      outcome.error().code() == ErrorCode::kConflict ||
      outcome.error().message().find(key.str()) != std::string::npos) {
    return outcome;
  }
  return std::move(outcome).error().While(fmt::format("{} '{}'", doing, key.str()));
}

class ObjectStoreBank final : public Bank {
 public:
  ObjectStoreBank(std::unique_ptr<ObjectStore> store, const Clock& clock, Sleep sleep,
                  ObjectStoreOptions options)
      : store_(std::move(store)), clock_(clock), sleep_(std::move(sleep)), options_(options) {}

  Status Put(const ObjectKey& key, ByteSource& source, std::uint64_t size) override {
    return Put(key, source, size, Precondition::kAbsent);
  }
  Status PutUnique(const ObjectKey& key, ByteSource& source, std::uint64_t size) override {
    return Put(key, source, size, Precondition::kUnique);
  }

  Status CreateExclusive(const ObjectKey& key, std::string_view value, Settling settling) override {
    return Named("creating", key,
                 options_.strength == ExclusiveStrength::kSettled
                     ? CreateSettled(key, value, settling)
                     : Create(key, {value, nullptr, value.size()}, NewWriter(), Deadline(0)));
  }

  Status Replace(const ObjectKey& key, std::string_view value) override {
    return Named("replacing", key,
                 store_->Put(key.str(), {value, nullptr, value.size()}, NewWriter(),
                             Precondition::kNone, Deadline(0)));
  }

  Status Get(const ObjectKey& key, ByteSink& sink, std::uint64_t offset,
             std::uint64_t length) override {
    const bool hash = offset == 0 && length == kWhole && !sink.ChecksBytes();
    PassedOn passed(sink, hash, options_.part_size);
    Status got =
        length == 0 ? CheckOffset(key, offset, Deadline(0)) : GetOn(key, passed, offset, length);
    if (passed.refused()) return got;  // with what the sink says
    return Named("reading", key, std::move(got));
  }

  Result<std::vector<ObjectInfo>> List(const ListOptions& options) override {
    const SteadyTime deadline = Deadline(0);
    if (options.limit < 1 || options.limit > kMostListed) {
      return InvalidInput(fmt::format("a page of a listing has 1 to {} objects, not {}",
                                      kMostListed, options.limit));
    }
    std::vector<ObjectInfo> found;
    std::string marker = options.marker;
    std::size_t foreign = 0;
    while (found.size() < options.limit) {
      HOLDFAST_ASSIGN_OR_RETURN(auto page,
                                store_->List(options.prefix, marker, options.limit - found.size(),
                                             options.direction, deadline));
      if (page.empty()) break;
      HOLDFAST_RETURN_IF_ERROR(CheckListedPage(page, options.prefix, marker,
                                               options.limit - found.size(), options.direction,
                                               store_->Describe()));
      marker = page.back().name;
      for (StoredObject& object : page) {
        auto key = ObjectKey::Parse(object.name);
        foreign = key ? 0 : foreign + 1;
        if (foreign > kMostForeign) return ForeignWithoutEnd(options.prefix, object.name);
        if (key) found.push_back({std::move(*key), object.size, object.written});
      }
    }
    return found;
  }

  Result<ObjectInfo> Stat(const ObjectKey& key) override {
    const auto object = Named("looking at", key, Look(key, Deadline(0)));
    if (!object) return object.error();
    return ObjectInfo{key, object->size, object->written};
  }

  Status Delete(const ObjectKey& key) override {
    const SteadyTime deadline = Deadline(0);
    Status gone = store_->Delete(key.str(), deadline);
    if (!gone && gone.error().code() == ErrorCode::kNotFound) {
      gone = store_->SeeAll(deadline);
      if (gone) gone = store_->Delete(key.str(), deadline);
    }
    return Named("deleting", key, std::move(gone));
  }

  Result<Leftovers> SweepLeftovers(const std::string& prefix, std::chrono::seconds age,
                                   bool dry_run) override {
    return store_->SweepUploads({prefix, age, dry_run, [this] { return Deadline(0); }});
  }

  bool holds_to_md5() const override { return true; }
  ExclusiveStrength strength() const override { return options_.strength; }
  std::string Describe() const override { return store_->Describe(); }
  std::string Place() const override { return store_->Place(); }

 private:
  milliseconds TimeFor(std::uint64_t size) const {
    return options_.deadline +
           milliseconds(static_cast<std::int64_t>(size / kSlowestBytesPerMillisecond));
  }
  SteadyTime Deadline(std::uint64_t size) const { return clock_.Steady() + TimeFor(size); }

  Error ForeignWithoutEnd(const std::string& prefix, const std::string& name) const {
    return Corrupt(fmt::format("{} lists more than {} names that begin with '{}' and that no key "
                               "can have, such as '{}'",
                               store_->Describe(), kMostForeign, Printable(prefix),
                               Printable(name)))
        .Hint("a bank is to have a container or bucket of its own");
  }

  Status Put(const ObjectKey& key, ByteSource& source, std::uint64_t size,
             Precondition precondition) {
    StoreBody body;
    body.size = size;
    std::string read;
    if (const auto rest = source.Rest()) {
      HOLDFAST_RETURN_IF_ERROR(CheckLength(key, rest->size(), size));
      body.bytes = *rest;
      body.hashes = source.RestHashes();
    } else if (size <= kMostInMemory) {
      HOLDFAST_ASSIGN_OR_RETURN(read, ReadExactly(key, source, size));
      body.bytes = read;
    } else {
      body.source = &source;
    }
    return Named("storing", key, Create(key, body, NewWriter(), Deadline(size), precondition));
  }

  Status Create(const ObjectKey& key, const StoreBody& body, const std::string& writer,
                SteadyTime deadline, Precondition precondition = Precondition::kAbsent) {
    Status put = store_->Put(key.str(), body, writer, precondition, deadline);
    if (put || put.error().code() != ErrorCode::kConflict) return put;
    HOLDFAST_ASSIGN_OR_RETURN(const bool ours, IsBy(key, writer, deadline));
    return ours ? Ok() : Status(Exists(key));
  }

  Status CreateSettled(const ObjectKey& key, std::string_view value, Settling settling) {
    const std::string writer = NewWriter();
    const SteadyTime deadline = Deadline(0) + options_.settle;
    // Who is later than that could still write when the others believe that it is settled.
    const SteadyTime in_time = clock_.Steady() + options_.settle * 2 / 3;
    Status put = store_->Put(key.str(), {value, nullptr, value.size()}, writer,
                             Precondition::kAbsent, in_time);
    if (!put && put.error().code() == ErrorCode::kConflict) {
      HOLDFAST_ASSIGN_OR_RETURN(const bool ours, IsBy(key, writer, deadline));
      if (!ours) return Exists(key);
      put = Ok();
    }
    if (!put && put.error().code() != ErrorCode::kUnavailable) return put;
    // Of one that was not answered nobody knows whether it was carried out.
    if (settling == Settling::kWait || !put) sleep_(options_.settle);
    const auto now = Look(key, deadline);
    if (now) return now->writer == writer ? Ok() : Status(Exists(key));
    if (!put || now.error().code() != ErrorCode::kNotFound) return put ? Status(now.error()) : put;
    return Unavailable(fmt::format("the object '{}' was written to the {}, and is not there",
                                   key.str(), store_->Describe()))
        .Hint(
            "where that stays so, the store does not keep what it takes: 'holdfast bank check' "
            "tries it; look at what answers "
            "at its address, and whether a rule of the store removes objects");
  }

  Status GetOn(const ObjectKey& key, PassedOn& passed, std::uint64_t offset, std::uint64_t length) {
    const SteadyTime begun = clock_.Steady();
    std::string etag;
    // How much there is to come, and so how long it may take, is known after a look: for which time is left.
    SteadyTime deadline =
        length == kWhole ? begun + options_.deadline * 3 / 4 : begun + TimeFor(length);
    for (int looks = 0;;) {
      const std::uint64_t before = passed.count();
      const std::uint64_t left = length == kWhole ? kWhole : length - before;
      auto got = store_->Get(key.str(), offset + before, left, etag, passed, deadline);
      if (got) return CheckPassed(key, passed, *got, offset, length);
      Error error = std::move(got).error();
      if (passed.refused()) return error;
      if (error.code() == ErrorCode::kNotFound && passed.count() == 0 && looks < kMostLooks) {
        HOLDFAST_RETURN_IF_ERROR(BeforeAnotherLook(looks, deadline));
        continue;
      }
      // At the end of an object there is nothing, and behind it no place. (Of all else that a server refuses nothing is known:
      // it is no success.)
      if (error.code() == ErrorCode::kInvalidInput && before == 0)
        return CheckEnd(key, offset, std::move(error), deadline);
      if (error.code() == ErrorCode::kConflict) {
        return Unavailable(fmt::format("the object '{}' in the {} was replaced while it was read",
                                       key.str(), store_->Describe()));
      }
      if (error.code() != ErrorCode::kUnavailable || passed.count() == before) return error;
      if (etag.empty()) {
        // What goes on is to be of the same object. (An answer that broke off has told nobody its etag.)
        HOLDFAST_ASSIGN_OR_RETURN(const StoredObject now,
                                  store_->Stat(key.str(), begun + options_.deadline));
        etag = now.etag;
        const std::uint64_t end = End(now, offset, length);
        // The connection broke after the last byte.
        if (offset + passed.count() >= end) return CheckPassed(key, passed, now, offset, length);
        deadline = begun + TimeFor(end - offset);
      }
      if (clock_.Steady() >= deadline) return error;
    }
  }

  static std::uint64_t End(const StoredObject& object, std::uint64_t offset, std::uint64_t length) {
    return length == kWhole || length > object.size - std::min(offset, object.size)
               ? object.size
               : offset + length;
  }

  Status CheckPassed(const ObjectKey& key, PassedOn& passed, const StoredObject& now,
                     std::uint64_t offset, std::uint64_t length) {
    // What came in chunks had no length.
    const bool all = now.size == 0 || offset + passed.count() == End(now, offset, length);
    if (all && passed.Is(now)) return Ok();
    return Corrupt(
        fmt::format("what came of the object '{}' is not what the {} has the size and checksum of",
                    key.str(), store_->Describe()));
  }

  // While an object is replaced Swift may say for a moment that there is none (measured: 1 of 200 reads beside a writer that
  // does nothing else). Of a lease nobody is to believe that. The last look is one that sees all.
  Status BeforeAnotherLook(int& looks, SteadyTime deadline) const {
    constexpr milliseconds kPause{5};
    if (++looks == kMostLooks) return store_->SeeAll(deadline);
    sleep_(kPause);
    return Ok();
  }

  Result<StoredObject> Look(const ObjectKey& key, SteadyTime deadline) {
    for (int looks = 0;;) {
      auto object = store_->Stat(key.str(), deadline);
      if (object || object.error().code() != ErrorCode::kNotFound || looks == kMostLooks)
        return object;
      HOLDFAST_RETURN_IF_ERROR(BeforeAnotherLook(looks, deadline));
    }
  }

  Result<bool> IsBy(const ObjectKey& key, std::string_view writer, SteadyTime deadline) {
    const auto there = Look(key, deadline);
    if (there) return there->writer == writer;
    if (there.error().code() == ErrorCode::kNotFound) return false;
    return there.error();
  }

  static Status CheckLength(const ObjectKey& key, std::uint64_t has, std::uint64_t size) {
    if (has == size) return Ok();
    return InvalidInput(
        has > size
            ? fmt::format("storing '{}': the source goes on after its {} bytes", key.str(), size)
            : fmt::format("storing '{}': the source ended after {} of {} bytes", key.str(), has,
                          size));
  }

  static Result<std::string> ReadExactly(const ObjectKey& key, ByteSource& source,
                                         std::uint64_t size) {
    std::string bytes(size, '\0');
    HOLDFAST_ASSIGN_OR_RETURN(
        const std::size_t has,
        ReadFully(source, std::as_writable_bytes(std::span(bytes.data(), bytes.size()))));
    std::array<std::byte, 1> more{};
    std::size_t beyond = 0;
    if (has == size) {
      HOLDFAST_ASSIGN_OR_RETURN(beyond, source.Read(more));
    }
    HOLDFAST_RETURN_IF_ERROR(CheckLength(key, has + beyond, size));
    return bytes;
  }

  // Of a Get that was refused as there were no such bytes.
  Status CheckEnd(const ObjectKey& key, std::uint64_t offset, Error refusal, SteadyTime deadline) {
    HOLDFAST_ASSIGN_OR_RETURN(const StoredObject now, Look(key, deadline));
    if (offset < now.size) return refusal;
    return CheckOffset(key, offset, deadline);
  }

  // Of a Get that reads nothing: is there such a place in the object?
  Status CheckOffset(const ObjectKey& key, std::uint64_t offset, SteadyTime deadline) {
    HOLDFAST_ASSIGN_OR_RETURN(const StoredObject now, Look(key, deadline));
    if (offset <= now.size) return Ok();
    return InvalidInput(fmt::format("the object '{}' has {} bytes; reading from byte {} was asked",
                                    key.str(), now.size, offset));
  }

  const std::unique_ptr<ObjectStore> store_;
  const Clock& clock_;
  const Sleep sleep_;
  const ObjectStoreOptions options_;
};

}  // namespace

Sleep RealSleep() {
  return [](milliseconds time) { std::this_thread::sleep_for(time); };
}

std::unique_ptr<Bank> MakeObjectStoreBank(std::unique_ptr<ObjectStore> store, const Clock& clock,
                                          Sleep sleep, ObjectStoreOptions options) {
  return std::make_unique<ObjectStoreBank>(std::move(store), clock, std::move(sleep), options);
}

}  // namespace holdfast::banks
