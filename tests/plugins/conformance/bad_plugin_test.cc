#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "plugins/conformance/plugin_suite.h"
#include "tests/plugins/activity_harness.h"

// A plugin that keeps every promise, and the same with one fault each: a check that no fault breaks
// checks nothing.
namespace holdfast::plugins::conformance {
namespace {

enum class Fault {
  kNone,
  // of the descriptor
  kDescriptionIsNoUtf8,
  kFieldWithoutDescription,
  kDefaultIsNotAllowed,
  kTakesTheUnknown,
  kNoDelete,
  kObjectDefinesMore,
  // of answers
  kChoosesByTurns,
  kChooseThrows,
  kValidatesByTurns,
  kValidateLooksAtFiles,
  kValidateNamesNoParameter,
  kValidateRefusesItsSample,
  kCheckWritesAFile,
  // of activities
  kThrowsWithoutFacts,
  kInternalErrorWithoutFacts,
  kTwoLineError,
  kRestoresNothingGladly,
  kDeletesOnlyOnce,
  kIgnoresCancellation,
  kSavesOtherInfo,
  kSavesNoInfo,
  kTouchesAnotherResource,
  kLeavesAStreamOpen,
  kForgetsNewResource,
  kLeavesData,
  kVerifiesNothing,
  kLeavesStagedFile,
  kRefusesASecondTime,
  kRefusesAfterAnIntent,
  kIgnoresAFailedJournal,
  kIgnoresAFailedSaveInfo,
  kRefusesAfterCancellation,
  kNeverEnds,
  kCleanUpNeedsAPre,
  kCleansUpAfterSuccessOnly,
};

struct SavedInfo {
  static constexpr int kVersion = 1;
  std::string path;
  template <class Fields>
  static void Describe(Fields& fields) {
    fields("path", &SavedInfo::path, "where it was").Required();
  }
};

struct RestoreParameters {
  std::string target;
  std::string mode = "write";
  template <class Fields>
  static void Describe(Fields& fields) {
    fields("target", &RestoreParameters::target, "where to write it").Required();
    fields("mode", &RestoreParameters::mode, "how").OneOf({"write", "append"});
  }
};

PluginDescriptor DescriptorWith(Fault fault) {
  PluginDescriptor d;
  d.name = "one-file";
  d.description = fault == Fault::kDescriptionIsNoUtf8 ? "files \xff" : "files";
  d.types = {"Test::File"};
  d.settings_section = "one_file";
  d.settings = SchemaOf<PollSettings>();
  for (OperationDescriptor& operation : d.operations) operation.activities.fill(false);
  d.operation(Operation::kProtect).activities = {true, false, true, true};
  d.operation(Operation::kRestore).activities = {false, false, true, true};
  d.operation(Operation::kDelete).activities = {false, false, fault != Fault::kNoDelete, false};
  d.operation(Operation::kVerify).activities = {false, false, true, false};
  d.operation(Operation::kRestore).parameters = SchemaOf<RestoreParameters>();
  std::vector<Field>& fields = d.operation(Operation::kRestore).parameters.fields;
  if (fault == Fault::kFieldWithoutDescription) fields[0].description.clear();
  if (fault == Fault::kDefaultIsNotAllowed) fields[1].default_value = "overwrite";
  if (fault == Fault::kTakesTheUnknown) {
    Field& field = fields.emplace_back();
    field.name = "no_such_name_is_known";
    field.description = "anything";
  }
  d.has_saved_info = true;
  d.saved_info = SchemaOf<SavedInfo>();
  return d;
}

bool There(const std::string& path) { return std::filesystem::exists(path); }

void Write(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Result<std::string> ReadStream(Checkpoint& checkpoint, const Resource& resource) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto source, checkpoint.OpenData(resource, "file"));
  std::string bytes(10'000, '\0');
  HOLDFAST_ASSIGN_OR_RETURN(
      const std::size_t size,
      ReadFully(*source, std::as_writable_bytes(std::span(bytes.data(), bytes.size()))));
  bytes.resize(size);
  return bytes;
}

class OneFile final : public ProtectionPlugin {
 public:
  explicit OneFile(Fault fault) : fault_(fault), descriptor_(DescriptorWith(fault)) {
    if (fault == Fault::kObjectDefinesMore) {
      descriptor_.operation(Operation::kVerify).activities[0] = true;
    }
  }
  const PluginDescriptor& descriptor() const override { return descriptor_; }
  const PollSettings& poll_settings() const override { return poll_; }

