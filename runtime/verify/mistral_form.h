#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/mistral/definition_file.h"
#include "runtime/verify/said_run.h"

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

// "diamond.yaml:27", as faults begin.
std::string PlaceOf(const mistral::Definition& here, const Position& position);

// All of a file but its steps' order decides as well whether they run: what fails a task, how often one is tried, what
// is handed to it. There is one right form of each, which the compiler writes; what differs is a fault, a sentence each.
// The numbers that a plan has the say of are SettingsIn()'s; no plan says how long Mistral waits between two tries, which
// is free within limits (run_settings.h).
std::vector<std::string> FormFaults(std::span<const mistral::Definition> definitions);

// What the definitions say that their plan has the say of. After FormFaults has found none, all of it.
std::vector<SaidSetting> SettingsIn(std::span<const mistral::Definition> definitions);

}  // namespace holdfast::verify
