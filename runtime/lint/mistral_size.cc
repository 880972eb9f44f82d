#include "runtime/lint/mistral_size.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string>

#include "runtime/lint/mistral_shorthand.h"

namespace holdfast::lint {
namespace {

using local::SourceFile;

// It is refused from 1,025 KiB on, of which Python takes 49 bytes for itself.
constexpr std::size_t kTooLarge = std::size_t{1025} * 1024 - 49;

// Python's '...' of it, which shows some characters with more than one.
std::size_t LengthOf(std::string_view text) {
  return 2 + static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
           return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
         }));
}

// How long what Python shows of it is at least. What an expression makes may be short.
std::size_t LeastLength(const Value& value) {
  if (value.is_string()) return HasExpression(value.AsString()) ? 0 : LengthOf(value.AsString());
  if (!value.is_list() && !value.is_map()) return 1;
  std::size_t length = 2;
  std::size_t members = 0;
  const auto add = [&](std::size_t member) { length += member + (members++ == 0 ? 0 : 2); };
  if (value.is_list()) {
    for (const Value& one : value.AsList()) add(LeastLength(one));
  } else {
    for (const auto& [key, one] : value.AsMap()) add(LengthOf(key) + 2 + LeastLength(one));
  }
  return length;
}

class Walk {
 public:
  Walk(const SourceFile& source, const MistralWorkflows& workflows)
      : source_(source), workflows_(workflows) {}

  Findings Workflow(const Value& workflow, const Value& tasks) {
    // Who starts it may say something else.
    if (const Value* const inputs = workflow.Find("input");
        inputs != nullptr && inputs->is_list()) {
      Value defaults(Value::Map{});
      for (const Value& one : inputs->AsList()) Set(defaults, one);
      Check(*inputs, "input", "input", LeastLength(defaults), Severity::kWarning);
    }
    for (const auto& [name, task] : tasks.AsMap()) {
      if (task.is_map()) Task(name, task);
    }
    return std::move(found_);
  }

 private:
  void Task(const std::string& name, const Value& task) {
    Inputs(name, task);
    Evaluated(task, "publish", Severity::kError);
    Evaluated(task, "publish-on-error", Severity::kWarning);
    for (const char* const key : {"on-success", "on-complete", "on-error"}) {
      const Value* const clause = task.Find(key);
      const Value* const publish = clause == nullptr ? nullptr : clause->Find("publish");
      // What is published to the whole run is not looked at.
      if (publish == nullptr) continue;
      Evaluated(*publish, "branch",
                key == std::string_view("on-error") ? Severity::kWarning : Severity::kError);
    }
  }

  // Of a workflow, with the defaults of what is not given.
  void Inputs(const std::string& name, const Value& task) {
    Value inputs(Value::Map{});
    const Value* const workflow = task.Find("workflow");
    const Value* const call = workflow == nullptr ? task.Find("action") : workflow;
    MistralShorthand shorthand;
    if (call != nullptr && call->is_string()) shorthand = CutShorthand(call->AsString());
    if (const auto called = workflows_.find(std::string(shorthand.word));
        workflow != nullptr && called != workflows_.end()) {
      const Value* const defaults = called->second->Find("input");
      if (defaults != nullptr && defaults->is_list()) {
        for (const Value& one : defaults->AsList()) Set(inputs, one);
      }
    }
    for (const auto& [input, written] : shorthand.inputs)
      inputs.Set(input, InputOfShorthand(written));
    if (const Value* const given = task.Find("input")) Set(inputs, *given);
    Check(task, name, "input", LeastLength(inputs), Severity::kError);
  }

  static void Set(Value& inputs, const Value& more) {
    if (!more.is_map()) return;
    for (const auto& [key, value] : more.AsMap()) inputs.Set(key, value);
  }

  void Evaluated(const Value& map, const char* key, Severity severity) {
    if (const Value* const value = map.Find(key); value != nullptr && value->is_map())
      Check(*value, key, key, LeastLength(*value), severity);
  }

  void Check(const Value& value, std::string_view key, std::string_view what, std::size_t length,
             Severity severity) {
    if (length < kTooLarge) return;
    found_.push_back(
        {"too-large",
         source_
             .AtKey(value, key,
                    fmt::format("'{}' has {} KiB, and Mistral keeps at most 1024 of it: the run "
                                "breaks over it",
                                what, length / 1024))
             .Hint("keep it elsewhere; a site may allow more (execution_field_size_limit_kb)"),
         severity});
  }

  const SourceFile& source_;
  const MistralWorkflows& workflows_;
  Findings found_;
};

}  // namespace

Findings CheckSizes(const SourceFile& source, const Value& workflow, const Value& tasks,
                    const MistralWorkflows& workflows) {
  // Python shows a list of single letters with some more characters than a file needs for it.
  if (source.text.size() < kTooLarge / 4) return {};
  return Walk(source, workflows).Workflow(workflow, tasks);
}

}  // namespace holdfast::lint
