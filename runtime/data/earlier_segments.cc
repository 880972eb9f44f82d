#include "runtime/data/earlier_segments.h"

#include <fmt/format.h>

#include "runtime/data/segment_names.h"

namespace holdfast::runtime {
namespace {

constexpr std::size_t kMostAttempts = 5;
constexpr std::size_t kListPage = 10'000;
// A source that is not the same again: no more of it is looked for.
constexpr unsigned kMostDifferent = 4;

// Fails at the first byte that is another one.
class ComparingSink final : public ByteSink {
 public:
  explicit ComparingSink(std::string_view expected) : rest_(expected) {}
  Status Write(std::span<const std::byte> data) override {
    const std::string_view piece = AsText(data);
    if (!rest_.starts_with(piece)) return Error(ErrorCode::kConflict, "these are other bytes");
    rest_.remove_prefix(piece.size());
    return Ok();
  }
  bool ChecksBytes() const override { return true; }
  bool done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

}  // namespace

EarlierSegments::EarlierSegments(const BankSection& data, std::string_view name,
                                 const std::vector<std::string>& attempts)
    : data_(data) {
  std::size_t looked_at = 0;
  for (auto at = attempts.rbegin(); at != attempts.rend() && looked_at < kMostAttempts; ++at) {
    List(*at, name);
    ++looked_at;
  }
}

void EarlierSegments::List(std::string_view attempt, std::string_view name) {
  ListOptions options;
  options.prefix = fmt::format("{}/{}/{}.", data_.prefix(), attempt, name);
  options.limit = kListPage;
  for (;;) {
    const auto page = data_.bank().List(options);
    if (!page) return;
    for (const ObjectInfo& object : *page) {
      const auto number =
          SegmentNumber(std::string_view(object.key.str()).substr(options.prefix.size()));
      if (number) segments_.try_emplace(*number, Segment{std::string(attempt), object.size});
    }
    if (page->size() < kListPage) return;
    options.marker = page->back().key.str();
  }
}

const EarlierSegments::Segment* EarlierSegments::Find(std::size_t number) const {
  const auto found = segments_.find(number);
  return found == segments_.end() || different_ >= kMostDifferent ? nullptr : &found->second;
}

bool EarlierSegments::IsSame(std::string_view key, std::string_view bytes) {
  ComparingSink sink(bytes);
  if (data_.Get(key, sink) && sink.done()) return true;
  ++different_;
  return false;
}

}  // namespace holdfast::runtime
