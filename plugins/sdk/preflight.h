#pragma once

#include <string>
#include <vector>

#include "plugins/sdk/error.h"
#include "plugins/sdk/result.h"

// What the preflights of plugins (ProtectionPlugin::Check) have in common. Nothing here changes
// anything.
namespace holdfast {

// The problems that one preflight has found.
class Problems {
 public:
  // Notes what went wrong; true when nothing did.
  bool Note(Status status) {
    if (status) return true;
    found_.push_back(std::move(status).error());
    return false;
  }
  void Note(Error error) { found_.push_back(std::move(error)); }
  std::vector<Error> Take() { return std::move(found_); }

 private:
  std::vector<Error> found_;
};

// Is there such a folder, and may this process make files in it? `what` is for the error: "the
// staging folder".
Status RequireWritableFolder(const std::string& folder, const std::string& what);
// Would `program` (looked up in PATH without a '/') be found, and may it be run?
Status RequireProgram(const std::string& program);

}  // namespace holdfast
