#include "runtime/local/workflow_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "plugins/sdk/text.h"
#include "runtime/local/pod_command.h"
#include "runtime/local/step_program.h"

namespace holdfast::local {
namespace {

constexpr std::uint64_t kMaxSteps = 1'000'000;
constexpr std::uint32_t kMaxDepth = 100;
// Where a template is used: the same one may be fine in one place and not in another.
struct Use {
  std::uint32_t template_index;
  bool on_exit;  // below the workflow's exit handler: workflow.status is known
  bool task;     // called by a task: tasks.name is known
  std::uint32_t
      child;  // the child Workflow that it stands in, whose parameters are known; or kNoChild

  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 sees a 0 in the defaulted comparison.
  friend auto operator<=>(const Use&, const Use&) = default;
};

// Is it the template that runs `holdfast-step COMMAND`? By the name that compiled files call it by,
// or by what its container runs.
bool IsStep(const Template& made, std::string_view command) {
  if (!made.container) return false;
  if (made.document == kStepTemplates && made.name == command) return true;
  const auto word = [&made](std::size_t index) -> std::string_view {
    const auto& words = made.container->command;
    if (index < words.size()) return words[index].text.source();
    index -= words.size();
    const auto& args = made.container->args;
    return index < args.size() ? std::string_view(args[index].text.source()) : "";
  };
  return IsStepProgram(word(0)) && word(1) == command;
}

class Checker {
 public:
  explicit Checker(const Workflow& workflow) : workflow_(workflow) {}

  Status Check() {
    std::vector<std::uint32_t> roots{workflow_.entrypoint.template_index};
    if (workflow_.on_exit) roots.push_back(workflow_.on_exit->template_index);
    HOLDFAST_RETURN_IF_ERROR(CheckSize(roots));
    HOLDFAST_RETURN_IF_ERROR(CheckParameters());
    HOLDFAST_RETURN_IF_ERROR(
        CheckCall(workflow_.sources[0], workflow_.entrypoint, nullptr,
                  {workflow_.entrypoint.template_index, false, false, kNoChild}));
    if (workflow_.on_exit) {
      HOLDFAST_RETURN_IF_ERROR(
          CheckCall(workflow_.sources[0], *workflow_.on_exit, nullptr,
                    {workflow_.on_exit->template_index, true, false, kNoChild}));
    }
    HOLDFAST_RETURN_IF_ERROR(CheckTemplates());
    return CheckExit();
  }

  Status CheckAsLibrary() {
    library_ = true;
    std::vector<std::uint32_t> roots;
    for (std::uint32_t i = 0; i < workflow_.templates.size(); ++i) {
      const Template& made = workflow_.templates[i];
      // One that starts a child Workflow is looked at where it is called, with what it is given.
      if (made.document.empty() && !made.child) roots.push_back(i);
    }
    HOLDFAST_RETURN_IF_ERROR(CheckSize(roots));
    HOLDFAST_RETURN_IF_ERROR(CheckParameters());
    for (const std::uint32_t root : roots) {
      const Use use{root, true, true, kNoChild};
      if (seen_.insert(use).second) todo_.push_back(use);
    }
    return CheckTemplates();
  }

 private:
  Status CheckParameters() const {
    for (const Parameter& parameter : workflow_.parameters) {
      if (!parameter.value) continue;
      if (!parameter.value->text.Variables().empty()) {
        return workflow_.sources[0]
            .At(parameter.value->position,
                fmt::format("the value of parameter '{}' contains '{{{{'", parameter.name))
            .Hint("a parameter of the workflow is a plain text");
      }
    }
    return Ok();
  }

  Status CheckTemplates() {
    while (!todo_.empty()) {
      const Use use = todo_.back();
      todo_.pop_back();
      HOLDFAST_RETURN_IF_ERROR(CheckTemplate(use));
    }
    return Ok();
  }

  const SourceFile& SourceOf(const Template& made) const { return workflow_.sources[made.source]; }

  // What `begin` has begun, `end` brings to its end: clean-ups, verdict, lease. In a file that was
  // changed since it was compiled nothing would, and every run of it would look good.
  Status CheckExit() const {
    const auto runs = [this](std::string_view command, bool on_exit) {
      return std::any_of(seen_.begin(), seen_.end(), [&](const Use& use) {
        return use.on_exit == on_exit && IsStep(workflow_.templates[use.template_index], command);
      });
    };
    if (!runs("begin", false) || runs("end", true)) return Ok();
    return workflow_.sources[0]
        .At(workflow_.on_exit ? workflow_.on_exit->position : workflow_.entrypoint.position,
            workflow_.on_exit
                ? "'onExit' does not run the 'end' of the run that the workflow begins"
                : "'onExit' is missing: nothing would end the run that the workflow begins",
            workflow_.on_exit ? workflow_.on_exit->name.size() : workflow_.entrypoint.name.size())
        .Hint("compile it again: the clean-ups and the verdict of a run are those of its 'onExit'");
  }

