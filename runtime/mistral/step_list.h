#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "plugins/sdk/bundle.h"
#include "plugins/sdk/result.h"
#include "runtime/local/step_list.h"
#include "runtime/mistral/definition_file.h"

namespace holdfast::mistral {

struct ListOptions {
  std::map<std::string, std::string> parameters;  // the inputs of the first workflow
  std::string run_id;                             // the execution's id
  std::string step_binary;
};

// All steps of a workflow and of what it starts, as `holdfast step` and `holdfast explain` show and run them: in the order
// in which they stand, those of a sub-workflow where the task stands that starts it, under the name of that task and a
// '.'. `definitions`: the workflow first. A step's command is that of templates/mistral without --report, for a
// person to read what it logs; its gates are the bundle's, which the file does not have. Tasks that are no step (a noop that joins) are passed over:
// who waits for one waits for what it waits for. kInvalidInput for a task that starts what is not there, or what it is a
// part of.
Result<std::vector<local::ListedStep>> ListSteps(std::span<const Definition> definitions,
                                                 const LoadedBundle& bundle,
                                                 const ListOptions& options);

}  // namespace holdfast::mistral
