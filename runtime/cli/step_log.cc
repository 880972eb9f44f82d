#include "runtime/cli/step_log.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "plugins/sdk/json.h"
#include "plugins/sdk/text.h"

namespace holdfast::cli {
namespace {

constexpr std::streamoff kRead = 64 << 10;

}  // namespace

std::string ReasonInLog(const std::string& file) {
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  if (!in) return "";
  const std::streamoff size = in.tellg();
  in.seekg(std::max<std::streamoff>(0, size - kRead));
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  std::string reason;
  for (const std::string_view line : Split(text, '\n')) {
    // The first one may have lost its beginning, others are no JSON: what a hook printed.
    if (!line.starts_with('{')) continue;
    const auto value = ParseJson(line, file);
    if (value && value->StringOr("level", "") == "error") reason = value->StringOr("message", "");
  }
  return Printable(reason);
}

}  // namespace holdfast::cli
