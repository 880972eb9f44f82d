#include "runtime/verify/schedule_form.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>
#include <utility>

#include "compiler/plan/cron_line.h"
#include "compiler/plan/schedule.h"
#include "plugins/sdk/mistral_words.h"
#include "plugins/sdk/operation.h"
#include "plugins/sdk/text.h"
#include "runtime/verify/run_settings.h"
#include "runtime/verify/shown_value.h"

namespace holdfast::verify {
namespace {

constexpr std::array<std::string_view, 4> kMetadata{"name", "namespace", "labels", "annotations"};
constexpr std::array<std::string_view, 2> kRunsKept{"successfulJobsHistoryLimit",
                                                    "failedJobsHistoryLimit"};
// Argo takes orders by labels and annotations of its own.
constexpr std::string_view kArgosOwn = "argoproj.io/";

class Reviewer {
 public:
  Reviewer(const local::ParsedFile& file, const Bundle& bundle) : bundle_(bundle), file_(file) {
    const std::string& path = file.source.path;
    name_ = Printable(path.substr(path.rfind('/') + 1));
  }

  std::vector<std::string> Run(ScheduleEngine engine) {
    if (!file_.documents) return {name_ + " cannot be read: " + file_.documents.error().message()};
    if (file_.documents->size() != 1 || !file_.documents->front().is_map())
      return {name_ + " is not one document with a schedule"};
    const auto schedule = compiler::ScheduleOf(bundle_.plan);
    if (!schedule || bundle_.operation != Operation::kProtect)
      return {name_ + " starts the workflow by itself, and its plan has no schedule for it"};
    const std::string workflow = SettingsOf(bundle_).workflow;
    const Value& document = file_.documents->front();
    if (engine == ScheduleEngine::kMistral) {
      ReviewTrigger(document, *schedule, workflow);
    } else {
      ReviewCronWorkflow(document, *schedule, workflow);
    }
    return std::move(faults_);
  }

 private:
  void FaultAt(const Value& value, const std::string& what) {
    faults_.push_back(fmt::format("{}:{}: {}", name_, value.position().line, what));
  }

  // Each field of `wanted`, and no other. `own` are looked at by the caller.
  template <std::size_t kCount>
  void Compare(const Value& is, const Value& wanted,
               const std::array<std::string_view, kCount>& own, std::string_view of) {
    if (!is.is_map()) return FaultAt(is, fmt::format("{} is no map", of));
    for (const auto& [key, value] : wanted.AsMap()) {
      const Value* const found = is.Find(key);
      if (found == nullptr) {
        FaultAt(is, fmt::format("{} has no '{}': {} by its plan", of, key, TextOf(value)));
      } else if (*found != value) {
        FaultAt(*found,
                fmt::format("'{}' is {}, and {} by its plan", key, TextOf(*found), TextOf(value)));
      }
    }
    for (const auto& [key, value] : is.AsMap()) {
      if (wanted.Find(key) != nullptr || std::find(own.begin(), own.end(), key) != own.end())
        continue;
      FaultAt(value, fmt::format("{} has '{}': {}, which no compiled one has", of, Printable(key),
                                 TextOf(value)));
    }
  }

  void ReviewTrigger(const Value& document, const compiler::Schedule& schedule,
                     const std::string& workflow) {
    // Mistral has neither, and the compiler writes none for such a plan.
    if (!compiler::IsUtc(schedule.timezone))
      FaultAt(document,
              "the cron trigger is in UTC, and its plan's time zone is " + schedule.timezone);
    if (schedule.suspend) FaultAt(document, "by its plan the schedule is suspended");
    Compare(document,
            Value()
                .Set("name", workflow)
                .Set("workflow_name", workflow)
                .Set("workflow_params", Value().Set("env", mistral_words::kEnvironment))
                .Set("pattern", compiler::ForCroniter(schedule.cron)),
            std::array<std::string_view, 0>{}, "the cron trigger");
  }

  void ReviewCronWorkflow(const Value& document, const compiler::Schedule& schedule,
                          const std::string& workflow) {
    Compare(document, Value().Set("apiVersion", "argoproj.io/v1alpha1").Set("kind", "CronWorkflow"),
            std::array<std::string_view, 2>{"metadata", "spec"}, "the object");
    if (const Value* const metadata = Member(document, "metadata"))
      ReviewMetadata(*metadata, workflow);
    const Value* const spec = Member(document, "spec");
    if (spec == nullptr) return;
    Value wanted =
        Value()
            .Set("schedules", Value::List{compiler::WithSundayAsZero(schedule.cron)})
            .Set("timezone", schedule.timezone)
            .Set("concurrencyPolicy", schedule.concurrency == "allow" ? "Allow" : "Forbid")
            .Set("workflowSpec", Value().Set("workflowTemplateRef", Value().Set("name", workflow)));
    if (schedule.starting_deadline) {
      wanted.Set("startingDeadlineSeconds",
                 std::chrono::ceil<std::chrono::seconds>(*schedule.starting_deadline).count());
    }
    if (schedule.suspend) wanted.Set("suspend", true);
    Compare(*spec, wanted, kRunsKept, "'spec'");
    for (const std::string_view limit : kRunsKept) {
      const Value* const kept = spec->Find(limit);
      if (kept == nullptr) continue;  // Argo keeps some, too
      if (kept->is_int() && kept->AsInt() >= limits::kFewestRunsKept &&
          kept->AsInt() <= limits::kMostRunsKept)
        continue;
      FaultAt(*kept, fmt::format("'{}' is {}, and may be {} to {}", limit, TextOf(*kept),
                                 limits::kFewestRunsKept, limits::kMostRunsKept));
    }
  }

  const Value* Member(const Value& document, std::string_view key) {
    const Value* const found = document.Find(key);
    if (found == nullptr) FaultAt(document, fmt::format("the object has no '{}'", key));
    return found;
  }

  void ReviewMetadata(const Value& metadata, const std::string& workflow) {
    Compare(metadata, Value().Set("name", workflow), kMetadata, "'metadata'");
    for (const char* const kind : {"labels", "annotations"}) {
      const Value* const map = metadata.Find(kind);
      if (map == nullptr || !map->is_map()) continue;
      for (const auto& [name, value] : map->AsMap()) {
        if (name.find(kArgosOwn) != std::string::npos)
          FaultAt(value,
                  fmt::format("'{}' is among its {}, which Argo obeys", Printable(name), kind));
      }
    }
  }

  const Bundle& bundle_;
  const local::ParsedFile& file_;
  std::string name_;
  std::vector<std::string> faults_;
};

}  // namespace

std::vector<std::string> ScheduleFaults(const local::ParsedFile& file, ScheduleEngine engine,
                                        const Bundle& bundle) {
  return Reviewer(file, bundle).Run(engine);
}

bool HasSchedule(const Bundle& bundle) {
  return bundle.operation == Operation::kProtect && compiler::ScheduleOf(bundle.plan).has_value();
}

}  // namespace holdfast::verify
