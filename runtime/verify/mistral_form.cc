#include "runtime/verify/mistral_form.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <utility>

#include "plugins/sdk/mistral_words.h"
#include "plugins/sdk/text.h"
#include "runtime/mistral/definition_owner.h"
#include "runtime/verify/run_settings.h"
#include "runtime/verify/shown_value.h"

namespace holdfast::verify {
namespace {

namespace words = mistral_words;
using mistral::Definition;
using mistral::Task;

// What a task of a role has beside its links; null: it has no such field, and the definition's default holds.
struct Form {
  std::string_view action;
  Value input;
  Value fail_on;
  Value retry;
  Value timeout;
};

constexpr std::string_view kFailFast = "fail-fast";
constexpr std::string_view kPartial = "partial";

// A field that is not there has no place; then it is its owner's.
Position PositionOf(const Value& field, const Position& owner) {
  return field.key_position().line == 0 ? owner : field.key_position();
}

Value HandedOn(bool is_first) {
  Value out;
  for (const words::HandedOn& one : words::kHandedOn) {
    const bool is_run = is_first && one.name == "run";
    out.Set(one.name, is_run ? words::kExecution : one.expression);
  }
  return out;
}

Form FormOf(const Task& task, TaskRole role) {
  const Value once = Value().Set("count", 0).Set("delay", 0);
  switch (role) {
    case TaskRole::kBegin:
      return {words::kStepAction,
              Value()
                  .Set("command", words::kBegin)
                  .Set("fail_fast", words::kFailFast)
                  .Set("partial", words::kPartial),
              {},
              {},
              {}};
    case TaskRole::kEnd:
      return {words::kStepAction,
              Value().Set("command", words::kEnd),
              words::kStepOrAnyTaskFailed,
              {},
              {}};
    case TaskRole::kGate:
      if (task.action == words::kNoAction)
        return {words::kNoAction, {}, words::kNeverFails, once, {}};
      // Whether it asks the right steps is held to the bundle.
      return {words::kStepAction,
              Value().Set("command", words::kGate).Set("step", mistral::InputOf(task, "step")),
              {},
              {},
              {}};
    case TaskRole::kVerdict:
      return {words::kNoAction, {}, words::kAnyTaskFailed, once, {}};
    case TaskRole::kPart:
      return {{}, HandedOn(false), words::kNeverFails, once, words::kNoTimeout};
    case TaskRole::kStep:
      break;
  }
  return {words::kStepAction, Value().Set("step", task.name), {}, {}, {}};
}

class Reviewer {
 public:
  std::vector<std::string> Run(std::span<const Definition> definitions) {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < definitions.size(); ++i) {
      definition_ = &definitions[i];
      here_ = Printable(definition_->name);
      ReviewName(definitions.front());
      if (!names.insert(definition_->name).second)
        FaultAt(definition_->position, here_ + " is there more than once");
      Review(definitions[i], i == 0);
    }
    return std::move(faults_);
  }

 private:
  void FaultAt(const Position& position, const std::string& what) {
    faults_.push_back(fmt::format("{}: {}", PlaceOf(*definition_, position), what));
  }

  void Review(const Definition& here, bool is_first) {
    ReviewInputs(here, is_first);
    Compare(here_, here.position, "vars", here.variables, HandedOn(is_first));
    ReviewDefaults(here);
    std::array<bool, 2> is_framed{};
    for (const Task& task : here.tasks) {
      const TaskRole role = RoleOf(task, is_first);
      if (role == TaskRole::kBegin || role == TaskRole::kGate) is_framed[0] = true;
      if (role == TaskRole::kEnd || role == TaskRole::kVerdict) is_framed[1] = true;
      ReviewTask(task, role);
    }
    if (!is_framed[0]) Missing(is_first ? words::kBegin : words::kGate);
    if (!is_framed[1]) Missing(is_first ? words::kEnd : words::kVerdict);
  }

  // Mistral knows a workflow by its name, whosever it is: a part under another's would take its place. That of the first
  // one is the plan's.
  void ReviewName(const Definition& first) {
    if (definition_ == &first || definition_->name.starts_with(first.name + ".")) return;
    FaultAt(definition_->position,
            fmt::format("{} is no name of a part of {}", here_, Printable(first.name)));
  }

  void Missing(std::string_view task) {
    FaultAt(definition_->position, fmt::format("{} has no task '{}'", here_, task));
  }

  void ReviewInputs(const Definition& here, bool is_first) {
    std::set<std::string> missing;
    for (const words::HandedOn& one : words::kHandedOn) missing.emplace(one.name);
    if (is_first) missing.insert({std::string(kFailFast), std::string(kPartial)});
    if (is_first) missing.erase("run");
    // An earlier build wrote none.
    std::string of_bundle;
    for (const mistral::Input& input : here.inputs) {
      if (is_first && input.name == "bundle" && input.value && input.value->is_string())
        of_bundle = words::BundleInputOf(input.value->AsString());
    }
    for (const mistral::Input& input : here.inputs) {
      if (is_first && input.name.starts_with(words::kBundleInput)) {
        ReviewBundleInput(input, of_bundle);
        continue;
      }
      if (missing.erase(input.name) == 0) {
        FaultAt(input.position, fmt::format("{} has an input {}, which nothing reads", here_,
                                            Printable(input.name)));
        continue;
      }
      // The bundle's is held to what it names where the file is opened, the provider's to the bundle's.
      if (input.value.has_value() != is_first)
        FaultAt(input.position, fmt::format("input {} of {} has {} default", Printable(input.name),
                                            here_, input.value ? "a" : "no"));
      if (input.name == "record" && input.value && *input.value != Value(""))
        FaultAt(
            input.position,
            fmt::format("input record of {} has a default: every run would be that of another one",
                        here_));
    }
    for (const std::string& name : missing)
      FaultAt(here.position, fmt::format("{} has no input {}", here_, name));
  }

