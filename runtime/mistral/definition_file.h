#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"
#include "runtime/local/source_file.h"

namespace holdfast::mistral {

// A task of a direct workflow of OpenStack Mistral (DSL v2), as far as Holdfast writes it.
struct Task {
  std::string name;
  std::string action;    // one of these two, the other one is empty
  std::string workflow;  // a sub-workflow's name
  Value input;           // a map, or null
  bool join_all = false;
  std::vector<std::string> on_success;
  std::vector<std::string> on_error;
  std::vector<std::string> on_complete;
  // As they stand there; null: they do not.
  Value fail_on;
  Value retry;
  Value timeout;
  Position position;
};

struct Input {
  std::string name;
  std::optional<Value> value;  // its default; none: whoever starts it has to give one
  Position position;
};

struct Definition {
  std::string name;
  std::string file;
  std::vector<Input> inputs;
  Value tags;               // as they stand there; null: they do not
  Value variables;          // the same
  Value task_defaults;      // the same
  std::vector<Task> tasks;  // in the order of their names
  Position position;

  const Task* Find(std::string_view task) const;
};

// What a step does: "run", "begin", "end", "gate"; empty for a task that is none.
std::string StepCommandOf(const Task& task);
// A text among a task's inputs; empty where there is none.
std::string InputOf(const Task& task, std::string_view name);

// Whether a text is one of Mistral's, by its top-level keys, however they are written: it has `version` and no `apiVersion`.
// Where those stand at the beginning of lines it need not be YAML otherwise.
bool IsMistralFile(std::string_view text);
// The same of a request for a cron trigger: it has `workflow_name`, and neither of those two.
bool IsTriggerFile(std::string_view text);

// The workflows in a file. kInvalidInput with file and line for what Holdfast would not write: an unknown
// field, a link with a condition, a workflow that is not direct.
Result<std::vector<Definition>> ReadDefinitions(const local::SourceFile& source);
// Those of several files, in their order.
Result<std::vector<Definition>> ReadDefinitions(std::span<const local::SourceFile> sources);

}  // namespace holdfast::mistral
