#include "runtime/cli/text_diff.h"

#include <dtl/dtl.hpp>
#include <sstream>
#include <vector>

#include "plugins/sdk/text.h"

namespace holdfast::cli {
namespace {

std::vector<std::string> LinesOf(std::string_view text) {
  std::vector<std::string> lines;
  for (const std::string_view line : Split(text, '\n')) lines.emplace_back(line);
  // What comes behind the last line feed is no line.
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

}  // namespace

std::string UnifiedDiff(std::string_view from_name, std::string_view from, std::string_view to_name,
                        std::string_view to) {
  if (from == to) return "";
  const std::vector<std::string> before = LinesOf(from);
  const std::vector<std::string> after = LinesOf(to);
  dtl::Diff<std::string> diff(before, after);
  diff.compose();
  diff.composeUnifiedHunks();
  std::ostringstream hunks;
  diff.printUnifiedFormat(hunks);
  std::string out = "--- ";
  out += from_name;
  out += "\n+++ ";
  out += to_name;
  out += "\n";
  return out + hunks.str();
}

}  // namespace holdfast::cli
