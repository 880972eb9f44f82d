#include "runtime/step/recording_bank.h"

#include <utility>

#include "runtime/store/hashing_sink.h"

namespace holdfast::runtime {
Result<std::size_t> HashedSource::Read(std::span<std::byte> buffer) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::size_t got, source_.Read(buffer));
  hash_.Update(buffer.first(got));
  size_ += got;
  return got;
}

Status RecordingBank::Put(const ObjectKey& key, ByteSource& source, std::uint64_t size) {
  // What lies in memory the bank need not copy.
  if (const auto rest = source.Rest()) {
    std::string sha256 = Sha256Hex(*rest);
    return Note(key, inner_.Put(key, source, size), rest->size(), std::move(sha256));
  }
  HashedSource hashed(source);
  Status put = inner_.Put(key, hashed, size);
  return Note(key, std::move(put), hashed.size(), hashed.FinishHex());
}

Status RecordingBank::CreateExclusive(const ObjectKey& key, std::string_view value,
                                      Settling settling) {
  return Note(key, inner_.CreateExclusive(key, value, settling), value.size(), Sha256Hex(value));
}

Status RecordingBank::Replace(const ObjectKey& key, std::string_view value) {
  return Note(key, inner_.Replace(key, value), value.size(), Sha256Hex(value));
}

Status RecordingBank::Delete(const ObjectKey& key) {
  Status gone = inner_.Delete(key);
  const std::lock_guard lock(mutex_);
  if (gone || gone.error().code() == ErrorCode::kNotFound) {
    objects_.erase(key.str());
    unsure_.erase(key.str());
  } else {
    unsure_.insert(key.str());
  }
  return gone;
}

Status RecordingBank::Note(const ObjectKey& key, Status put, std::uint64_t size,
                           std::string sha256) {
  const std::lock_guard lock(mutex_);
  if (put) {
    objects_[key.str()] = {"", size, std::move(sha256)};
    unsure_.erase(key.str());
  } else {
    // It may be there, of this try or of an earlier one whose answer was lost.
    unsure_.insert(key.str());
  }
  return put;
}

Result<std::vector<RawObject>> RecordingBank::Recorded(std::string_view prefix) {
  const std::lock_guard lock(mutex_);
  for (auto at = unsure_.begin(); at != unsure_.end();) {
    if (!at->starts_with(prefix)) {
      ++at;
      continue;
    }
    HOLDFAST_ASSIGN_OR_RETURN(const ObjectKey key, ObjectKey::Parse(*at));
    HashingSink sink(HashingSink::Against::kNothing);
    const Status read = inner_.Get(key, sink);
    if (!read && read.error().code() != ErrorCode::kNotFound) return read.error();
    if (read)
      objects_[*at] = {"", sink.size(), sink.FinishHex()};
    else
      objects_.erase(*at);
    at = unsure_.erase(at);
  }
  std::vector<RawObject> found;
  for (auto at = objects_.lower_bound(std::string(prefix));
       at != objects_.end() && at->first.starts_with(prefix); ++at) {
    found.push_back(at->second);
    found.back().key = at->first.substr(prefix.size());
  }
  return found;
}

}  // namespace holdfast::runtime
