#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "plugins/sdk/value.h"
#include "runtime/local/step_process.h"

namespace holdfast::local {

// Follows the log of a step, from where it ends when this is made. Steps write to a file and not
// to a pipe, so that an engine that dies takes no step's log, and no step, with it.
class LogTail {
 public:
  explicit LogTail(std::string path);

  // The lines {"message_type":"progress",...} that were added. Other lines, and any that are no
  // JSON or longer than 64 KiB, are passed over. A log that cannot be read has none.
  std::vector<Value> ReadProgress();

 private:
  void TakeLine(std::vector<Value>& out);

  std::string path_;
  std::uint64_t offset_ = 0;
  Descriptor file_;
  std::string line_;  // without its end yet
  bool too_long_ = false;
};

}  // namespace holdfast::local
