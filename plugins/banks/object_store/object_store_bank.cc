#include "plugins/banks/object_store/object_store_bank.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include "plugins/sdk/md5.h"

namespace holdfast::banks {

namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kMostInMemory = std::uint64_t{8} << 20U;
constexpr std::size_t kMostListed = 10'000;
// What a slow line carries for sure; larger objects get more time.
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

// What has gone to the sink, so that a Get goes on behind it.
class PassedOn final : public ByteSink {
 public:
  PassedOn(ByteSink& sink, bool hash) : sink_(sink), hash_(hash) {}
  Status Write(std::span<const std::byte> data) override {
    Status taken = sink_.Write(data);
    if (!taken) {
      refused_ = true;
      return taken;
    }
    if (hash_) md5_.Update(data);
    count_ += data.size();
    return Ok();
  }
  std::uint64_t count() const { return count_; }
  bool refused() const { return refused_; }
  std::string Md5Hex() { return md5_.FinishHex(); }

 private:
  ByteSink& sink_;
  const bool hash_;
  Md5 md5_;
  std::uint64_t count_ = 0;
  bool refused_ = false;
};

class ObjectStoreBank final : public Bank {
 public:
  ObjectStoreBank(std::unique_ptr<ObjectStore> store, const Clock& clock, Sleep sleep,
                  ObjectStoreOptions options)
      : store_(std::move(store)), clock_(clock), sleep_(std::move(sleep)), options_(options) {}

  Status Put(const ObjectKey& key, ByteSource& source, std::uint64_t size) override {
    StoreBody body;
    body.size = size;
    std::string read;
    if (const auto rest = source.Rest()) {
      HOLDFAST_RETURN_IF_ERROR(CheckLength(key, rest->size(), size));
      body.bytes = *rest;
    } else if (size <= kMostInMemory) {
      HOLDFAST_ASSIGN_OR_RETURN(read, ReadExactly(key, source, size));
      body.bytes = read;
    } else {
      body.source = &source;
    }
    const std::string writer = NewWriter();
    Status put = store_->Put(key.str(), body, writer, Precondition::kAbsent, Deadline(size));
    if (put || put.error().code() != ErrorCode::kConflict) return put;
    HOLDFAST_ASSIGN_OR_RETURN(const bool ours, IsBy(key, writer));
    return ours ? Ok() : Status(Exists(key));
  }

  Status CreateExclusive(const ObjectKey& key, std::string_view value, Settling settling) override {
    const std::string writer = NewWriter();
    const bool settled = options_.strength == ExclusiveStrength::kSettled;
    // Who is later than that could still write when the others believe that it is settled.
    const SteadyTime deadline = settled ? clock_.Steady() + options_.settle * 2 / 3 : Deadline(0);
    Status put = store_->Put(key.str(), {value, nullptr, value.size()}, writer,
                             Precondition::kAbsent, deadline);
    if (!put && put.error().code() == ErrorCode::kConflict) {
      HOLDFAST_ASSIGN_OR_RETURN(const bool ours, IsBy(key, writer));
      if (!ours) return Exists(key);
      put = Ok();
    }
    if (!settled) return put;
    if (!put && put.error().code() != ErrorCode::kUnavailable) return put;
    // Of one that was not answered nobody knows whether it was carried out.
    if (settling == Settling::kWait || !put) sleep_(options_.settle);
    const auto now = Look(key);
    if (now) return now->writer == writer ? Ok() : Status(Exists(key));
    if (!put || now.error().code() != ErrorCode::kNotFound) return put ? Status(now.error()) : put;
    return Unavailable(fmt::format("the object '{}' was written, and is not there", key.str()));
  }

  Status Replace(const ObjectKey& key, std::string_view value) override {
    return store_->Put(key.str(), {value, nullptr, value.size()}, NewWriter(), Precondition::kNone,
                       Deadline(0));
  }