  // Whoever starts the workflow says it by the bundle's hash, and who says nothing takes its default.
  void ReviewBundleInput(const mistral::Input& input, const std::string& of_bundle) {
    if (input.name != of_bundle) {
      FaultAt(input.position, fmt::format("{} has an input {}, which is not that of its bundle: {}",
                                          here_, Printable(input.name), Printable(of_bundle)));
    } else if (!input.value || *input.value != Value(true)) {
      FaultAt(input.position, fmt::format("input {} of {} has {}, not true", input.name, here_,
                                          input.value ? TextOf(*input.value) : "no default"));
    }
  }

  void ReviewDefaults(const Definition& here) {
    const Value& defaults = here.task_defaults;
    // Its own numbers, if they are some.
    const auto count = [](const Value* value) {
      return value != nullptr && value->is_int() && value->AsInt() >= 0 ? *value : Value(0);
    };
    const Value* const retry = defaults.Find("retry");
    const Value tries = count(retry == nullptr ? nullptr : retry->Find("count"));
    const Value delay = count(retry == nullptr ? nullptr : retry->Find("delay"));
    Compare(here_, here.position, "task-defaults", defaults,
            Value()
                .Set("fail-on", words::kNotSucceeded)
                .Set("retry",
                     Value().Set("count", tries).Set("delay", delay).Set("break-on", words::kFinal))
                .Set("timeout", count(defaults.Find("timeout"))));
    if (delay.AsInt() >= limits::kShortestDelay.count() &&
        delay.AsInt() <= limits::kLongestDelay.count())
      return;
    FaultAt(
        PositionOf(delay, PositionOf(defaults, here.position)),
        fmt::format("the 'delay' of 'retry' of {} is {} s, and may be {} to {} s", here_,
                    delay.AsInt(), limits::kShortestDelay.count(), limits::kLongestDelay.count()));
  }

  void ReviewTask(const Task& task, TaskRole role) {
    const std::string name = fmt::format("task {} of {}", Printable(task.name), here_);
    const Form form = FormOf(task, role);
    if (role != TaskRole::kPart && task.action != form.action) {
      FaultAt(task.position,
              fmt::format("{} calls {}, not {}", name, Printable(task.action), form.action));
      return;  // the others are then those of another role
    }
    Compare(name, task.position, "input", task.input, form.input);
    Compare(name, task.position, "fail-on", task.fail_on, form.fail_on);
    Compare(name, task.position, "retry", task.retry, form.retry);
    Compare(name, task.position, "timeout", task.timeout, form.timeout);
  }

  void Compare(const std::string& whose, const Position& owner, std::string_view field,
               const Value& is, const Value& should) {
    if (is == should) return;
    std::string what;
    if (should.is_null()) {
      what = fmt::format("{} has '{}', which its like never have: {}", whose, field, TextOf(is));
    } else if (is.is_null()) {
      what = fmt::format("{} has no '{}': {}", whose, field, TextOf(should));
    } else {
      what = fmt::format("{} has '{}' {}, not {}", whose, field, TextOf(is), TextOf(should));
    }
    FaultAt(PositionOf(is, owner), what);
  }

  const Definition* definition_ = nullptr;  // the one that is looked at. Not owned
  std::string here_;                        // its name
  std::vector<std::string> faults_;
};

}  // namespace

std::string PlaceOf(const Definition& here, const Position& position) {
  return fmt::format("{}:{}", Printable(here.file.substr(here.file.rfind('/') + 1)), position.line);
}

TaskRole RoleOf(const Task& task, bool is_first) {
  if (!task.workflow.empty()) return TaskRole::kPart;
  if (task.name == (is_first ? words::kBegin : words::kGate))
    return is_first ? TaskRole::kBegin : TaskRole::kGate;
  if (task.name == (is_first ? words::kEnd : words::kVerdict))
    return is_first ? TaskRole::kEnd : TaskRole::kVerdict;
  return TaskRole::kStep;
}

std::vector<std::string> FormFaults(std::span<const Definition> definitions) {
  return Reviewer().Run(definitions);
}

std::vector<SaidSetting> SettingsIn(std::span<const Definition> definitions) {
  using Kind = SaidSetting::Kind;
  std::vector<SaidSetting> out;
  const Definition& first = definitions.front();
  out.push_back({Kind::kName, first.name, "the workflow's name", PlaceOf(first, first.position)});
  for (const Definition& here : definitions) {
    const auto add = [&](Kind kind, const Value* value, std::string_view name) {
      if (value == nullptr) return;
      out.push_back({kind, *value, fmt::format("{} of {}", name, Printable(here.name)),
                     PlaceOf(here, value->position())});
    };
    for (const mistral::Input& input : here.inputs) {
      if (!input.value) continue;
      if (input.name == kFailFast) add(Kind::kFailFast, &*input.value, "input fail-fast");
      if (input.name == kPartial) add(Kind::kPartial, &*input.value, "input partial");
    }
    // An earlier build wrote none.
    if (Value::List owner = mistral::OwnerTags(here.tags); !owner.empty()) {
      out.push_back({Kind::kOwner, std::move(owner),
                     fmt::format("'tags' of {}", Printable(here.name)),
                     PlaceOf(here, here.tags.position())});
    }
    if (const Value* const retry = here.task_defaults.Find("retry"))
      add(Kind::kRetries, retry->Find("count"), "the 'count' of 'retry'");
    add(Kind::kTimeout, here.task_defaults.Find("timeout"), "'timeout'");
  }
  return out;
}

}  // namespace holdfast::verify
