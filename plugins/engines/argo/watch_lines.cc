#include "plugins/engines/argo/watch_lines.h"

#include "plugins/engines/argo/node_archive.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/text.h"

namespace holdfast::engines::argo {

namespace {

constexpr std::int64_t kGone = 410;

WatchEvent FailureOf(const Value& status) {
  WatchEvent event;
  const std::int64_t code = status.IntOr("code", status.IntOr("http_code", 0));
  event.message = status.StringOr("message", "the server ended the watch");
  const bool expired = code == kGone || status.StringOr("reason", "") == "Expired" ||
                       event.message.find("too old resource version") != std::string::npos;
  event.kind = expired ? WatchEvent::Kind::kExpired : WatchEvent::Kind::kFailed;
  return event;
}

}  // namespace

Status LineSink::Write(std::span<const std::byte> data) {
  std::string_view text = AsText(data);
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    begun_.append(text.substr(0, end));
    if (begun_.size() > most_) return Corrupt("a line of the stream is too long to be true");
    if (end == std::string_view::npos) return Ok();
    text.remove_prefix(end + 1);
    const std::string line = std::exchange(begun_, {});
    if (Trim(line).empty()) continue;
    HOLDFAST_RETURN_IF_ERROR(take_(line));
  }
  return Ok();
}

Result<WatchEvent> ReadWatchLine(std::string_view line) {
  constexpr std::string_view kData = "data:";
  line = Trim(line);
  if (line.starts_with(kData)) line = Trim(line.substr(kData.size()));
  auto value = ParseJson(line, "watch");
  if (!value || !value->is_map()) return Corrupt("a line of the watch is no JSON object");
  if (const Value* const error = value->Find("error")) return FailureOf(*error);
  if (const Value* const result = value->Find("result")) {
    Value inner = *result;
    *value = std::move(inner);
  }
  const std::string type = value->StringOr("type", "");
  const Value* const object = value->Find("object");
  if (object == nullptr || !object->is_map()) return Corrupt("an event of the watch has no object");
  if (type == "ERROR") return FailureOf(*object);
  WatchEvent event;
  if (const Value* const metadata = object->Find("metadata"))
    event.resource_version = metadata->StringOr("resourceVersion", "");
  if (type == "BOOKMARK") {
    event.kind = WatchEvent::Kind::kBookmark;
    return event;
  }
  if (type == "DELETED") {
    event.kind = WatchEvent::Kind::kDeleted;
  } else if (type != "ADDED" && type != "MODIFIED") {
    return Corrupt("the watch has an event of the kind '" + Printable(type) + "'");
  }
  event.object = *object;
  ExpandReadableNodes(event.object);
  return event;
}

LineSink EventSink(std::function<Status(const WatchEvent&)> take) {
  return LineSink([take = std::move(take)](std::string_view line) -> Status {
    HOLDFAST_ASSIGN_OR_RETURN(const WatchEvent event, ReadWatchLine(line));
    return take(event);
  });
}

}  // namespace holdfast::engines::argo
