#include "plugins/local/application/hook.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "plugins/sdk/schema.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::application {
namespace {

struct HookForm {
  std::vector<std::string> command;
  std::string shell;
  std::chrono::milliseconds timeout{30'000};
  template <class Fields>
  static void Describe(Fields& fields) {
    fields("command", &HookForm::command, "the program and its arguments; no shell");
    fields("shell", &HookForm::shell, "a line for /bin/sh");
    fields("timeout", &HookForm::timeout, "how long it may take").Range(1, 24LL * 3'600'000);
  }
};

Result<Command> ReadParameter(const Value& value, std::string_view name) {
  Value form = value;
  if (value.is_list()) {
    form = Value(Value::Map{});
    form.Set("command", value);
  }
  if (!form.is_map()) {
    return InvalidInput(
               fmt::format("{} is {}, expected a list of words", name, NameOf(value.kind())))
        .Hint(
            "commands run without a shell: [systemctl, stop, shop]; a shell line is declared: "
            "{shell: \"...\"}");
  }
  HOLDFAST_ASSIGN_OR_RETURN(HookForm read, Bind<HookForm>(form, "", name));
  Command command;
  command.timeout = read.timeout;
  if (read.command.empty() == read.shell.empty()) {
    return InvalidInput(fmt::format("{} needs either 'command' or 'shell'", name));
  }
  command.argv = read.shell.empty() ? std::move(read.command)
                                    : std::vector<std::string>{"/bin/sh", "-c", read.shell};
  return command;
}

// What no process can be started with.
Status CheckWords(const Command& command, std::string_view name) {
  if (command.argv.front().empty()) {
    return InvalidInput(fmt::format("{} names no program", name));
  }
  for (const std::string& word : command.argv) {
    if (word.find('\0') != std::string::npos) {
      return InvalidInput(fmt::format("a word of {} holds a NUL byte", name));
    }
  }
  return Ok();
}

}  // namespace

Result<std::optional<Command>> FindHook(const Resource& resource, const Value& parameters,
                                        std::string_view name) {
  if (const Value* given = parameters.Find(name); given != nullptr && !given->is_null()) {
    HOLDFAST_ASSIGN_OR_RETURN(Command command, ReadParameter(*given, name));
    HOLDFAST_RETURN_IF_ERROR(CheckWords(command, name));
    return std::optional<Command>(std::move(command));
  }
  const Value* known = resource.extra.Find(name);
  if (known == nullptr || known->is_null()) return std::optional<Command>();
  const std::string what = fmt::format("{} of application '{}'", name, Printable(resource.name));
  auto command = inventory::CommandFromValue(*known);
  if (!command) return std::move(command).error().While(what);
  HOLDFAST_RETURN_IF_ERROR(CheckWords(*command, what));
  return std::optional<Command>(std::move(*command));
}

Status RunHook(Context& context, const Checkpoint& checkpoint, const Resource& resource,
               std::string_view name, const Command& command, HookStop stop) {
  ProcessSpec spec;
  spec.argv = command.argv;
  // The environment cannot carry a NUL; a hostile name must not cut short what follows it.
  spec.environment = {{"HOLDFAST_RESOURCE_ID", resource.key.id},
                      {"HOLDFAST_RESOURCE_NAME", Printable(resource.name)},
                      {"HOLDFAST_OPERATION", std::string(NameOf(checkpoint.operation()))},
                      {"HOLDFAST_CHECKPOINT_ID", checkpoint.id()},
                      {"HOLDFAST_HOOK", std::string(name)}};
  spec.environment_removed = {"HOLDFAST_FAILPOINT"};
  // A quiesce that goes on after its step was killed would put the application to rest after it was
  // resumed.
  spec.group_dies_with_us = true;
  spec.deadline = stop == HookStop::kNever ? command.timeout : context.TimeLeft(command.timeout);
  if (stop == HookStop::kAtCancellation) spec.cancellation = &context.cancellation();
  spec.on_error_line = [&](std::string_view line) {
    context.log().Log(LogLevel::kInfo, fmt::format("{}: {}", name, Printable(line)));
  };
  auto outcome = context.processes().Run(spec);
  if (!outcome) {
    return std::move(outcome).error().While(
        fmt::format("{} of application '{}'", name, Printable(resource.name)));
  }
  for (const std::string_view line : Split(Trim(outcome->output), '\n')) {
    if (!line.empty())
      context.log().Log(LogLevel::kInfo, fmt::format("{}: {}", name, Printable(line)));
  }
  if (outcome->ok()) return Ok();
  if (outcome->cancelled) return CancelledError();
  return Internal(fmt::format("{} of application '{}' failed: {}", name, Printable(resource.name),
                              DescribeOutcome(*outcome)))
      .Hint(fmt::format("the command is '{}', its time-out {}", Printable(Join(command.argv, " ")),
                        FormatDuration(command.timeout)));
}

}  // namespace holdfast::plugins::application
