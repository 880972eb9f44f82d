#pragma once

#include <optional>
#include <string>
#include <vector>

#include "plugins/exec/executable.h"
#include "plugins/sdk/descriptor.h"
#include "plugins/sdk/protectable_plugin.h"
#include "plugins/sdk/protection_plugin.h"
#include "plugins/sdk/value.h"

namespace holdfast::plugins::exec {

// One rule of a description: the answer for activities that it fits. The first that fits counts;
// where none does, the answer is a step of its own.
struct ChoiceRule {
  std::optional<Operation> operation;  // none: every
  std::optional<ActivityKind> activity;
  std::string type;  // empty: every
  // "extra.NAME" or "parameters.NAME" -> the value that it must have.
  std::vector<std::pair<std::string, Value>> when;
  StepChoice::Kind answer = StepChoice::Kind::kOwn;
  std::string key;  // of kAggregate: text with {id}, {extra.NAME} and {parameters.NAME} in it
};

// What an executable says of itself.
struct Description {
  PluginDescriptor descriptor;            // its name is the whole "exec:PATH"
  std::vector<std::string> own_settings;  // the names of settings that are the plugin's, not ours
  std::vector<ChoiceRule> choices;
  std::vector<ProtectableDescriptor> protectables;
  bool checks = false;  // it answers the call `check`
};

// The settings that every exec plugin has, beside its own and the poll settings.
struct CallSettings {
  std::chrono::milliseconds call_timeout{std::chrono::seconds(60)};
  std::chrono::milliseconds stop_grace{std::chrono::seconds(5)};
  std::chrono::milliseconds clean_up_timeout{std::chrono::seconds(10)};
  template <class Fields>
  static void Describe(Fields& fields) {
    fields("call_timeout", &CallSettings::call_timeout,
           "how long one call of the executable may take, activities excepted")
        .Range(10, 3'600'000);
    fields("stop_grace", &CallSettings::stop_grace,
           "how long the executable has between SIGTERM and SIGKILL")
        .Range(10, 600'000);
    fields("clean_up_timeout", &CallSettings::clean_up_timeout,
           "how long the call clean-up may take after an activity that was stopped or crashed")
        .Range(10, 600'000);
  }
};

// Runs `describe`. Every fault is kInvalidInput, kDenied, kUnavailable or kInternal, never
// kNotFound.
Result<Description> Describe(const Executable& executable, ProcessRunner& processes, Logger& log);
// What the field "plugin" of the answer says; for Describe, and tests.
Result<Description> DescriptionFromValue(const Executable& executable, Value plugin);

// The answer of the rules; a pure function. kInvalidInput when a key's place has no text or number
// in this resource.
Result<StepChoice> ChooseByRules(const std::vector<ChoiceRule>& rules, Operation operation,
                                 ActivityKind kind, const Resource& resource,
                                 const Value& parameters);

}  // namespace holdfast::plugins::exec