  Result<StepChoice> Choose(Operation, ActivityKind, const Resource&, const Value&) const override {
    if (fault_ == Fault::kChooseThrows) throw std::runtime_error("choose");
    if (fault_ == Fault::kChoosesByTurns && ++asked_ % 2 == 0) return StepChoice::Aggregate("all");
    return StepChoice::Own();
  }

  std::vector<ParameterFault> Validate(Operation operation, const Resource& resource,
                                       const Value&) const override {
    ParameterFaults faults;
    if (operation != Operation::kRestore) return {};
    const Error fault = InvalidInput("the target is no good");
    const bool sample = resource.name == "one";
    if (fault_ == Fault::kValidatesByTurns && !sample && ++asked_ % 2 == 0) {
      faults.Note("target", fault);
    }
    if (fault_ == Fault::kValidateLooksAtFiles && !sample) {
      faults.Note("target", SystemError(ENOENT, "looking at the target"));
    }
    if (fault_ == Fault::kValidateNamesNoParameter && !sample) faults.Note("traget", fault);
    if (fault_ == Fault::kValidateRefusesItsSample) faults.Note("target", fault);
    return faults.Take();
  }

  std::vector<Error> Check(Context&, const Resource& resource, const Parameters&) override {
    const std::string path = resource.extra.StringOr("path", "");
    if (fault_ == Fault::kCheckWritesAFile && path.starts_with('/')) Write(path + ".check", "");
    return {};
  }

  Activity Start(Operation operation, ActivityKind kind, Checkpoint& checkpoint, Context& context,
                 std::span<const Resource> resources, const Parameters& parameters) override {
    const Resource& resource = resources.front();
    if (operation == Operation::kProtect && kind == ActivityKind::kPre) {
      return Stage(checkpoint, context, resource);
    }
    if (operation == Operation::kProtect && kind == ActivityKind::kParallel) {
      return Store(checkpoint, context, resource);
    }
    if (kind == ActivityKind::kPost) return CleanUp(checkpoint, resource);
    if (operation == Operation::kRestore) return Restore(checkpoint, resource, parameters);
    if (operation == Operation::kVerify) return Verify(checkpoint, resource);
    return Delete(checkpoint, resource);
  }

 private:
  Activity Stage(Checkpoint& checkpoint, Context& context, const Resource& resource) {
    const std::string path = resource.extra.StringOr("path", "");
    if (path.empty() || path.find('\0') != std::string::npos) {
      if (fault_ == Fault::kThrowsWithoutFacts) throw std::runtime_error("no path");
      if (fault_ == Fault::kInternalErrorWithoutFacts) co_return Internal("no path");
      if (fault_ == Fault::kTwoLineError) co_return InvalidInput("no\npath");
      co_return InvalidInput("the resource has no 'path'");
    }
    if (fault_ == Fault::kRefusesAfterCancellation) {
      if (There(path + ".lock")) co_return Internal("somebody is at work here");
      if (context.cancelled()) Write(path + ".lock", "");
    }
    if (context.cancelled() && fault_ != Fault::kIgnoresCancellation) co_return CancelledError();
    HOLDFAST_CO_ASSIGN_OR_RETURN(const Value before, checkpoint.Journaled(resource));
    if (fault_ == Fault::kRefusesAfterAnIntent && before.BoolOr("intended", false) &&
        !before.BoolOr("staged", false)) {
      co_return Internal("somebody has begun this already");
    }
    const std::string staged = path + ".staged";
    if (fault_ == Fault::kRefusesASecondTime && There(staged))
      co_return Internal("it is staged already");
    const Status intent =
        checkpoint.Journal(resource, Value().Set("intended", true).Set("file", staged));
    if (fault_ != Fault::kIgnoresAFailedJournal) HOLDFAST_CO_RETURN_IF_ERROR(intent);
    co_yield Progress{0, 2, "staging"};
    Write(staged, Read(path));
    co_yield Progress{1, 2, "staging"};
    while (fault_ == Fault::kNeverEnds) co_yield Progress{1, 2, "thinking"};
    co_return checkpoint.Journal(resource, Value().Set("staged", true));
  }

