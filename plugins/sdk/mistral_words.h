#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

// What stands in every definition for Mistral beside its steps and links: the emitter writes it, and who reads a
// definition back takes nothing else for it.
namespace holdfast::mistral_words {

// Of one definition: Mistral takes 0.15 s for each task that it stores (measured), and one that is larger takes it longer
// than clients and proxies wait.
inline constexpr std::uint32_t kMostTasks = 200;

// The action that every step calls (templates/mistral).
inline constexpr std::string_view kStepAction = "holdfast.step";
inline constexpr std::string_view kNoAction = "std.noop";

// A step's result is one line of JSON. (json_parse of what is none would end the whole execution.)
inline constexpr std::string_view kNotSucceeded =
    R"(<% not (str(task().result) =~ '^[{]"exit":0[,}]') %>)";
// Nothing is tried again after it: a lost connection has no such line, and 75 says to try again.
inline constexpr std::string_view kFinal =
    R"(<% (str(task().result) =~ '^[{]"exit":') and not (str(task().result) =~ '^[{]"exit":75[,}]') %>)";
// Of what is no step: a group of them, or a task that does nothing.
inline constexpr std::string_view kNeverFails = "<% false %>";
inline constexpr std::string_view kAnyTaskFailed =
    "<% tasks(execution().id, false, ERROR).len() > 0 %>";
inline constexpr std::string_view kStepOrAnyTaskFailed =
    R"(<% not (str(task().result) =~ '^[{]"exit":0[,}]') or tasks(execution().id, false, ERROR).len() > 0 %>)";
inline constexpr std::string_view kNoTimeout = "<% 0 %>";
inline constexpr std::string_view kExecution = "<% execution().id %>";
inline constexpr std::string_view kFailFast = "<% $.get('fail-fast') %>";
inline constexpr std::string_view kPartial = "<% $.partial %>";

// The inputs that a sub-workflow gets from what starts it, in the order in which both have them; and the variables
// that the action hands to every step.
struct HandedOn {
  std::string_view name;
  std::string_view expression;
};
inline constexpr std::array<HandedOn, 4> kHandedOn{{{"run", "<% $.run %>"},
                                                    {"bundle", "<% $.bundle %>"},
                                                    {"provider", "<% $.provider %>"},
                                                    {"record", "<% $.record %>"}}};

// Whose a definition is, in its tags, which Mistral keeps with it: "holdfast.plan=nightly". A part has those of the whole.
inline constexpr std::string_view kOperationTag = "holdfast.operation=";
inline constexpr std::string_view kPlanTag = "holdfast.plan=";
inline constexpr std::string_view kProviderTag = "holdfast.provider=";

// An input of the whole that only the definitions of its bundle have: "of-bundle-3f2a9c0e81b7d654". Mistral refuses a start with
// an input that the definition does not have: so who says it is not given the tasks of another compile, which may have been
// stored under the name since. Its default is for who starts what is there, whatever it is: a cron trigger, somebody by hand.
// Definitions of an earlier build have none.
inline constexpr std::string_view kBundleInput = "of-bundle-";
inline std::string BundleInputOf(std::string_view bundle) {
  constexpr std::size_t kDigits = 16;
  return std::string(kBundleInput) + std::string(bundle.substr(0, kDigits));
}

// Where the places of a site are, unless it says otherwise.
inline constexpr std::string_view kEnvironment = "holdfast";

// Between two tries of a step.
inline constexpr std::chrono::seconds kRetryDelay{10};
// Of a plan without a step_deadline.
inline constexpr std::chrono::hours kLongestStep{30 * 24};
// A step keeps its deadline itself. What Mistral waits beyond it is for a connection that nobody ends.
inline constexpr std::chrono::minutes kBeyondDeadline{10};

// The tasks that frame a group: the first group's, and another one's.
inline constexpr std::string_view kBegin = "begin";
inline constexpr std::string_view kEnd = "end";
inline constexpr std::string_view kGate = "gate";
inline constexpr std::string_view kVerdict = "verdict";

}  // namespace holdfast::mistral_words
