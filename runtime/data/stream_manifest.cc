#include <fmt/format.h>

#include <map>
#include <set>

#include "plugins/sdk/text.h"
#include "runtime/data/data_stream.h"
#include "runtime/data/segment_names.h"

namespace holdfast::runtime {
namespace {

// Streams of fewer segments are asked for one by one.
constexpr std::size_t kListFrom = 4;
constexpr std::size_t kListPage = 10'000;

bool TakeSize(const Value& value, std::uint64_t& size) {
  if (!value.is_int() || value.AsInt() < 0) return false;
  size = static_cast<std::uint64_t>(value.AsInt());
  return true;
}

bool TakeText(const Value& value, std::string& text) {
  if (!value.is_string()) return false;
  text = value.AsString();
  return true;
}

bool TakeSegment(const Value& value, SegmentInfo& segment) {
  if (!value.is_list() || value.AsList().size() != 4) return false;
  const Value::List& list = value.AsList();
  return TakeSize(list[0], segment.plain_size) && TakeText(list[1], segment.plain_sha256) &&
         TakeSize(list[2], segment.stored_size) && TakeText(list[3], segment.stored_sha256);
}

// Notes the segments of one attempt that a listing shows with the size that the manifest says.
void List(const BankSection& data, const StreamManifest& stream, const std::string& attempt,
          std::vector<bool>& listed) {
  ListOptions options;
  options.prefix = data.prefix() + "/" + attempt + "/" + stream.name + ".";
  options.limit = kListPage;
  for (;;) {
    const auto page = data.bank().List(options);
    if (!page) return;
    for (const ObjectInfo& object : *page) {
      const auto number =
          SegmentNumber(std::string_view(object.key.str()).substr(options.prefix.size()));
      if (number && *number < listed.size() && stream.AttemptOf(*number) == attempt &&
          object.size == stream.segments[*number].stored_size) {
        listed[*number] = true;
      }
    }
    if (page->size() < kListPage) return;
    options.marker = page->back().key.str();
  }
}

// Which segments listings show. One may lag, so it only ever says yes; a failed one says nothing.
std::vector<bool> ListedSegments(const BankSection& data, const StreamManifest& stream) {
  std::vector<bool> listed(stream.segments.size(), false);
  std::set<std::string> attempts{stream.attempt};
  for (const auto& [number, attempt] : stream.adopted) attempts.insert(attempt);
  for (const std::string& attempt : attempts) List(data, stream, attempt, listed);
  return listed;
}

Value AdoptedToValue(const std::map<std::size_t, std::string>& adopted) {
  std::map<std::string, Value::List> numbers;
  for (const auto& [number, attempt] : adopted)
    numbers[attempt].emplace_back(static_cast<std::uint64_t>(number));
  Value value{Value::Map{}};
  for (auto& [attempt, list] : numbers) value.Set(attempt, std::move(list));
  return value;
}

bool TakeAdopted(const Value& value, std::map<std::size_t, std::string>& adopted) {
  if (!value.is_map()) return false;
  for (const auto& [attempt, numbers] : value.AsMap()) {
    if (!numbers.is_list()) return false;
    for (const Value& each : numbers.AsList()) {
      std::uint64_t number = 0;
      if (!TakeSize(each, number) || !adopted.emplace(number, attempt).second) return false;
    }
  }
  return true;
}

}  // namespace

Value StreamManifestToValue(const StreamManifest& stream) {
  Value::List segments;
  segments.reserve(stream.segments.size());
  for (const SegmentInfo& segment : stream.segments) {
    Value::List list;
    list.reserve(4);
    list.emplace_back(segment.plain_size);
    list.emplace_back(segment.plain_sha256);
    list.emplace_back(segment.stored_size);
    list.emplace_back(segment.stored_sha256);
    segments.emplace_back(std::move(list));
  }
  Value value;
  value.Set("attempt", stream.attempt)
      .Set("size", stream.size)
      .Set("sha256", stream.sha256)
      .Set("segments", std::move(segments));
  if (!stream.key_id.empty()) value.Set("key", stream.key_id);
  if (!stream.adopted.empty()) value.Set("adopted", AdoptedToValue(stream.adopted));
  return value;
}

Result<StreamManifest> StreamManifestFromValue(const Value& value, std::string_view name) {
  StreamManifest stream;
  stream.name = name;
  const Value* const attempt = value.Find("attempt");
  const Value* const size = value.Find("size");
  const Value* const sha256 = value.Find("sha256");
  const Value* const segments = value.Find("segments");
  if (attempt == nullptr || !TakeText(*attempt, stream.attempt) || size == nullptr ||
      !TakeSize(*size, stream.size) || sha256 == nullptr || !TakeText(*sha256, stream.sha256) ||
      segments == nullptr || !segments->is_list()) {
    return Corrupt(fmt::format(
        "the manifest's stream '{}' lacks one of 'attempt', 'size', 'sha256', 'segments'",
        Printable(name)));
  }
  if (const Value* const key = value.Find("key");
      key != nullptr && (!TakeText(*key, stream.key_id) || !IsKeyId(stream.key_id))) {
    return Corrupt(fmt::format("the manifest's stream '{}': its key is none", Printable(name)));
  }
  if (const Value* const adopted = value.Find("adopted");
      adopted != nullptr && !TakeAdopted(*adopted, stream.adopted)) {
    return Corrupt(fmt::format("the manifest's stream '{}': 'adopted' is no map of attempts",
                               Printable(name)));
  }
  stream.segments.reserve(segments->AsList().size());
  for (const Value& entry : segments->AsList()) {
    SegmentInfo segment;
    if (!TakeSegment(entry, segment)) {
      return Corrupt(
          fmt::format("the manifest's stream '{}': segment {} is no list of two sizes "
                      "and two hashes",
                      Printable(name), stream.segments.size()));
    }
    segment.key_id = stream.key_id;
    stream.segments.push_back(std::move(segment));
  }
  HOLDFAST_RETURN_IF_ERROR(CheckStreamManifest(stream));
  return stream;
}

Status StatDataStream(const BankSection& data, const StreamManifest& stream) {
  HOLDFAST_RETURN_IF_ERROR(CheckStreamManifest(stream));
  std::vector<bool> listed(stream.segments.size(), false);
  // One page instead of thousands of requests; what it does not show is asked for one by one.
  if (stream.segments.size() >= kListFrom) listed = ListedSegments(data, stream);
  for (std::size_t i = 0; i < stream.segments.size(); ++i) {
    if (listed[i]) continue;
    const std::string key = SegmentKey(stream, i);
    const auto info = data.Stat(key);
    if (!info) {
      if (info.error().code() != ErrorCode::kNotFound) return info.error();
      return NotFound(fmt::format("the object {}/{} is missing", data.prefix(), key));
    }
    if (info->size != stream.segments[i].stored_size) {
      return Corrupt(fmt::format("the object {}/{} has {} bytes, the manifest says {}",
                                 data.prefix(), key, info->size, stream.segments[i].stored_size));
    }
  }
  return Ok();
}

}  // namespace holdfast::runtime
