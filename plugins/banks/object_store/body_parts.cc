#include "plugins/banks/object_store/body_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

namespace holdfast::banks {

namespace {

constexpr std::uint64_t kMostOfAPart = std::uint64_t{128} << 20U;

// Rounded up.
std::uint64_t PartsOf(std::uint64_t size, std::uint64_t part) { return (size + part - 1) / part; }

}  // namespace

Result<std::string_view> BodyParts::Next() {
  const std::uint64_t size = std::min(part_size_, body_.size - at_);
  std::string_view part;
  if (body_.source == nullptr) {
    part = body_.bytes.substr(at_, size);
  } else {
    HOLDFAST_ASSIGN_OR_RETURN(part, Read(size));
  }
  at_ += size;
  return part;
}

Result<std::string_view> BodyParts::Read(std::uint64_t size) {
  read_.resize(size);
  HOLDFAST_ASSIGN_OR_RETURN(
      const std::size_t has,
      ReadFully(*body_.source, std::as_writable_bytes(std::span(read_.data(), read_.size()))));
  if (has < size)
    return InvalidInput(
        fmt::format("the source ended after {} of {} bytes", at_ + has, body_.size));
  if (at_ + size == body_.size) {
    std::array<std::byte, 1> more{};
    HOLDFAST_ASSIGN_OR_RETURN(const std::size_t count, body_.source->Read(more));
    if (count > 0)
      return InvalidInput(fmt::format("the source goes on after its {} bytes", body_.size));
  }
  return std::string_view(read_);
}

Result<std::uint64_t> PartSizeOf(const StoreBody& body, std::uint64_t most_at_once,
                                 std::uint64_t most_parts) {
  if (body.source == nullptr) {
    if (PartsOf(body.size, most_at_once) <= most_parts) return most_at_once;
    return InvalidInput(
        fmt::format("{} bytes are more than {} parts of {}", body.size, most_parts, most_at_once));
  }
  const std::uint64_t part =
      std::max(std::min(kMostInMemory, most_at_once), PartsOf(body.size, most_parts));
  if (part <= std::min(kMostOfAPart, most_at_once)) return part;
  return InvalidInput(fmt::format("a source of {} bytes is more than {} parts of {}", body.size,
                                  most_parts, std::min(kMostOfAPart, most_at_once)));
}

}  // namespace holdfast::banks
