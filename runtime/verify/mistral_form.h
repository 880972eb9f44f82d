#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/mistral/definition_file.h"

namespace holdfast::verify {

// What a task is for, by what stands in it.
enum class TaskRole : std::uint8_t {
  kBegin,    // of the first definition alone,
  kEnd,      // as this one
  kGate,     // of the others alone: asked before what is in them,
  kVerdict,  // and last
  kPart,     // stands for another definition
  kStep,
};
TaskRole RoleOf(const mistral::Task& task, bool is_first);

// All of a file but its steps' order decides as well whether they run: what fails a task, how often one is tried, what
// is handed to it. There is one right form of each, which the compiler writes; what differs is a fault, a sentence each.
// A reviewer may give steps more tries, or more time: these numbers are free where they do no harm.
std::vector<std::string> FormFaults(std::span<const mistral::Definition> definitions);

// The shortest time after which a definition has Mistral give up a step that it has not heard of. After FormFaults has
// found none.
std::chrono::seconds ShortestTimeout(std::span<const mistral::Definition> definitions);

}  // namespace holdfast::verify