  Activity Store(Checkpoint& checkpoint, Context& context, const Resource& resource) {
    if (context.cancelled() && fault_ != Fault::kIgnoresCancellation) co_return CancelledError();
    HOLDFAST_CO_ASSIGN_OR_RETURN(const Value journal, checkpoint.Journaled(resource));
    HOLDFAST_CO_ASSIGN_OR_RETURN(const auto stream, checkpoint.CreateData(resource, "file"));
    HOLDFAST_CO_RETURN_IF_ERROR(stream->Write(AsBytes(Read(journal.StringOr("file", "")))));
    if (fault_ != Fault::kLeavesAStreamOpen) HOLDFAST_CO_RETURN_IF_ERROR(stream->Finish());
    if (fault_ == Fault::kTouchesAnotherResource) {
      Resource other = resource;
      other.key.id += "-other";
      (void)checkpoint.Journal(other, Value().Set("seen", true));
    }
    if (fault_ == Fault::kSavesOtherInfo) {
      (void)checkpoint.SaveInfo(resource, Value().Set("place", "here"));
    }
    if (fault_ == Fault::kSavesNoInfo) co_return Ok();
    Status saved =
        checkpoint.SaveInfo(resource, Value().Set("path", resource.extra.StringOr("path", "")));
    if (fault_ == Fault::kIgnoresAFailedSaveInfo) co_return Ok();
    co_return saved;
  }

  Activity CleanUp(Checkpoint& checkpoint, const Resource& resource) {
    HOLDFAST_CO_ASSIGN_OR_RETURN(const Value journal, checkpoint.Journaled(resource));
    const std::string staged = journal.StringOr("file", "");
    if (fault_ == Fault::kCleanUpNeedsAPre && staged.empty())
      co_return Internal("there was no pre");
    if (fault_ == Fault::kCleansUpAfterSuccessOnly) {
      HOLDFAST_CO_ASSIGN_OR_RETURN(const bool good, checkpoint.AllSucceeded(resource));
      if (!good) co_return Ok();
    }
    if (fault_ != Fault::kLeavesStagedFile && !staged.empty()) std::filesystem::remove(staged);
    co_return Ok();
  }

  Activity Restore(Checkpoint& checkpoint, const Resource& resource, const Parameters& parameters) {
    const auto bytes = ReadStream(checkpoint, resource);
    if (!bytes && fault_ == Fault::kRestoresNothingGladly) co_return Ok();
    HOLDFAST_CO_RETURN_IF_ERROR(bytes);
    Write(parameters.Of(resource).StringOr("target", ""), *bytes);
    if (fault_ == Fault::kForgetsNewResource) co_return Ok();
    co_return checkpoint.SetNewResource(resource, resource.key);
  }

  Activity Verify(Checkpoint& checkpoint, const Resource& resource) {
    if (fault_ == Fault::kVerifiesNothing) {
      HOLDFAST_CO_RETURN_IF_ERROR(checkpoint.SavedInfo(resource));
      co_return Ok();
    }
    HOLDFAST_CO_RETURN_IF_ERROR(ReadStream(checkpoint, resource));
    co_return Ok();
  }

  Activity Delete(Checkpoint& checkpoint, const Resource& resource) {
    if (fault_ == Fault::kLeavesData) co_return Ok();
    if (fault_ == Fault::kDeletesOnlyOnce)
      HOLDFAST_CO_RETURN_IF_ERROR(checkpoint.SavedInfo(resource));
    co_return checkpoint.DeleteData(resource);
  }

