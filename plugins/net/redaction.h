#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace holdfast::net {

// Takes secrets out of text that servers or libraries wrote, before it goes into an error or a log:
// every one that it was told, and what stands behind "Bearer" and "Basic". One thread.
class Redaction {
 public:
  // Also as JSON writes it. Ones of less than 6 characters would blank out half of a text, and are left.
  void Add(std::string_view secret);
  // "***" in the place of each; then Printable(), and cut after `most` bytes.
  std::string Clean(std::string_view text, std::size_t most = 2000) const;

 private:
  std::vector<std::string> secrets_;
};

}  // namespace holdfast::net
