#include "plugins/local/directory/exclude_patterns.h"

#include <fmt/format.h>

#include <cstddef>

#include "plugins/sdk/text.h"

namespace holdfast::plugins::directory {
namespace {

constexpr std::size_t kNone = static_cast<std::size_t>(-1);

// The end of the class that starts at pattern[at] == '[' (the index behind its ']'), or kNone. A
// ']' right behind the opening is a member.
std::size_t EndOfClass(std::string_view pattern, std::size_t at) {
  std::size_t i = at + 1;
  if (i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^')) ++i;
  if (i < pattern.size() && pattern[i] == ']') ++i;
  for (; i < pattern.size(); ++i) {
    if (pattern[i] == '\\') {
      ++i;
    } else if (pattern[i] == ']') {
      return i + 1;
    }
  }
  return kNone;
}

bool ClassHolds(std::string_view members, unsigned char byte) {
  bool negated = false;
  std::size_t i = 0;
  if (!members.empty() && (members[0] == '!' || members[0] == '^')) {
    negated = true;
    i = 1;
  }
  const auto take = [&members](std::size_t& at) {
    if (members[at] == '\\' && at + 1 < members.size()) ++at;
    return static_cast<unsigned char>(members[at++]);
  };
  bool found = false;
  while (i < members.size()) {
    const unsigned char low = take(i);
    unsigned char high = low;
    if (i + 1 < members.size() && members[i] == '-') {
      ++i;
      high = take(i);
    }
    if (low <= byte && byte <= high) found = true;
  }
  return found != negated;
}

// One part against one name: on a mismatch only the last '*' takes one byte more, so the time is
// at most the product of the lengths.
bool MatchPart(std::string_view pattern, std::string_view name) {
  std::size_t p = 0;
  std::size_t n = 0;
  std::size_t star = kNone;
  std::size_t star_name = 0;
  while (n < name.size()) {
    bool matched = false;
    std::size_t next = p;
    if (p < pattern.size()) {
      const char c = pattern[p];
      if (c == '*') {
        star = p++;
        star_name = n;
        continue;
      }
      if (c == '?') {
        matched = true;
        next = p + 1;
      } else if (c == '[') {
        const std::size_t end = EndOfClass(pattern, p);
        matched =
            ClassHolds(pattern.substr(p + 1, end - p - 2), static_cast<unsigned char>(name[n]));
        next = end;
      } else if (c == '\\') {
        matched = pattern[p + 1] == name[n];
        next = p + 2;
      } else {
        matched = c == name[n];
        next = p + 1;
      }
    }
    if (matched) {
      p = next;
      ++n;
    } else if (star != kNone) {
      p = star + 1;
      n = ++star_name;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool MatchParts(const std::vector<std::string>& pattern,
                const std::vector<std::string_view>& path) {
  std::size_t p = 0;
  std::size_t n = 0;
  std::size_t star = kNone;
  std::size_t star_path = 0;
  while (n < path.size()) {
    if (p < pattern.size() && pattern[p] == "**") {
      star = p++;
      star_path = n;
    } else if (p < pattern.size() && MatchPart(pattern[p], path[n])) {
      ++p;
      ++n;
    } else if (star != kNone) {
      p = star + 1;
      n = ++star_path;
    } else {
      return false;
    }
  }
  // A "**" at the end needs something below: "a/**" is everything in a, not a itself.
  return p == pattern.size();
}

Status CheckPart(std::string_view part) {
  for (std::size_t i = 0; i < part.size();) {
    if (part[i] == '\\') {
      if (i + 1 == part.size()) return InvalidInput("an escape '\\' with nothing behind it");
      i += 2;
    } else if (part[i] == '[') {
      i = EndOfClass(part, i);
      if (i == kNone) return InvalidInput("a class '[' without ']'");
    } else {
      ++i;
    }
  }
  return Ok();
}

}  // namespace

Result<ExcludePatterns> ExcludePatterns::Parse(const std::vector<std::string>& patterns) {
  ExcludePatterns result;
  for (const std::string& text : patterns) {
    const std::string what = fmt::format("exclude pattern '{}'", Printable(text));
    Pattern pattern;
    std::string_view rest = text;
    if (!rest.empty() && rest.front() == '!') {
      pattern.includes = true;
      rest.remove_prefix(1);
    }
    while (!rest.empty() && rest.back() == '/') {
      pattern.directories_only = true;
      rest.remove_suffix(1);
    }
    pattern.anywhere = rest.find('/') == std::string_view::npos;
    for (const std::string_view part : Split(rest, '/')) {
      if (part.empty()) continue;
      if (auto ok = CheckPart(part); !ok) return std::move(ok).error().While(what);
      pattern.parts.emplace_back(part);
    }
    if (pattern.parts.empty()) return InvalidInput(what + " matches nothing");
    result.patterns_.push_back(std::move(pattern));
  }
  return result;
}

bool ExcludePatterns::Excludes(std::string_view path, bool is_directory) const {
  if (patterns_.empty()) return false;
  const std::vector<std::string_view> parts = Split(path, '/');
  bool excluded = false;
  for (const Pattern& pattern : patterns_) {
    if (pattern.includes != excluded) continue;  // would not change the answer
    if (pattern.directories_only && !is_directory) continue;
    const bool matches = pattern.anywhere ? pattern.parts.front() == "**" ||
                                                MatchPart(pattern.parts.front(), parts.back())
                                          : MatchParts(pattern.parts, parts);
    if (matches) excluded = !pattern.includes;
  }
  return excluded;
}

}  // namespace holdfast::plugins::directory
