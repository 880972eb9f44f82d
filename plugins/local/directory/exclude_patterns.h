#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/result.h"

namespace holdfast::plugins::directory {

// Patterns of what is left out of a tree, with the meaning that .gitignore gives them:
//   - a pattern without '/' is compared with the name of every entry, at any depth;
//   - one with '/' at its start or inside is compared with the path below the tree's root;
//   - a final '/' restricts it to directories; what is below an excluded directory is left out;
//   - '*' is any bytes but '/', '?' one byte but '/', '[a-z]' one of a class, '[!a-z]' one not of
//     it; '**' as a whole part is any number of parts, also none; '\' takes the next byte as it is;
//   - '!' in front takes what it matches in again; of several that match, the last one counts.
// Bytes are compared as they are: no locale, no case folding. Time is linear in path x pattern.
// Immutable.
class ExcludePatterns {
 public:
  ExcludePatterns() = default;
  // kInvalidInput names an empty pattern or an unfinished class or escape.
  static Result<ExcludePatterns> Parse(const std::vector<std::string>& patterns);

  // Is the entry at `path` (relative, as TreeEntry has it) left out? Parents are not looked at: the
  // walk does not go below what is excluded.
  bool Excludes(std::string_view path, bool is_directory) const;
  bool empty() const { return patterns_.empty(); }

 private:
  struct Pattern {
    std::vector<std::string> parts;  // "**" stands for any number of parts
    bool anywhere = false;           // compared with the name only
    bool directories_only = false;
    bool includes = false;
  };
  std::vector<Pattern> patterns_;
};

}  // namespace holdfast::plugins::directory
