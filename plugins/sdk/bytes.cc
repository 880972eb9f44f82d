#include "plugins/sdk/bytes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace holdfast {

Result<std::size_t> MemorySource::Read(std::span<std::byte> buffer) {
  const std::size_t count = std::min(buffer.size(), data_.size());
  if (count > 0) std::memcpy(buffer.data(), data_.data(), count);
  data_.remove_prefix(count);
  return count;
}

Status StringSink::Write(std::span<const std::byte> data) {
  if (data.size() > limit_ - data_.size()) {
    return InvalidInput(fmt::format("more than {} bytes", limit_));
  }
  data_.append(AsText(data));
  return Ok();
}

Result<std::size_t> ReadFully(ByteSource& source, std::span<std::byte> buffer) {
  std::size_t filled = 0;
  while (filled < buffer.size()) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::size_t count, source.Read(buffer.subspan(filled)));
    if (count == 0) break;
    filled += count;
  }
  return filled;
}

}  // namespace holdfast
