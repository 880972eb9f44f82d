#include "plugins/conformance/trial.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "plugins/conformance/watched_checkpoint.h"
#include "plugins/sdk/sha256.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::conformance {
namespace {

// What a plugin logs is not part of any check.
class NoLog final : public Logger {
 public:
  void Log(LogLevel, std::string_view, const Value&) override {}
};

Error Fault(Operation operation, ActivityKind kind, std::string_view what) {
  return Internal(fmt::format("{}: {}", NameOfActivity(operation, kind), what));
}

}  // namespace

std::string NameOfActivity(Operation operation, ActivityKind kind) {
  return fmt::format("{} {}", NameOf(operation), NameOf(kind));
}

Status CheckErrorText(const Error& error) {
  if (error.message().empty()) return Internal("it failed with an error without a message");
  if (Printable(error.message()) != error.message()) {
    return Internal(
        fmt::format("the error's message is not printable: {}", Printable(error.message())));
  }
  if (error.message().find("the activity threw ") != std::string::npos) {
    return Internal(fmt::format("an exception left it: {}", error.message()));
  }
  for (const Error& cause : error.causes()) HOLDFAST_RETURN_IF_ERROR(CheckErrorText(cause));
  return Ok();
}

Result<std::unique_ptr<Trial>> Trial::Make(const PluginUnderTest& plugin,
                                           const PluginCheckOptions& options,
                                           const std::string& place) {
  std::unique_ptr<Trial> trial(new Trial(plugin, options));
  trial->folder_ = options.folder + "/" + place;
  std::error_code error;
  std::filesystem::create_directories(trial->folder_, error);
  if (error) return SystemError(error.value(), "making the folder of a trial");
  if (plugin.sample != nullptr) {
    HOLDFAST_ASSIGN_OR_RETURN(trial->sample_, PlaceSample(*plugin.sample, trial->folder_));
  } else {
    trial->sample_.settings = plugin.settings;
  }
  HOLDFAST_ASSIGN_OR_RETURN(trial->checked_settings_,
                            CheckAgainstSchema(plugin.entry->descriptor.settings,
                                               trial->sample_.settings, "", "settings"));
  HOLDFAST_ASSIGN_OR_RETURN(trial->described_, trial->MakePlugin());
  trial->descriptor_ = &trial->described_->descriptor();
  if (plugin.sample == nullptr) {
    if (trial->descriptor().types.empty()) return InvalidInput("the plugin names no resource type");
    trial->resource().key = {trial->descriptor().types.front(), "holdfast-check"};
    trial->resource().name = "holdfast-check";
  } else {
    const auto& types = trial->descriptor().types;
    if (std::find(types.begin(), types.end(), trial->resource().key.type) == types.end()) {
      return InvalidInput(fmt::format("the sample is a {}, which the plugin does not protect",
                                      Printable(trial->resource().key.type)));
    }
  }
  return trial;
}

Result<std::unique_ptr<ProtectionPlugin>> Trial::MakePlugin() const {
  return plugin_.entry->make(checked_settings_);
}

std::string Trial::RecordId(Operation operation) const {
  if (operation == Operation::kProtect) return "checkpoint-1";
  return fmt::format("{}-{}", NameOf(operation), record_);
}

MemoryCheckpoint Trial::Reader(Operation operation) {
  MemoryCheckpoint checkpoint(bank_, operation, "checkpoint-1", RecordId(operation));
  if (descriptor_->has_saved_info) checkpoint.set_saved_info_schema(descriptor_->saved_info);
  return checkpoint;
}

Result<Value> Trial::CheckedParameters(Operation operation) const {
  return CheckAgainstSchema(descriptor_->operation(operation).parameters,
                            sample_.parameters_of(operation), "",
                            fmt::format("parameters of {}", NameOf(operation)));
}

