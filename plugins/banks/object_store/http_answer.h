#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "plugins/net/http_client.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/result.h"

namespace holdfast::banks {

// What Swift and S3 say in the same headers.

// Without its quotation marks.
std::string EtagOf(const net::HttpResponse& response);
// Of an object that was asked for whole, its length.
std::uint64_t SizeOf(const net::HttpResponse& response);
// When the server gave it, by its own clock; nullopt: it does not say.
std::optional<WallTime> ServerTime(const net::HttpResponse& response);
// Sets the Range header for these bytes, where it is not all of them.
void AskForRange(net::HttpRequest& request, std::uint64_t offset, std::uint64_t length);
// The size of the whole object of which an answer gives these bytes. kCorrupt, naming the server (`origin`), where it gives
// others than were asked for.
Result<std::uint64_t> WholeSizeOf(const net::HttpResponse& response, std::uint64_t offset,
                                  std::uint64_t length, std::string_view origin);

}  // namespace holdfast::banks
