#pragma once

#include <string>
#include <string_view>

namespace holdfast::local {

// The WorkflowTemplate that compiled files call (templates/argo), and its template for any step.
inline constexpr std::string_view kStepTemplates = "holdfast-steps";
inline constexpr std::string_view kStep = "step";

// Is it the image's holdfast-step, in whatever folder?
inline bool IsStepProgram(std::string_view command) {
  return command.substr(command.rfind('/') + 1) == "holdfast-step";
}

// The program that a container's command stands for on this machine: the image's holdfast-step, in
// whatever folder, is `step_binary` (unless that is empty); anything else is what it says.
inline std::string ProgramOf(std::string_view command, const std::string& step_binary) {
  return IsStepProgram(command) && !step_binary.empty() ? step_binary : std::string(command);
}

}  // namespace holdfast::local
