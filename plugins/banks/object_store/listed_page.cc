#include "plugins/banks/object_store/listed_page.h"

#include <fmt/format.h>

#include "plugins/sdk/text.h"

namespace holdfast::banks {

Status CheckListedPage(const std::vector<StoredObject>& page, std::string_view prefix,
                       std::string_view marker, std::size_t limit, ListDirection direction,
                       const std::string& store) {
  if (page.size() > limit) {
    return Corrupt(
        fmt::format("{} lists {} names, and was asked for {}", store, page.size(), limit));
  }
  for (const StoredObject& object : page) {
    if (!object.name.starts_with(prefix)) {
      return Corrupt(fmt::format("{} lists '{}', and was asked for names that begin with '{}'",
                                 store, Printable(object.name), Printable(prefix)));
    }
    if (marker.empty()) continue;
    const int order = std::string_view(object.name).compare(marker);
    if (direction == ListDirection::kAscending ? order > 0 : order < 0) continue;
    return Corrupt(fmt::format("{} lists '{}', and was asked for what comes {} '{}'", store,
                               Printable(object.name),
                               direction == ListDirection::kAscending ? "behind" : "before",
                               Printable(marker)))
        .Hint("a listing has to be in the order of the names' bytes, and to begin at its marker");
  }
  return Ok();
}

Error ListingFailed(Error error) {
  if (error.code() != ErrorCode::kInvalidInput) return error;
  return Corrupt(error.message());
}

}  // namespace holdfast::banks
