#include "plugins/banks/object_store/hashed_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace holdfast::banks {

Result<std::size_t> HashedSource::Read(std::span<std::byte> buffer) {
  if (limited_ && left_ == 0) return 0;
  const std::size_t most =
      limited_ ? static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), left_))
               : buffer.size();
  HOLDFAST_ASSIGN_OR_RETURN(const std::size_t count, source_.Read(buffer.first(most)));
  md5_.Update(buffer.first(count));
  left_ -= std::min<std::uint64_t>(count, left_);
  return count;
}

Status CheckSourceEnds(const StoreBody& body) {
  if (body.source == nullptr) return Ok();
  std::array<std::byte, 1> more{};
  HOLDFAST_ASSIGN_OR_RETURN(const std::size_t count, body.source->Read(more));
  if (count == 0) return Ok();
  return InvalidInput(fmt::format("the source goes on after its {} bytes", body.size));
}

}  // namespace holdfast::banks
