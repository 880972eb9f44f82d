#pragma once

#include <string>
#include <string_view>

namespace holdfast::local {

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