  // Depth first, with a stack of its own: which templates are inside which.
  Status CheckSize(const std::vector<std::uint32_t>& roots) {
    enum class Colour : std::uint8_t { kWhite, kGrey, kBlack };
    std::vector<Colour> colours(workflow_.templates.size(), Colour::kWhite);
    steps_.assign(workflow_.templates.size(), 1);
    depth_.assign(workflow_.templates.size(), 1);
    for (const std::uint32_t root : roots) {
      if (colours[root] != Colour::kWhite) continue;
      struct Frame {
        std::uint32_t index;
        std::size_t next;
      };
      std::vector<Frame> stack{{root, 0}};
      colours[root] = Colour::kGrey;
      while (!stack.empty()) {
        Frame& frame = stack.back();
        const Template& made = workflow_.templates[frame.index];
        const std::size_t calls = made.dag ? made.dag->tasks.size() * 2 : 0;
        if (frame.next == calls) {
          HOLDFAST_RETURN_IF_ERROR(AddUp(frame.index));
          colours[frame.index] = Colour::kBlack;
          stack.pop_back();
          continue;
        }
        const Task& task = made.dag->tasks[frame.next / 2];
        const TemplateCall* call = frame.next % 2 == 0 ? &task.call
                                   : task.exit_hook    ? &*task.exit_hook
                                                       : nullptr;
        ++frame.next;
        if (call == nullptr || colours[call->template_index] == Colour::kBlack) continue;
        if (colours[call->template_index] == Colour::kGrey) {
          std::string cycle;
          bool inside = false;
          for (const Frame& step : stack) {
            inside = inside || step.index == call->template_index;
            if (inside) cycle += workflow_.templates[step.index].name + " -> ";
          }
          return SourceOf(made).At(
              call->position, fmt::format("a template contains itself: {}{}", cycle, call->name),
              call->name.size());
        }
        colours[call->template_index] = Colour::kGrey;
        stack.push_back({call->template_index, 0});
      }
    }
    return Ok();
  }

  Status AddUp(std::uint32_t index) {
    const Template& made = workflow_.templates[index];
    if (!made.dag) return Ok();
    for (const Task& task : made.dag->tasks) {
      steps_[index] += steps_[task.call.template_index];
      depth_[index] = std::max(depth_[index], depth_[task.call.template_index] + 1);
      if (task.exit_hook) {
        steps_[index] += steps_[task.exit_hook->template_index];
        depth_[index] = std::max(depth_[index], depth_[task.exit_hook->template_index] + 1);
      }
      if (steps_[index] > kMaxSteps) {
        return SourceOf(made).At(
            made.position,
            fmt::format("template '{}' comes to more than {} steps", made.name, kMaxSteps));
      }
    }
    if (depth_[index] > kMaxDepth) {
      return SourceOf(made).At(made.position,
                               fmt::format("more than {} templates inside each other", kMaxDepth));
    }
    return Ok();
  }

  bool HasParameter(std::uint32_t child, std::string_view name) const {
    if (child != kNoChild) {
      const auto& own = workflow_.children[child].parameters;
      return std::any_of(own.begin(), own.end(),
                         [name](const NamedText& p) { return p.name == name; });
    }
    if (library_) return true;  // who calls it has more
    return std::any_of(workflow_.parameters.begin(), workflow_.parameters.end(),
                       [name](const Parameter& p) { return p.name == name; });
  }

  // `caller` is the template in which the text stands; nullptr outside all templates.
  Status CheckText(const SourceFile& source, const PlacedText& text, const Template* caller,
                   const Use& use, bool leaf) const {
    for (const std::string& name : text.text.Variables()) {
      bool known =
          name == "workflow.name" || name == "workflow.namespace" || name == "workflow.uid";
      if (name == "workflow.status") known = use.on_exit;
      if (name == "tasks.name") known = leaf && use.task;
      if (name == "retries") known = leaf;
      constexpr std::string_view kParameter = "workflow.parameters.";
      constexpr std::string_view kInput = "inputs.parameters.";
      if (name.starts_with(kParameter))
        known = HasParameter(use.child, std::string_view(name).substr(kParameter.size()));
      if (name.starts_with(kInput) && caller != nullptr) {
        const std::string_view input = std::string_view(name).substr(kInput.size());
        known = std::any_of(caller->inputs.begin(), caller->inputs.end(),
                            [input](const Parameter& p) { return p.name == input; });
      }
      if (!known) {
        return source
            .At(text.position,
                fmt::format("there is no variable '{{{{{}}}}}' here", Printable(name)))
            .Hint(leaf ? "known are workflow.name, .namespace, .uid, .parameters.NAME, "
                         "inputs.parameters.NAME, "
                         "tasks.name in a template that a task calls, workflow.status below "
                         "onExit, retries"
                       : "known are workflow.name, .namespace, .uid, .parameters.NAME and "
                         "inputs.parameters.NAME");
      }
    }
    return Ok();
  }

