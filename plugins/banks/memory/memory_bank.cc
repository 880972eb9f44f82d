#include "plugins/banks/memory/memory_bank.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace holdfast {
namespace {

Error NoSuchObject(const ObjectKey& key) {
  return NotFound(fmt::format("there is no object '{}' in the bank", key.str()));
}

}  // namespace

Status MemoryBank::RefuseContinuation(const ObjectKey& key) const {
  const std::string& text = key.str();
  const auto conflict = [](std::string_view longer, std::string_view shorter) {
    return Error(ErrorCode::kConflict, fmt::format("the key '{}' continues the key '{}'; only one "
                                                   "of them can exist",
                                                   longer, shorter));
  };
  for (std::size_t slash = text.find('/'); slash != std::string::npos;
       slash = text.find('/', slash + 1)) {
    const auto shorter = ObjectKey::Parse(text.substr(0, slash));
    if (shorter && objects_.contains(*shorter)) return conflict(text, shorter->str());
  }
  // The first key from "<text>/" on; '.' and '-' sort before '/', so it need not follow `key`.
  const std::string below = text + "/";
  const auto found = std::find_if(objects_.upper_bound(key), objects_.end(),
                                  [&](const auto& entry) { return entry.first.str() >= below; });
  if (found != objects_.end() && found->first.str().starts_with(below)) {
    return conflict(found->first.str(), text);
  }
  return Ok();
}

Status MemoryBank::Create(const ObjectKey& key, std::string bytes) {
  HOLDFAST_RETURN_IF_ERROR(RefuseContinuation(key));
  if (objects_.contains(key)) {
    return Error(ErrorCode::kConflict, fmt::format("the object '{}' exists already", key.str()));
  }
  objects_.emplace(key, Object{std::move(bytes), clock_.Now()});
  return Ok();
}

Status MemoryBank::Put(const ObjectKey& key, ByteSource& source, std::uint64_t size) {
  // Read without the lock: the source may be slow, or read this very bank.
  std::string bytes;
  std::vector<std::byte> buffer(std::size_t{64} << 10U);
  while (true) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::size_t count, source.Read(buffer));
    if (count == 0) break;
    bytes += AsText(std::span<const std::byte>(buffer).first(count));
    if (bytes.size() > size) {
      return InvalidInput(
          fmt::format("storing '{}': the source goes on after its {} bytes", key.str(), size));
    }
  }
  if (bytes.size() < size) {
    return InvalidInput(fmt::format("storing '{}': the source ended after {} of {} bytes",
                                    key.str(), bytes.size(), size));
  }
  const std::lock_guard lock(mutex_);
  return Create(key, std::move(bytes));
}

Status MemoryBank::CreateExclusive(const ObjectKey& key, std::string_view value,
                                   Settling /*settling*/) {
  const std::lock_guard lock(mutex_);
  return Create(key, std::string(value));
}

Status MemoryBank::Replace(const ObjectKey& key, std::string_view value) {
  const std::lock_guard lock(mutex_);
  HOLDFAST_RETURN_IF_ERROR(RefuseContinuation(key));
  objects_.insert_or_assign(key, Object{std::string(value), clock_.Now()});
  return Ok();
}

Status MemoryBank::Get(const ObjectKey& key, ByteSink& sink, std::uint64_t offset,
                       std::uint64_t length) {
  std::string part;
  {
    const std::lock_guard lock(mutex_);
    const auto found = objects_.find(key);
    if (found == objects_.end()) return NoSuchObject(key);
    const std::string& bytes = found->second.bytes;
    if (offset > bytes.size()) {
      return InvalidInput(
          fmt::format("the object '{}' has {} bytes; reading from byte {} was asked", key.str(),
                      bytes.size(), offset));
    }
    part = bytes.substr(offset, std::min<std::uint64_t>(length, bytes.size() - offset));
  }
  return part.empty() ? Ok() : sink.Write(AsBytes(part));
}

Result<std::vector<ObjectInfo>> MemoryBank::List(const ListOptions& options) {
  if (options.limit < 1 || options.limit > 10'000) {
    return InvalidInput(
        fmt::format("a page of a listing has 1 to 10000 objects, not {}", options.limit));
  }
  const std::lock_guard lock(mutex_);
  std::vector<ObjectInfo> found;
  const auto take = [&](const auto& entry) {
    const std::string& text = entry.first.str();
    const bool behind = options.marker.empty() ||
                        (options.direction == ListDirection::kAscending ? text > options.marker
                                                                        : text < options.marker);
    if (behind && text.starts_with(options.prefix) && found.size() < options.limit) {
      found.push_back({entry.first, entry.second.bytes.size(), entry.second.written});
    }
  };
  if (options.direction == ListDirection::kAscending) {
    std::for_each(objects_.begin(), objects_.end(), take);
  } else {
    std::for_each(objects_.rbegin(), objects_.rend(), take);
  }
  return found;
}

Result<ObjectInfo> MemoryBank::Stat(const ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(key);
  if (found == objects_.end()) return NoSuchObject(key);
  return ObjectInfo{key, found->second.bytes.size(), found->second.written};
}

Status MemoryBank::Delete(const ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  if (objects_.erase(key) == 0) return NoSuchObject(key);
  return Ok();
}

}  // namespace holdfast
