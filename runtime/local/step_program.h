#pragma once

#include <string>
#include <string_view>

namespace holdfast::local {

// The program that a container's command stands for on this machine: the image's holdfast-step, in
// whatever folder, is `step_binary` (unless that is empty); anything else is what it says.
inline std::string ProgramOf(std::string_view command, const std::string& step_binary) {
  constexpr std::string_view kStep = "holdfast-step";
  const bool is_step = command.substr(command.rfind('/') + 1) == kStep;
  return is_step && !step_binary.empty() ? step_binary : std::string(command);
}

}  // namespace holdfast::local
