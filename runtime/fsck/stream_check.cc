#include "runtime/fsck/stream_check.h"

#include <fmt/format.h>

#include <array>
#include <vector>

#include "plugins/sdk/context.h"
#include "runtime/data/segment_names.h"
#include "runtime/store/hashing_sink.h"

namespace holdfast::runtime {
namespace {

// Is it about what is stored, and not about who asks?
bool IsAboutBytes(const Error& error) {
  return error.code() == ErrorCode::kCorrupt || error.code() == ErrorCode::kInvalidInput ||
         error.code() == ErrorCode::kNotFound;
}

class StreamCheck {
 public:
  StreamCheck(const BankSection& data, const StreamManifest& stream, const DataOptions& options,
              const std::function<void(std::uint64_t)>& on_read)
      : data_(data), stream_(stream), options_(options), on_read_(on_read) {}

  Status Look(const std::map<std::string, std::uint64_t>& sizes) {
    for (std::size_t i = 0; i < stream_.segments.size(); ++i) {
      const std::string key = SegmentKey(stream_, i);
      const std::uint64_t size = stream_.segments[i].stored_size;
      const auto listed = sizes.find(key);
      if (listed != sizes.end() && listed->second == size) continue;
      HOLDFAST_RETURN_IF_ERROR(CheckCancelled());
      const auto there = data_.Stat(key);
      if (!there && there.error().code() != ErrorCode::kNotFound) return there.error();
      if (!there)
        faults_.missing.emplace(i, "it is missing");
      else if (there->size != size)
        faults_.damaged.emplace(i, fmt::format("{} bytes are stored, not {}", there->size, size));
    }
    return Ok();
  }

  Status Read() {
    std::vector<std::size_t> rest;
    for (std::size_t i = 0; i < stream_.segments.size(); ++i) {
      if (!faults_.missing.contains(i) && !faults_.damaged.contains(i)) rest.push_back(i);
    }
    bool whole = rest.size() == stream_.segments.size();
    while (whole || !rest.empty()) {
      std::size_t passed = 0;  // of those that were to be read
      auto read = ReadOn(rest, whole, passed);
      if (read) return Ok();
      if (read.error().code() == ErrorCode::kDenied) {
        faults_.closed = std::move(read).error();
        return ReadStored(rest);
      }
      if (!IsAboutBytes(read.error())) return std::move(read).error();
      if (!opened_) {
        faults_.whole = read.error().OneLine();
        return ReadStored(rest);
      }
      HOLDFAST_RETURN_IF_ERROR(Blame(rest, whole, passed, read.error()));
      whole = false;
      rest.erase(rest.begin(),
                 rest.begin() + static_cast<std::ptrdiff_t>(std::min(passed + 1, rest.size())));
    }
    return Ok();
  }

  StreamFaults Take() { return std::move(faults_); }

 private:
  Status CheckCancelled() const {
    if (options_.cancellation != nullptr && options_.cancellation->is_set())
      return CancelledError();
    return Ok();
  }

  // Reads these segments; `passed`: how many came as they are.
  Status ReadOn(const std::vector<std::size_t>& numbers, bool whole, std::size_t& passed) {
    opened_ = false;
    HOLDFAST_ASSIGN_OR_RETURN(const auto source,
                              whole ? OpenDataStream(data_, stream_, options_)
                                    : OpenDataSample(data_, stream_, numbers, options_));
    opened_ = true;
    static constexpr std::size_t kBuffer = std::size_t{1} << 20U;
    std::vector<std::byte> buffer(kBuffer);
    std::uint64_t of_this = 0;
    while (true) {
      HOLDFAST_ASSIGN_OR_RETURN(const std::size_t size, source->Read(buffer));
      if (size == 0) return Ok();
      on_read_(size);
      of_this += size;
      while (passed < numbers.size() && of_this >= stream_.segments[numbers[passed]].plain_size)
        of_this -= stream_.segments[numbers[passed++]].plain_size;
    }
  }

  // Which segment is it? After the last one of a whole stream it may be none.
  Status Blame(const std::vector<std::size_t>& numbers, bool whole, std::size_t passed,
               const Error& error) {
    if (passed >= numbers.size()) {
      faults_.whole = error.OneLine();
      return Ok();
    }
    if (whole && passed + 1 == numbers.size()) {
      std::size_t ignored = 0;
      const Status alone = ReadOn({numbers.back()}, false, ignored);
      if (alone) {
        faults_.whole = error.OneLine();
        return Ok();
      }
      if (!IsAboutBytes(alone.error())) return alone.error();
    }
    auto& those = error.code() == ErrorCode::kNotFound ? faults_.missing : faults_.damaged;
    those.emplace(numbers[passed], error.OneLine());
    return Ok();
  }

  // Without the key: the stored bytes alone.
  Status ReadStored(const std::vector<std::size_t>& numbers) {
    for (const std::size_t i : numbers) {
      HOLDFAST_RETURN_IF_ERROR(CheckCancelled());
      HashingSink sink(HashingSink::Against::kKnownHash);
      Status got = data_.Get(SegmentKey(stream_, i), sink);
      if (!got && !IsAboutBytes(got.error())) return got;
      on_read_(stream_.segments[i].plain_size);
      if (!got && got.error().code() == ErrorCode::kNotFound)
        faults_.missing.emplace(i, "it is missing");
      else if (!got)
        faults_.damaged.emplace(i, got.error().OneLine());
      else if (sink.FinishHex() != stream_.segments[i].stored_sha256)
        faults_.damaged.emplace(i, "the SHA-256 of what is stored is another one");
    }
    return Ok();
  }

  const BankSection& data_;
  const StreamManifest& stream_;
  const DataOptions& options_;
  const std::function<void(std::uint64_t)>& on_read_;
  bool opened_ = false;
  StreamFaults faults_;
};

}  // namespace

Result<StreamFaults> CheckStream(const BankSection& data, const StreamManifest& stream,
                                 const std::map<std::string, std::uint64_t>& sizes, bool read,
                                 const DataOptions& options,
                                 const std::function<void(std::uint64_t)>& on_read) {
  StreamCheck check(data, stream, options, on_read);
  HOLDFAST_RETURN_IF_ERROR(check.Look(sizes));
  if (read) HOLDFAST_RETURN_IF_ERROR(check.Read());
  return check.Take();
}

}  // namespace holdfast::runtime
