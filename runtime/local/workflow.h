#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"
#include "runtime/local/depends.h"
#include "runtime/local/expression.h"
#include "runtime/local/source_file.h"
#include "runtime/local/text_template.h"

// A workflow as plain data: what workflow_file.h reads, the scheduler runs and step_list.h lists.
namespace holdfast::local {

struct PlacedText {
  TextTemplate text;
  Position position;
};

struct NamedText {
  std::string name;
  PlacedText value;
};

// An input of a template or a parameter of the workflow; without `value` a caller has to give one.
struct Parameter {
  std::string name;
  std::optional<PlacedText> value;
  Position position;
};

struct RetryStrategy {
  enum class Policy : std::uint8_t { kAlways, kOnFailure, kOnError };
  std::optional<std::int64_t> limit;     // tries after the first; none = without end
  std::optional<PlacedText> limit_text;  // instead, a text with variables that gives it
  Policy policy = Policy::kOnFailure;
  std::optional<Expression> expression;  // true = try again
  // Wait before try n+1 (n from 1): first * factor^(n-1), at most `cap`.
  std::chrono::milliseconds first_wait{0};
  std::int64_t factor = 1;
  std::optional<std::chrono::milliseconds> cap;

  std::chrono::milliseconds WaitAfter(std::uint32_t tries) const;
};

struct Container {
  std::vector<PlacedText> command;
  std::vector<PlacedText> args;
  std::vector<NamedText> environment;  // only entries with a value of their own
};

inline constexpr std::uint32_t kNoChild = 0xFFFFFFFFU;

// Which template to run, with which arguments.
struct TemplateCall {
  std::uint32_t template_index = 0;  // into Workflow::templates
  // Into Workflow::children: it starts that, and template_index is what runs in there.
  std::uint32_t child = kNoChild;
  std::vector<NamedText> arguments;
  // As it stands in the file; `document` is empty for a template beside the caller.
  std::string document;
  std::string name;
  Position position;
};

struct Task {
  std::string name;
  TemplateCall call;
  DependsExpression depends;
  std::string depends_text;  // as it stands in the file; a `dependencies` list joined by " && "
  std::optional<PlacedText> when;
  std::optional<TemplateCall> exit_hook;
  std::vector<std::uint32_t> dependents;  // tasks that name this one, in file order
  bool needed = false;                    // a target, or upstream of one: others never start
  Position position;

  // Its `when` is the word false: it makes no pod and stands for what it depends on.
  bool IsBarrier() const;
};

struct DagTemplate {
  std::vector<Task> tasks;
  std::vector<std::uint32_t> targets;  // in the order in which they decide the verdict
  std::vector<std::uint32_t> order;    // every task after all that it depends on
  bool fail_fast = true;
};

// A template that starts another Workflow: its manifest, a text with the template's inputs in it.
struct ChildTemplate {
  std::string manifest;
  Position position;
};

// A Workflow that a task starts. On this machine its WorkflowTemplate is run in its place, with the
// child's own parameters.
struct ChildWorkflow {
  PlacedText name;
  std::vector<NamedText> parameters;  // all that it has; their texts know what the caller's do
};

// A DAG, a container, or a child Workflow, which calls are resolved to: none is left that runs one.
struct Template {
  std::string name;
  std::uint32_t source = 0;  // into Workflow::sources
  std::string document;      // the WorkflowTemplate that it stands in; empty: the file's own
  std::vector<Parameter> inputs;
  std::optional<DagTemplate> dag;
  std::optional<Container> container;
  std::optional<ChildTemplate> child;
  std::optional<RetryStrategy> retry;
  std::vector<std::string> mutexes;
  std::optional<std::chrono::seconds> active_deadline;  // of one try
  std::optional<PlacedText> active_deadline_text;  // instead, a text with variables that gives it
  Position position;
};

struct Workflow {
  // [0] is the file itself. References into it last while it grows.
  std::deque<SourceFile> sources;
  std::string kind;  // Workflow or WorkflowTemplate
  std::string name;  // or generate_name
  std::string generate_name;
  std::string name_space;
  std::string uid;  // of metadata; a run gives its own
  std::vector<Parameter> parameters;
  std::vector<Template> templates;
  std::vector<ChildWorkflow> children;
  TemplateCall entrypoint;
  std::optional<TemplateCall> on_exit;
  std::optional<std::int64_t> parallelism;
  std::optional<std::chrono::seconds> active_deadline;
  std::string sha256;  // of every file that it was read from

  // The name of one run: generate_name is completed by five characters of the run's id.
  std::string NameOfRun(std::string_view run_id) const;
};

// The values of the workflow's parameters: `given` goes over the file's. kInvalidInput for a name
// that the workflow does not have, for one without any value, for a value with "{{" in it, and for
// one of which a template makes a number (retries, a deadline) that is none.
Result<std::map<std::string, std::string>> ResolveParameters(
    const Workflow& workflow, const std::map<std::string, std::string>& given);

}  // namespace holdfast::local
