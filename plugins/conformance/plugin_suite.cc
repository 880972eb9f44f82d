#include "plugins/conformance/plugin_suite.h"

#include <exception>
#include <filesystem>

#include "plugins/conformance/plugin_checks.h"

namespace holdfast::plugins::conformance {
namespace {

constexpr PluginCheck kChecks[] = {
    {"DescriptorSurvivesAsData", false, &DescriptorSurvivesAsData},
    {"SchemasAreWhole", false, &SchemasAreWhole},
    {"DefaultsPassTheirOwnSchema", false, &DefaultsPassTheirOwnSchema},
    {"UnknownSettingsAndParametersAreRefused", false, &UnknownSettingsAndParametersAreRefused},
    {"EveryOperationIsDefinedOrEmptyOnPurpose", false, &EveryOperationIsDefinedOrEmptyOnPurpose},
    {"ObjectsAgreeWithTheDescriptor", false, &ObjectsAgreeWithTheDescriptor},
    {"ChoosingIsAPureFunction", false, &ChoosingIsAPureFunction},
    {"ValidatingIsAPureFunction", false, &ValidatingIsAPureFunction},
    {"ResourcesWithoutFactsAreRefusedClearly", false, &ResourcesWithoutFactsAreRefusedClearly},
    {"EmptyCheckpointsAreRefusedClearly", false, &EmptyCheckpointsAreRefusedClearly},
    {"PreflightsEnd", false, &PreflightsEnd},
    {"CancelledProtectLeavesNoData", false, &CancelledProtectLeavesNoData},
    {"ALifeFromProtectToDeleteSucceeds", true, &ALifeFromProtectToDeleteSucceeds},
    {"VerifyFindsEveryDamagedStream", true, &VerifyFindsEveryDamagedStream},
    {"ProtectAndVerifyLeaveTheirSourceAlone", true, &ProtectAndVerifyLeaveTheirSourceAlone},
    {"EveryActivityMayRunTwice", true, &EveryActivityMayRunTwice},
    {"EveryActivityMayBeDroppedAtAYield", true, &EveryActivityMayBeDroppedAtAYield},
    {"EveryActivityMayLoseItsBank", true, &EveryActivityMayLoseItsBank},
    {"EveryActivityMayBeCancelledAndRunAgain", true, &EveryActivityMayBeCancelledAndRunAgain},
    {"CleanUpSucceedsWhereNothingWasDone", true, &CleanUpSucceedsWhereNothingWasDone},
    {"CleanUpTakesAwayWhatAFailedProtectLeft", true, &CleanUpTakesAwayWhatAFailedProtectLeft},
};

}  // namespace

std::span<const PluginCheck> PluginChecks() { return kChecks; }

PluginCheckResult RunPluginCheck(const PluginUnderTest& plugin, const PluginCheck& check,
                                 const PluginCheckOptions& options) {
  PluginCheckResult result{std::string(check.name), Ok()};
  PluginCheckOptions own = options;
  own.folder = options.folder + "/" + result.name;
  std::error_code error;
  std::filesystem::create_directories(own.folder, error);
  if (error) {
    result.outcome = SystemError(error.value(), "making the folder of a check");
    return result;
  }
  // Those of an activity end in its coroutine; a plugin may also throw where it makes an object or
  // an answer.
  try {
    result.outcome = check.run(plugin, own);
  } catch (const std::exception& e) {
    result.outcome = Internal(std::string("an exception left the plugin: ") + e.what());
  } catch (...) {
    result.outcome = Internal("something that is no exception left the plugin");
  }
  return result;
}

std::vector<PluginCheckResult> RunPluginChecks(
    const PluginUnderTest& plugin, const PluginCheckOptions& options,
    const std::function<void(std::string_view name)>& before) {
  std::vector<PluginCheckResult> results;
  for (const PluginCheck& check : PluginChecks()) {
    if (check.needs_sample && plugin.sample == nullptr) continue;
    if (before) before(check.name);
    results.push_back(RunPluginCheck(plugin, check, options));
  }
  return results;
}

}  // namespace holdfast::plugins::conformance