  Status CheckCall(const SourceFile& source, const TemplateCall& call, const Template* caller,
                   const Use& use) {
    const Template& made = workflow_.templates[call.template_index];
    if (call.child != kNoChild) {
      const ChildWorkflow& child = workflow_.children[call.child];
      HOLDFAST_RETURN_IF_ERROR(CheckText(source, child.name, caller, use, false));
      for (const NamedText& parameter : child.parameters)
        HOLDFAST_RETURN_IF_ERROR(CheckText(source, parameter.value, caller, use, false));
      const Use inside{call.template_index, false, true, call.child};
      if (seen_.insert(inside).second) todo_.push_back(inside);
      return Ok();
    }
    for (const NamedText& argument : call.arguments) {
      std::vector<std::string> names;
      for (const Parameter& input : made.inputs) names.push_back(input.name);
      if (std::find(names.begin(), names.end(), argument.name) == names.end()) {
        const std::string near = Nearest(argument.name, names);
        return source
            .At(argument.value.position,
                fmt::format("template '{}' has no input '{}'", call.name, Printable(argument.name)))
            .Hint(near.empty() ? "" : fmt::format("did you mean '{}'?", near));
      }
      HOLDFAST_RETURN_IF_ERROR(CheckText(source, argument.value, caller, use, false));
    }
    for (const Parameter& input : made.inputs) {
      const bool given =
          input.value || std::any_of(call.arguments.begin(), call.arguments.end(),
                                     [&input](const NamedText& a) { return a.name == input.name; });
      if (!given) {
        return source.At(call.position,
                         fmt::format("template '{}' needs a value for its input '{}'", call.name,
                                     Printable(input.name)),
                         call.name.size());
      }
    }
    if (seen_.insert(use).second) todo_.push_back(use);
    return Ok();
  }

  Status CheckTemplate(const Use& use) {
    const Template& made = workflow_.templates[use.template_index];
    const SourceFile& source = SourceOf(made);
    for (const Parameter& input : made.inputs) {
      // A default may name the workflow's variables, not other inputs.
      if (input.value)
        HOLDFAST_RETURN_IF_ERROR(CheckText(source, *input.value, nullptr, use, false));
    }
    if (made.container) {
      for (const auto* texts : {&made.container->command, &made.container->args}) {
        for (const PlacedText& text : *texts)
          HOLDFAST_RETURN_IF_ERROR(CheckText(source, text, &made, use, true));
      }
      for (const NamedText& variable : made.container->environment) {
        HOLDFAST_RETURN_IF_ERROR(CheckText(source, variable.value, &made, use, true));
      }
      if (made.active_deadline_text)
        HOLDFAST_RETURN_IF_ERROR(CheckText(source, *made.active_deadline_text, &made, use, false));
      if (made.retry && made.retry->limit_text)
        HOLDFAST_RETURN_IF_ERROR(CheckText(source, *made.retry->limit_text, &made, use, false));
      return Ok();
    }
    for (const Task& task : made.dag->tasks) {
      if (task.when) HOLDFAST_RETURN_IF_ERROR(CheckWhen(source, task, made, use));
      HOLDFAST_RETURN_IF_ERROR(CheckCall(source, task.call, &made,
                                         {task.call.template_index, use.on_exit, true, use.child}));
      if (task.exit_hook) {
        HOLDFAST_RETURN_IF_ERROR(
            CheckCall(source, *task.exit_hook, &made,
                      {task.exit_hook->template_index, use.on_exit, false, use.child}));
      }
    }
    return Ok();
  }

  Status CheckWhen(const SourceFile& source, const Task& task, const Template& made,
                   const Use& use) const {
    HOLDFAST_RETURN_IF_ERROR(CheckText(source, *task.when, &made, use, false));
    const std::string_view text = Trim(task.when->text.source());
    if (text == "true" || text == "false" || !task.when->text.Variables().empty()) return Ok();
    return source
        .At(task.when->position,
            fmt::format("'when' of task '{}' is \"true\" or \"false\" here", task.name),
            text.size())
        .Hint("or one variable that is one of them");
  }

