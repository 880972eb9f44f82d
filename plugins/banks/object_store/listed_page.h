#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/banks/object_store/object_store.h"

namespace holdfast::banks {

// That a page of a listing is one of what was asked for: at most so many names with that prefix, and each beyond `marker`
// (empty: from the beginning), so that who goes on behind its last comes to an end. kCorrupt, which names the `store`, where a
// server gives the same page whatever it is asked for.
Status CheckListedPage(const std::vector<StoredObject>& page, std::string_view prefix,
                       std::string_view marker, std::size_t limit, ListDirection direction,
                       const std::string& store);

// A page that is more than anybody reads is none (the client says kInvalidInput): that is kCorrupt, as what is asked for is no
// page of such a size. All else stays what it is.
Error ListingFailed(Error error);

}  // namespace holdfast::banks
