#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "plugins/sdk/provider.h"
#include "plugins/sdk/result.h"

namespace holdfast::cli {

// The files that a command line names, and those that the providers name: what a command has read is
// not written over by it, whatever name leads to it (a link, another spelling). All commands read
// and write such files here. One thread.
class UserFiles {
 public:
  // As ReadFile; the file is an input from then on, also when it could not be read.
  Result<std::string> Read(const std::string& path, std::uint64_t limit = 1U << 30U);
  // The file is an input.
  void Note(const std::string& path);
  // So are the provider's file, and whatever its settings name: inventory, secrets.
  void Note(const ProviderConfig& config);
  // kInvalidInput when writing to `path` would replace an input.
  Status RefuseInput(const std::string& path) const;
  // As WriteFileDurably; refuses inputs.
  Status Write(const std::string& path, std::string_view contents) const;

 private:
  std::map<std::pair<dev_t, ino_t>, std::string> inputs_;  // each by its first name
};

}  // namespace holdfast::cli
