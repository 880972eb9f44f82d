#include "runtime/local/pod_command.h"

#include <fmt/format.h>

#include <charconv>
#include <string_view>

#include "plugins/sdk/text.h"

namespace holdfast::local {

WorkflowValues ValuesOfWorkflow(const Workflow& workflow, const std::string& run_id,
                                const std::map<std::string, std::string>& parameters) {
  WorkflowValues values;
  values["workflow.name"] = workflow.NameOfRun(run_id);
  values["workflow.namespace"] = workflow.name_space;
  values["workflow.uid"] = run_id;
  for (const auto& [name, value] : parameters) values["workflow.parameters." + name] = value;
  return values;
}

Result<WorkflowValues> ValuesOfChild(const ChildWorkflow& child, const WorkflowValues& values,
                                     const Lookup& caller) {
  WorkflowValues out;
  HOLDFAST_ASSIGN_OR_RETURN(out["workflow.name"], child.name.text.Fill(caller));
  for (const char* const name : {"workflow.namespace", "workflow.uid"})
    out[name] = values.find(name)->second;
  for (const NamedText& parameter : child.parameters) {
    HOLDFAST_ASSIGN_OR_RETURN(out["workflow.parameters." + parameter.name],
                              parameter.value.text.Fill(caller));
  }
  return out;
}

Result<std::map<std::string, std::string>> FillInputs(const Workflow& workflow,
                                                      const TemplateCall& call,
                                                      const WorkflowValues& values,
                                                      const Lookup& caller) {
  std::map<std::string, std::string> inputs;
  const std::map<std::string, std::string> none;
  const Lookup of_workflow = MakeLookup(values, none, nullptr, nullptr);
  for (const Parameter& input : workflow.templates[call.template_index].inputs) {
    if (!input.value) continue;
    HOLDFAST_ASSIGN_OR_RETURN(inputs[input.name], input.value->text.Fill(of_workflow));
  }
  for (const NamedText& argument : call.arguments) {
    HOLDFAST_ASSIGN_OR_RETURN(inputs[argument.name], argument.value.text.Fill(caller));
  }
  return inputs;
}

Result<PodCommand> FillCommand(const Template& made, const Lookup& lookup) {
  PodCommand out;
  out.deadline = made.active_deadline;
  if (made.active_deadline_text) {
    HOLDFAST_ASSIGN_OR_RETURN(
        const std::int64_t number,
        FillInteger(*made.active_deadline_text, lookup, "activeDeadlineSeconds", 1));
    out.deadline = std::chrono::seconds(number);
  }
  for (const PlacedText& text : made.container->command) {
    HOLDFAST_ASSIGN_OR_RETURN(std::string filled, text.text.Fill(lookup));
    out.command.push_back(std::move(filled));
  }
  for (const PlacedText& text : made.container->args) {
    HOLDFAST_ASSIGN_OR_RETURN(std::string filled, text.text.Fill(lookup));
    out.args.push_back(std::move(filled));
  }
  for (const NamedText& variable : made.container->environment) {
    // That file is the container's. In a pod in which somebody types, it is another container's.
    if (variable.name == "HOLDFAST_TERMINATION_LOG") continue;
    HOLDFAST_ASSIGN_OR_RETURN(std::string filled, variable.value.text.Fill(lookup));
    out.environment.emplace_back(variable.name, std::move(filled));
  }
  return out;
}

Result<std::int64_t> FillInteger(const PlacedText& text, const Lookup& lookup,
                                 std::string_view what, std::int64_t least) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string filled, text.text.Fill(lookup));
  std::int64_t number = 0;
  const char* const end = filled.data() + filled.size();
  const auto read = std::from_chars(filled.data(), end, number);
  if (read.ec != std::errc{} || read.ptr != end || number < least || number > 1'000'000'000) {
    return InvalidInput(fmt::format("{} is an integer from {} to 1000000000, not '{}'", what, least,
                                    Printable(filled)));
  }
  return number;
}

Lookup MakeLookup(const WorkflowValues& values, const std::map<std::string, std::string>& inputs,
                  const std::string* task, const std::string* status) {
  return [&values, &inputs, task, status](std::string_view name) -> const std::string* {
    constexpr std::string_view kInput = "inputs.parameters.";
    if (name.starts_with(kInput)) {
      const auto found = inputs.find(std::string(name.substr(kInput.size())));
      return found == inputs.end() ? nullptr : &found->second;
    }
    if (name == "tasks.name") return task;
    if (name == "workflow.status") return status;
    const auto found = values.find(name);
    return found == values.end() ? nullptr : &found->second;
  };
}

}  // namespace holdfast::local
