#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "plugins/sdk/result.h"

namespace holdfast::local {

// A container step of a workflow file, as `holdfast step list|show|run` needs it.
struct ListedStep {
  std::string name;  // path below the workflow: "a-pre", "region.b-pre", "onExit"
  std::string task;  // the task's own name
  std::string template_name;
  std::vector<std::string> command;  // with the step binary of the options put in
  std::vector<std::string> args;
  // of the file; goes over the caller's own
  std::vector<std::pair<std::string, std::string>> environment;
  std::string depends;  // as it stands in the file
  // Paths of the tasks that must have Succeeded, as far as the file says it, and of all that it waits
  // for, gates included. A task that calls another DAG stands for all steps whose paths begin with its.
  // What the templates wait for that it stands in comes first, the outermost one's before the others'.
  std::vector<std::string> gates;
  std::vector<std::string> order;
  bool exit_handler = false;
  bool never =
      false;  // its `when` is false, or nothing that decides the verdict needs it: no process
  std::uint32_t line = 0;  // of the task in its file
};

struct ListOptions {
  std::string file;
  std::vector<std::string> template_folders;
  std::map<std::string, std::string> parameters;
  std::string run_id;       // {{workflow.uid}}
  std::string step_binary;  // as in RunOptions
  // {{workflow.status}} of the exit handler. Of a step that is run by itself no engine knows more.
  std::string status = "Running";
};

// All steps of a file, in the order in which they stand there: a nested DAG's where its task
// stands, the exit handler last. Errors as of ReadWorkflowFile and ResolveParameters. A parameter
// without value is no error here: it is listed as an empty text.
Result<std::vector<ListedStep>> ListSteps(const ListOptions& options);

// Every step that comes after `step` (a path), directly or not: their places in `steps`.
std::vector<std::size_t> StepsAfter(const std::vector<ListedStep>& steps, const std::string& step);

// Every step that `step` comes after, directly or not.
std::vector<std::size_t> StepsBefore(const std::vector<ListedStep>& steps, const std::string& step);

// The step of that path; of the only path that ends with it when `name` is a task's own name.
// kNotFound (did you mean) or kUsage when several tasks are called so.
Result<ListedStep> FindStep(const std::vector<ListedStep>& steps, const std::string& name);

}  // namespace holdfast::local
