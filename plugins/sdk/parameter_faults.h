#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugins/sdk/error.h"
#include "plugins/sdk/result.h"

// What is wrong with the parameters of one resource beyond their schema, as the Validate of a
// plugin says it. Nothing here looks at anything but its arguments.
namespace holdfast {

struct ParameterFault {
  std::string parameter;            // the one to change; empty: what the graph says of the resource
  std::optional<std::size_t> item;  // of a list: which of its items, from 0
  Error error;                      // kInvalidInput
};

// The faults that are found in one resource's parameters: all of them, in the order of the notes.
class ParameterFaults {
 public:
  // Notes what is wrong with `parameter`; true when nothing is.
  bool Note(std::string_view parameter, Status status, std::optional<std::size_t> item = {}) {
    if (status) return true;
    found_.push_back({std::string(parameter), item, std::move(status).error()});
    return false;
  }
  // The same of what the resource graph says of the resource.
  bool NoteResource(Status status) { return Note({}, std::move(status)); }
  std::vector<ParameterFault> Take() { return std::move(found_); }

 private:
  std::vector<ParameterFault> found_;
};

// What an activity that is given such parameters fails with: the first fault, the others its
// causes. Ok when there are none.
Status RefuseFaults(std::vector<ParameterFault> faults);

// kInvalidInput unless `path` is absolute and without a NUL byte, which would cut it short. `what`
// is for the error: "staging".
Status RequireAbsolutePath(std::string_view path, std::string_view what);

}  // namespace holdfast