  Fault fault_;
  PluginDescriptor descriptor_;
  PollSettings poll_;
  mutable int asked_ = 0;
};

// The names of the checks that this plugin does not pass.
std::vector<std::string> BrokenBy(Fault fault) {
  const testing_plugins::TempFolder folder;
  const auto processes = MakeProcessRunner();
  ProtectionEntry entry;
  entry.descriptor = DescriptorWith(fault);
  entry.make = [fault](const Value&) -> Result<std::unique_ptr<ProtectionPlugin>> {
    return std::unique_ptr<ProtectionPlugin>(std::make_unique<OneFile>(fault));
  };
  PluginSample sample;
  sample.files = {{"one.txt", "the only file\n"}};
  sample.resource.key = {"Test::File", "{folder}/one.txt"};
  sample.resource.name = "one";
  sample.resource.extra.Set("path", "{folder}/one.txt");
  sample.parameters[static_cast<std::size_t>(Operation::kRestore)].Set("target",
                                                                       "{folder}/restored.txt");
  PluginUnderTest plugin;
  plugin.entry = &entry;
  plugin.sample = &sample;
  PluginCheckOptions options;
  options.folder = folder.path();
  options.processes = processes.get();
  options.activity_limit = std::chrono::seconds(fault == Fault::kNeverEnds ? 1 : 60);
  options.poll_interval = std::chrono::milliseconds(1);
  std::vector<std::string> broken;
  for (const PluginCheckResult& result : RunPluginChecks(plugin, options)) {
    if (result.outcome) continue;
    broken.push_back(result.name);
    EXPECT_FALSE(result.outcome.error().message().empty());
    if (fault == Fault::kNone)
      ADD_FAILURE() << result.name << ": " << result.outcome.error().Render();
  }
  return broken;
}

TEST(PluginSuite, PassesAPluginThatKeepsEveryPromise) {
  EXPECT_THAT(BrokenBy(Fault::kNone), ::testing::IsEmpty());
}

struct BadCase {
  Fault fault;
  std::string found_by;
};

class BadPlugin : public ::testing::TestWithParam<BadCase> {};

TEST_P(BadPlugin, IsFound) {
  EXPECT_THAT(BrokenBy(GetParam().fault), ::testing::Contains(GetParam().found_by));
}

const std::vector<BadCase>& BadCases() {
  static const std::vector<BadCase> kCases{
      {Fault::kDescriptionIsNoUtf8, "DescriptorSurvivesAsData"},
      {Fault::kFieldWithoutDescription, "SchemasAreWhole"},
      {Fault::kDefaultIsNotAllowed, "DefaultsPassTheirOwnSchema"},
      {Fault::kTakesTheUnknown, "UnknownSettingsAndParametersAreRefused"},
      {Fault::kNoDelete, "EveryOperationIsDefinedOrEmptyOnPurpose"},
      {Fault::kObjectDefinesMore, "ObjectsAgreeWithTheDescriptor"},
      {Fault::kChoosesByTurns, "ChoosingIsAPureFunction"},
      {Fault::kChooseThrows, "ChoosingIsAPureFunction"},
      {Fault::kValidatesByTurns, "ValidatingIsAPureFunction"},
      {Fault::kValidateLooksAtFiles, "ValidatingIsAPureFunction"},
      {Fault::kValidateNamesNoParameter, "ValidatingIsAPureFunction"},
      {Fault::kValidateRefusesItsSample, "ValidatingIsAPureFunction"},
      {Fault::kCheckWritesAFile, "PreflightsEnd"},
      {Fault::kThrowsWithoutFacts, "ResourcesWithoutFactsAreRefusedClearly"},
      {Fault::kInternalErrorWithoutFacts, "ResourcesWithoutFactsAreRefusedClearly"},
      {Fault::kTwoLineError, "ResourcesWithoutFactsAreRefusedClearly"},
      {Fault::kRestoresNothingGladly, "EmptyCheckpointsAreRefusedClearly"},
      {Fault::kDeletesOnlyOnce, "EmptyCheckpointsAreRefusedClearly"},
      {Fault::kIgnoresCancellation, "CancelledProtectLeavesNoData"},
      {Fault::kSavesOtherInfo, "ALifeFromProtectToDeleteSucceeds"},
      {Fault::kSavesNoInfo, "ALifeFromProtectToDeleteSucceeds"},
      {Fault::kTouchesAnotherResource, "ALifeFromProtectToDeleteSucceeds"},
      {Fault::kLeavesAStreamOpen, "ALifeFromProtectToDeleteSucceeds"},
      {Fault::kForgetsNewResource, "ALifeFromProtectToDeleteSucceeds"},
      {Fault::kLeavesData, "ALifeFromProtectToDeleteSucceeds"},
      {Fault::kVerifiesNothing, "VerifyFindsEveryDamagedStream"},
      {Fault::kLeavesStagedFile, "ProtectAndVerifyLeaveTheirSourceAlone"},
      {Fault::kRefusesASecondTime, "EveryActivityMayRunTwice"},
      {Fault::kRefusesAfterAnIntent, "EveryActivityMayBeDroppedAtAYield"},
      {Fault::kIgnoresAFailedJournal, "CleanUpTakesAwayWhatAFailedProtectLeft"},
      {Fault::kIgnoresAFailedSaveInfo, "EveryActivityMayLoseItsBank"},
      {Fault::kRefusesAfterCancellation, "EveryActivityMayBeCancelledAndRunAgain"},
      {Fault::kNeverEnds, "ALifeFromProtectToDeleteSucceeds"},
      {Fault::kCleanUpNeedsAPre, "CleanUpSucceedsWhereNothingWasDone"},
      {Fault::kCleansUpAfterSuccessOnly, "CleanUpTakesAwayWhatAFailedProtectLeft"},
  };
  return kCases;
}

INSTANTIATE_TEST_SUITE_P(All, BadPlugin, ::testing::ValuesIn(BadCases()), [](const auto& info) {
  return "Fault" + std::to_string(static_cast<int>(info.param.fault)) + "By" + info.param.found_by;
});

}  // namespace
}  // namespace holdfast::plugins::conformance