Result<Call> Trial::Run(Operation operation, ActivityKind kind, const Disturbance& disturbance) {
  Call call;
  if (!descriptor_->operation(operation).Defines(kind)) return call;
  HOLDFAST_ASSIGN_OR_RETURN(const auto plugin, MakePlugin());
  HOLDFAST_ASSIGN_OR_RETURN(Value checked, CheckedParameters(operation));
  const Parameters parameters(
      std::map<ResourceKey, Value>{{sample_.resource.key, std::move(checked)}});
  HOLDFAST_ASSIGN_OR_RETURN(
      const StepChoice choice,
      plugin->Choose(operation, kind, sample_.resource, parameters.Of(sample_.resource)));
  if (choice.kind == StepChoice::Kind::kNone) return call;
  call.defined = true;

  MemoryCheckpoint stored = Reader(operation);
  stored.Give({sample_.resource.key});
  stored.set_all_succeeded(disturbance.all_succeeded);
  WatchedCheckpoint checkpoint(stored, disturbance.bank_gone_at);
  NoLog log;
  Cancellation cancellation;
  if (disturbance.cancelled) cancellation.Set();
  Context context("local", SystemClock(), log, *options_.processes, cancellation,
                  SystemClock().Steady() + options_.activity_limit);
  {
    Activity activity = plugin->Start(operation, kind, checkpoint, context,
                                      std::span(&sample_.resource, 1), parameters);
    while (!activity.Resume()) {
      ++call.yields;
      if (call.yields == disturbance.drop_at_yield) {
        call.dropped = true;
        break;
      }
      // The runtime stops what is cancelled at its yield.
      if (context.cancelled()) break;
      std::this_thread::sleep_for(options_.poll_interval);
    }
    const bool stopped = call.dropped || (call.yields > 0 && context.cancelled());
    call.outcome = stopped ? Status(CancelledError()) : activity.TakeOutcome();
  }
  call.broke = checkpoint.broke();
  call.calls = checkpoint.calls();
  call.created_data = checkpoint.created_data();
  if (SystemClock().Steady() >= context.deadline()) {
    return Fault(operation, kind,
                 fmt::format("it did not end within {}", FormatDuration(options_.activity_limit)));
  }
  if (!checkpoint.faults().empty()) return Fault(operation, kind, checkpoint.faults().front());
  if (!call.outcome) {
    stored.Abandon();
    if (Status text = CheckErrorText(call.outcome.error()); !text) {
      return Fault(operation, kind, text.error().message());
    }
    return call;
  }
  if (const auto open = checkpoint.UnfinishedStreams(); !open.empty()) {
    return Fault(
        operation, kind,
        fmt::format("it succeeded without finishing its stream '{}'", Printable(open.front())));
  }
  HOLDFAST_RETURN_IF_ERROR(stored.Commit());
  return call;
}

Status Trial::RunAll(Operation operation) {
  for (const ActivityKind kind : kAllActivityKinds) {
    HOLDFAST_ASSIGN_OR_RETURN(Call call, Run(operation, kind));
    if (!call.outcome) {
      return std::move(call.outcome).error().While(NameOfActivity(operation, kind));
    }
  }
  return Ok();
}

std::string Trial::Listing() const {
  std::vector<std::string> lines;
  std::error_code error;
  std::filesystem::recursive_directory_iterator at(folder_, error);
  for (; !error && at != std::filesystem::recursive_directory_iterator(); at.increment(error)) {
    std::string line = at->path().lexically_relative(folder_).string();
    if (at->is_regular_file(error)) {
      std::ifstream file(at->path(), std::ios::binary);
      const std::string bytes((std::istreambuf_iterator<char>(file)),
                              std::istreambuf_iterator<char>());
      line += fmt::format(" {} {}", bytes.size(), Sha256Hex(bytes));
    }
    lines.push_back(std::move(line));
  }
  std::sort(lines.begin(), lines.end());
  return Join(lines, "\n");
}

}  // namespace holdfast::plugins::conformance