  Status Get(const ObjectKey& key, ByteSink& sink, std::uint64_t offset,
             std::uint64_t length) override {
    if (length == 0) return CheckOffset(key, offset);
    const bool whole = offset == 0 && length == kWhole;
    PassedOn passed(sink, whole);
    std::string etag;
    SteadyTime deadline = Deadline(length == kWhole ? 0 : length);
    int looks = 0;
    while (true) {
      const std::uint64_t before = passed.count();
      const std::uint64_t left = length == kWhole ? kWhole : length - before;
      auto got = store_->Get(key.str(), offset + before, left, etag, passed, deadline);
      if (got) {
        if (whole && !got->md5.empty() && passed.Md5Hex() != got->md5)
          return Corrupt(fmt::format("the object '{}' is not what its server has the MD5 of: {}",
                                     key.str(), got->md5));
        return Ok();
      }
      Error error = std::move(got).error();
      if (passed.refused()) return error;
      if (error.code() == ErrorCode::kNotFound && passed.count() == 0 && LookAgain(looks)) continue;
      // One byte behind the end, or at it: who asks for none of an object gets none.
      if (error.code() == ErrorCode::kInvalidInput && before == 0) return CheckOffset(key, offset);
      if (error.code() == ErrorCode::kConflict)
        return Unavailable(
            fmt::format("the object '{}' was replaced while it was read", key.str()));
      if (error.code() != ErrorCode::kUnavailable || passed.count() == 0) return error;
      if (passed.count() > before) deadline = Deadline(0);
      if (clock_.Steady() >= deadline) return error;
      if (etag.empty()) {
        // What goes on is to be of the same object. (An answer that broke off has told nobody its etag.)
        HOLDFAST_ASSIGN_OR_RETURN(const StoredObject now, store_->Stat(key.str(), deadline));
        etag = now.etag;
        const std::uint64_t end = length == kWhole ? now.size : std::min(now.size, offset + length);
        if (offset + passed.count() >= end) return CheckTail(key, passed, now, whole);
      }
    }
  }

  Result<std::vector<ObjectInfo>> List(const ListOptions& options) override {
    if (options.limit < 1 || options.limit > kMostListed) {
      return InvalidInput(fmt::format("a page of a listing has 1 to {} objects, not {}",
                                      kMostListed, options.limit));
    }
    std::vector<ObjectInfo> found;
    std::string marker = options.marker;
    while (found.size() < options.limit) {
      HOLDFAST_ASSIGN_OR_RETURN(auto page,
                                store_->List(options.prefix, marker, options.limit - found.size(),
                                             options.direction, Deadline(0)));
      if (page.empty()) break;
      marker = page.back().name;
      for (StoredObject& object : page) {
        auto key = ObjectKey::Parse(object.name);
        if (key) found.push_back({std::move(*key), object.size, object.written});
      }
    }
    return found;
  }

  Result<ObjectInfo> Stat(const ObjectKey& key) override {
    HOLDFAST_ASSIGN_OR_RETURN(const StoredObject object, Look(key));
    return ObjectInfo{key, object.size, object.written};
  }

  Status Delete(const ObjectKey& key) override { return store_->Delete(key.str(), Deadline(0)); }

  ExclusiveStrength strength() const override { return options_.strength; }
  std::string Describe() const override { return store_->Describe(); }

 private:
  SteadyTime Deadline(std::uint64_t size) const {
    return clock_.Steady() + options_.deadline +
           milliseconds(static_cast<std::int64_t>(size / kSlowestBytesPerMillisecond));
  }

  // While an object is replaced Swift may say for a moment that there is none (measured: 1 of 200 reads beside a writer that
  // does nothing else). Of a lease nobody is to believe that.
  bool LookAgain(int& looks) const {
    constexpr int kMostLooks = 3;
    constexpr milliseconds kPause{5};
    if (++looks >= kMostLooks) return false;
    sleep_(kPause);
    return true;
  }

  Result<StoredObject> Look(const ObjectKey& key) {
    for (int looks = 0;;) {
      auto object = store_->Stat(key.str(), Deadline(0));
      if (object || object.error().code() != ErrorCode::kNotFound || !LookAgain(looks))
        return object;
    }
  }

  Result<bool> IsBy(const ObjectKey& key, std::string_view writer) {
    const auto there = Look(key);
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

  // Of a Get that reads nothing: is there such a place in the object?
  Status CheckOffset(const ObjectKey& key, std::uint64_t offset) {
    HOLDFAST_ASSIGN_OR_RETURN(const StoredObject now, Look(key));
    if (offset <= now.size) return Ok();
    return InvalidInput(fmt::format("the object '{}' has {} bytes; reading from byte {} was asked",
                                    key.str(), now.size, offset));
  }

  // The connection broke after the last byte.
  static Status CheckTail(const ObjectKey& key, PassedOn& passed, const StoredObject& now,
                          bool whole) {
    if (!whole) return Ok();
    if (passed.count() == now.size && (now.md5.empty() || passed.Md5Hex() == now.md5)) return Ok();
    return Corrupt(fmt::format("the object '{}' is not what its server has the MD5 of", key.str()));
  }

  const std::unique_ptr<ObjectStore> store_;
  const Clock& clock_;
  const Sleep sleep_;
  const ObjectStoreOptions options_;
};

}  // namespace

std::unique_ptr<Bank> MakeObjectStoreBank(std::unique_ptr<ObjectStore> store, const Clock& clock,
                                          Sleep sleep, ObjectStoreOptions options) {
  return std::make_unique<ObjectStoreBank>(std::move(store), clock, std::move(sleep), options);
}

}  // namespace holdfast::banks