  const Workflow& workflow_;
  bool library_ = false;
  std::vector<std::uint64_t> steps_;
  std::vector<std::uint32_t> depth_;
  std::set<Use> seen_;
  std::vector<Use> todo_;
};

}  // namespace

Status CheckWorkflow(const Workflow& workflow) { return Checker(workflow).Check(); }

Status CheckLibrary(const Workflow& workflow) { return Checker(workflow).CheckAsLibrary(); }

namespace {

// A number of a template that is made of parameters of the workflow alone: what they give is known,
// and wrong, before anything has started. Of one that is made of anything else nobody knows yet.
Status CheckNumber(const Workflow& workflow, const Template& made, const PlacedText& text,
                   std::string_view what, std::int64_t least,
                   const std::map<std::string, std::string>& values,
                   const std::map<std::string, std::string>& given) {
  constexpr std::string_view kParameter = "workflow.parameters.";
  const std::vector<std::string> variables = text.text.Variables();
  std::vector<std::string> names;
  for (const std::string& variable : variables) {
    if (!variable.starts_with(kParameter)) return Ok();
    names.push_back(variable.substr(kParameter.size()));
    if (!values.contains(names.back())) return Ok();
  }
  if (names.empty()) return Ok();
  const auto number = FillInteger(
      text,
      [&](std::string_view name) {
        return &values.at(std::string(name.substr(kParameter.size())));
      },
      what, least);
  if (number) return Ok();
  const std::string& name = names.front();
  const auto declared =
      std::find_if(workflow.parameters.begin(), workflow.parameters.end(),
                   [&](const Parameter& parameter) { return parameter.name == name; });
  // A listing leaves open what the file leaves open.
  if (!declared->value && values.at(name).empty()) return Ok();
  const std::string message = fmt::format("parameter '{}': {}", name, number.error().message());
  const std::string use =
      fmt::format("it is used in {}:{}", workflow.sources[made.source].path, text.position.line);
  if (!given.contains(name)) {
    return workflow.sources[0].At(declared->position, message).Hint(use);
  }
  return InvalidInput(message).Hint(!declared->value
                                        ? use
                                        : fmt::format("{}; the workflow file has '{}'", use,
                                                      Printable(declared->value->text.source())));
}

}  // namespace

bool Task::IsBarrier() const { return when && Trim(when->text.source()) == "false"; }

std::string Workflow::NameOfRun(std::string_view run_id) const {
  if (!name.empty()) return name;
  std::string suffix;
  for (const char c : run_id) {
    if (suffix.size() < 5 && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))) suffix += c;
  }
  return generate_name + suffix;
}

std::chrono::milliseconds RetryStrategy::WaitAfter(std::uint32_t tries) const {
  constexpr std::int64_t kLongest = 24LL * 3600 * 1000;  // a day: nothing waits longer for a try
  std::int64_t wait = first_wait.count();
  for (std::uint32_t i = 1; i < tries && wait < kLongest && factor > 1; ++i) wait *= factor;
  wait = std::min(wait, kLongest);
  if (cap) wait = std::min<std::int64_t>(wait, cap->count());
  return std::chrono::milliseconds(wait);
}

Result<std::map<std::string, std::string>> ResolveParameters(
    const Workflow& workflow, const std::map<std::string, std::string>& given) {
  std::map<std::string, std::string> values;
  std::vector<std::string> names;
  for (const Parameter& parameter : workflow.parameters) names.push_back(parameter.name);
  for (const auto& [name, value] : given) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      const std::string near = Nearest(name, names);
      return InvalidInput(fmt::format("the workflow has no parameter '{}'", Printable(name)))
          .Hint(!near.empty()   ? fmt::format("did you mean '{}'?", near)
                : names.empty() ? "it has none"
                                : "it has " + Join(names, ", "));
    }
    if (value.find("{{") != std::string::npos) {
      return InvalidInput(fmt::format(
          "the value of parameter '{}' contains '{{{{', which Argo would interpret", name));
    }
  }
  for (const Parameter& parameter : workflow.parameters) {
    if (const auto found = given.find(parameter.name); found != given.end()) {
      values[parameter.name] = found->second;
    } else if (parameter.value) {
      HOLDFAST_ASSIGN_OR_RETURN(
          values[parameter.name],
          parameter.value->text.Fill([](std::string_view) { return nullptr; }));
    } else {
      return workflow.sources[0]
          .At(parameter.position,
              fmt::format("parameter '{}' has no value", Printable(parameter.name)))
          .Hint(fmt::format("give one: --parameter {}=VALUE", parameter.name));
    }
  }
  for (const Template& made : workflow.templates) {
    if (made.retry && made.retry->limit_text) {
      HOLDFAST_RETURN_IF_ERROR(CheckNumber(workflow, made, *made.retry->limit_text,
                                           "the limit of retries", 0, values, given));
    }
    if (made.active_deadline_text) {
      HOLDFAST_RETURN_IF_ERROR(CheckNumber(workflow, made, *made.active_deadline_text,
                                           "activeDeadlineSeconds", 1, values, given));
    }
  }
  return values;
}

}  // namespace holdfast::local
