#pragma once

#include "plugins/conformance/plugin_suite.h"

// The checks of the suite, by what they look at. Each returns Ok or an error that says what was
// expected and what happened; plugin_suite.cc lists them with their conditions.
namespace holdfast::plugins::conformance {

// --- descriptor_checks.cc: nothing is started ------------------------------------------------------
Status DescriptorSurvivesAsData(const PluginUnderTest& plugin, const PluginCheckOptions& options);
Status SchemasAreWhole(const PluginUnderTest& plugin, const PluginCheckOptions& options);
Status DefaultsPassTheirOwnSchema(const PluginUnderTest& plugin, const PluginCheckOptions& options);
Status UnknownSettingsAndParametersAreRefused(const PluginUnderTest& plugin,
                                              const PluginCheckOptions& options);
Status EveryOperationIsDefinedOrEmptyOnPurpose(const PluginUnderTest& plugin,
                                               const PluginCheckOptions& options);
Status ObjectsAgreeWithTheDescriptor(const PluginUnderTest& plugin,
                                     const PluginCheckOptions& options);
Status ChoosingIsAPureFunction(const PluginUnderTest& plugin, const PluginCheckOptions& options);
Status ValidatingIsAPureFunction(const PluginUnderTest& plugin, const PluginCheckOptions& options);

// --- activity_checks.cc: activities that cannot succeed ---------------------------------------------
Status ResourcesWithoutFactsAreRefusedClearly(const PluginUnderTest& plugin,
                                              const PluginCheckOptions& options);
Status EmptyCheckpointsAreRefusedClearly(const PluginUnderTest& plugin,
                                         const PluginCheckOptions& options);
Status PreflightsEnd(const PluginUnderTest& plugin, const PluginCheckOptions& options);
Status CancelledProtectLeavesNoData(const PluginUnderTest& plugin,
                                    const PluginCheckOptions& options);

// --- life_checks.cc: the sample ----------------------------------------------------------------------
Status ALifeFromProtectToDeleteSucceeds(const PluginUnderTest& plugin,
                                        const PluginCheckOptions& options);
Status VerifyFindsEveryDamagedStream(const PluginUnderTest& plugin,
                                     const PluginCheckOptions& options);
Status ProtectAndVerifyLeaveTheirSourceAlone(const PluginUnderTest& plugin,
                                             const PluginCheckOptions& options);
Status EveryActivityMayRunTwice(const PluginUnderTest& plugin, const PluginCheckOptions& options);
Status EveryActivityMayBeDroppedAtAYield(const PluginUnderTest& plugin,
                                         const PluginCheckOptions& options);
Status EveryActivityMayLoseItsBank(const PluginUnderTest& plugin,
                                   const PluginCheckOptions& options);
Status EveryActivityMayBeCancelledAndRunAgain(const PluginUnderTest& plugin,
                                              const PluginCheckOptions& options);
Status CleanUpSucceedsWhereNothingWasDone(const PluginUnderTest& plugin,
                                          const PluginCheckOptions& options);
Status CleanUpTakesAwayWhatAFailedProtectLeft(const PluginUnderTest& plugin,
                                              const PluginCheckOptions& options);

}  // namespace holdfast::plugins::conformance
