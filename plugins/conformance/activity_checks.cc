#include <fmt/format.h>

#include "plugins/conformance/plugin_checks.h"
#include "plugins/conformance/trial.h"

namespace holdfast::plugins::conformance {
namespace {

class NoLog final : public Logger {
 public:
  void Log(LogLevel, std::string_view, const Value&) override {}
};

// Extras in which a fact is missing or is no fact, made from the sample's.
std::vector<Value> WrongExtras(const Value& extra) {
  std::vector<Value> wrong{Value(), Value(Value::Map{})};
  if (!extra.is_map()) return wrong;
  for (const auto& [key, value] : extra.AsMap()) {
    Value lacking = extra;
    lacking.MutableMap().erase(key);
    wrong.push_back(std::move(lacking));
    for (const Value& bad : {Value(), Value(7), Value(Value::List{Value(1)}), Value(""),
                             Value(std::string_view("a\0b", 3))}) {
      Value changed = extra;
      changed.Set(key, bad);
      wrong.push_back(std::move(changed));
    }
  }
  return wrong;
}

// The streams that the checkpoint lists; it must be one that is read.
Result<std::size_t> PublishedStreams(Trial& trial) {
  MemoryCheckpoint checkpoint = trial.Reader(Operation::kRestore);
  const auto streams = checkpoint.ListData(trial.resource());
  if (streams) return streams->size();
  if (streams.error().code() == ErrorCode::kNotFound) return std::size_t{0};
  return streams.error();
}

}  // namespace

Status ResourcesWithoutFactsAreRefusedClearly(const PluginUnderTest& plugin,
                                              const PluginCheckOptions& options) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto place, Trial::Make(plugin, options, "shape"));
  const std::size_t count = WrongExtras(place->resource().extra).size();
  for (std::size_t i = 0; i < count; ++i) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto trial,
                              Trial::Make(plugin, options, fmt::format("extra-{}", i)));
    const Value extra = trial->resource().extra;
    trial->resource().extra = WrongExtras(extra)[i];
    bool failed = false;
    for (const ActivityKind kind : kAllActivityKinds) {
      // What failed is followed by its clean-up, as in a run.
      if (failed && kind != ActivityKind::kPost) continue;
      HOLDFAST_ASSIGN_OR_RETURN(const Call call,
                                trial->Run(Operation::kProtect, kind, {.all_succeeded = !failed}));
      if (call.outcome) continue;
      failed = true;
      if (call.outcome.error().code() == ErrorCode::kInternal) {
        return Error(call.outcome.error())
            .While(fmt::format("{} of a resource with wrong facts is no clear error",
                               NameOfActivity(Operation::kProtect, kind)));
      }
    }
    HOLDFAST_ASSIGN_OR_RETURN(const std::size_t streams, PublishedStreams(*trial));
    // Where facts are needed, none at all cannot do.
    if (!failed && i == 0 && extra.is_map() && !extra.AsMap().empty() && streams != 0) {
      return Internal("it protected a resource of which nothing is known");
    }
  }
  return Ok();
}

Status EmptyCheckpointsAreRefusedClearly(const PluginUnderTest& plugin,
                                         const PluginCheckOptions& options) {
  for (const Operation operation : {Operation::kRestore, Operation::kVerify, Operation::kDelete}) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto trial,
                              Trial::Make(plugin, options, std::string(NameOf(operation))));
    bool failed = false;
    for (const ActivityKind kind : kAllActivityKinds) {
      if (failed && kind != ActivityKind::kPost) continue;
      HOLDFAST_ASSIGN_OR_RETURN(const Call call,
                                trial->Run(operation, kind, {.all_succeeded = !failed}));
      if (call.outcome) continue;
      failed = true;
      if (operation == Operation::kDelete) {
        return Error(call.outcome.error())
            .While(fmt::format("{} where nothing is left: deleting again is success",
                               NameOfActivity(operation, kind)));
      }
      if (call.outcome.error().code() == ErrorCode::kInternal) {
        return Error(call.outcome.error())
            .While(fmt::format("{} of an empty checkpoint is no clear error",
                               NameOfActivity(operation, kind)));
      }
    }
    const OperationDescriptor& described = trial->descriptor().operation(operation);
    if (!failed && operation != Operation::kDelete && described.DefinesAny() &&
        plugin.sample != nullptr) {
      // Only a plugin that writes no data has nothing to miss.
      HOLDFAST_ASSIGN_OR_RETURN(const auto full, Trial::Make(plugin, options, "full"));
      HOLDFAST_RETURN_IF_ERROR(full->RunAll(Operation::kProtect));
      HOLDFAST_ASSIGN_OR_RETURN(const std::size_t streams, PublishedStreams(*full));
      if (streams != 0) {
        return Internal(fmt::format("{} of an empty checkpoint succeeded", NameOf(operation)));
      }
    }
  }
  return Ok();
}

Status PreflightsEnd(const PluginUnderTest& plugin, const PluginCheckOptions& options) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto trial, Trial::Make(plugin, options));
  HOLDFAST_ASSIGN_OR_RETURN(const auto object, trial->MakePlugin());
  NoLog log;
  Cancellation cancellation;
  Context context("local", SystemClock(), log, *options.processes, cancellation,
                  SystemClock().Steady() + options.activity_limit);
  const std::string before = trial->Listing();
  HOLDFAST_ASSIGN_OR_RETURN(const Value given, trial->CheckedParameters(Operation::kProtect));
  const Parameters parameters({{trial->resource().key, given}});
  if (plugin.sample != nullptr) {
    const auto problems = object->Check(context, trial->resource(), parameters);
    if (!problems.empty()) return problems.front();
  }
  for (const Value& extra : WrongExtras(trial->resource().extra)) {
    Resource resource = trial->resource();
    resource.extra = extra;
    for (const Error& problem : object->Check(context, resource, parameters)) {
      HOLDFAST_RETURN_IF_ERROR(CheckErrorText(problem));
    }
  }
  if (trial->Listing() != before) return Internal("the preflight changed something");
  return Ok();
}

Status CancelledProtectLeavesNoData(const PluginUnderTest& plugin,
                                    const PluginCheckOptions& options) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto trial, Trial::Make(plugin, options));
  bool wrote = false;
  bool failed = false;
  for (const ActivityKind kind : {ActivityKind::kPre, ActivityKind::kPreFinish,
                                  ActivityKind::kParallel, ActivityKind::kPost}) {
    HOLDFAST_ASSIGN_OR_RETURN(
        const Call call,
        trial->Run(Operation::kProtect, kind, {.cancelled = true, .all_succeeded = !failed}));
    wrote = wrote || (call.outcome && call.created_data);
    failed = failed || !call.outcome;
  }
  HOLDFAST_ASSIGN_OR_RETURN(const std::size_t streams, PublishedStreams(*trial));
  if (wrote || streams != 0)
    return Internal("a protect that was cancelled before it began wrote data");
  return Ok();
}

}  // namespace holdfast::plugins::conformance
