#include "compiler/emit/mistral/mistral_emitter.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "compiler/emit/mistral/group_entries.h"
#include "compiler/emit/mistral/mistral_definition.h"
#include "compiler/plan/cron_line.h"
#include "compiler/plan/schedule.h"
#include "compiler/yaml/yaml_out.h"
#include "plugins/sdk/check.h"
#include "plugins/sdk/in_parallel.h"
#include "plugins/sdk/mistral_words.h"

namespace holdfast::compiler {
namespace {

// `begin` and `end`, or `gate` and `verdict`.
constexpr std::uint32_t kFrame = kFewestTasks - kFewestItems;

// The groups by how deep they stand in the tree; the first one is its root.
std::vector<std::vector<std::uint32_t>> LevelsOf(const std::vector<StepGroup>& groups) {
  std::vector<std::vector<std::uint32_t>> levels{{0}};
  for (;;) {
    std::vector<std::uint32_t> below;
    for (const std::uint32_t group : levels.back()) {
      for (const GroupItem& item : groups[group].items) {
        if (item.kind == GroupItem::Kind::kGroup) below.push_back(item.index);
      }
    }
    if (below.empty()) return levels;
    levels.push_back(std::move(below));
  }
}

// What a request for a cron trigger has (Mistral REST API v2, POST /v2/cron_triggers).
Result<std::string> WriteTrigger(const EngineWorkflow& workflow) {
  const Schedule& schedule = *workflow.schedule;
  if (!IsUtc(schedule.timezone)) {
    return InvalidInput(fmt::format("Mistral's cron triggers know UTC alone: the schedule's time "
                                    "zone {} cannot be kept",
                                    schedule.timezone))
        .At({"", schedule.timezone_at.line, schedule.timezone_at.column, {}, 1})
        .Hint("say in the plan when it is to run in UTC: schedule: {cron: ..., timezone: Etc/UTC}");
  }
  if (schedule.suspend) {
    return InvalidInput("Mistral has no cron trigger that is suspended")
        .At({"", schedule.suspend_at.line, schedule.suspend_at.column, {}, 1})
        .Hint("leave 'suspend' out of the plan, and make the trigger when it is to begin");
  }
  YamlOut out;
  out.Comment("The cron trigger that starts " + workflow.name +
              " by the schedule of its plan, in UTC. Its bundle has to be in the bank:");
  out.Comment(
      "'holdfast publish FILE' with the workflow's file puts it there. A run that is not over when "
      "the next one is due goes on");
  out.Comment(
      "beside it, with a checkpoint of its own; the next one's begin is refused where the first "
      "has something at rest.");
  out.BeginMap();
  out.Key("name");
  out.Word(workflow.name);
  out.Key("workflow_name");
  out.Word(workflow.name);
  out.Comment("The environment with the places of the site.");
  out.Key("workflow_params");
  out.BeginFlowMap();
  out.Key("env");
  out.Word(mistral_words::kEnvironment);
  out.EndFlowMap();
  out.Key("pattern");
  out.Text(ForCroniter(schedule.cron));
  out.EndMap();
  return out.Take();
}

// What a plan or the command line says, and Mistral has nothing for: for people.
std::vector<std::string> WhatIsNotKept(const EngineWorkflow& workflow, const EmitOptions& options) {
  std::vector<std::string> notes;
  if (workflow.parallelism) {
    notes.emplace_back(
        "Mistral has no limit of its own for how many steps of a run are at work: the plan's "
        "parallelism is not kept (the executor's is executor_thread_pool_size)");
  }
  if (workflow.schedule && workflow.schedule->concurrency == "forbid") {
    notes.emplace_back(
        "Mistral starts a run by its schedule also while the one before is at work: the "
        "schedule's concurrency is not kept");
  }
  if (workflow.schedule) {
    if (const std::vector<int> missed = MissedInMarch(workflow.schedule->cron); !missed.empty()) {
      notes.push_back(fmt::format(
          "Mistral's scheduler (croniter 1.3) starts nothing on the {} of March, which the "
          "schedule has beside a day that February does not have: leave 30 and 31 out",
          missed.size() == 1 ? "1st" : "1st and the 2nd"));
    }
  }
  if (workflow.run_deadline) {
    notes.emplace_back(
        "Mistral ends no workflow by a deadline: the plan's run_deadline is not kept");
  }
  if (workflow.schedule && workflow.schedule->starting_deadline) {
    notes.emplace_back(
        "Mistral starts what is due however late it is: the schedule's starting_deadline is not "
        "kept");
  }
  const PlanPolicy usual;
  if (workflow.keep_succeeded != usual.keep_succeeded ||
      workflow.keep_failed != usual.keep_failed) {
    notes.emplace_back(
        "Mistral keeps its runs as its own configuration says ([execution_expiration_policy]): "
        "the plan's keep_succeeded and keep_failed are not kept");
  }
  if (options.max_tasks_per_workflow != EmitOptions{}.max_tasks_per_workflow) {
    notes.emplace_back(
        "--max-tasks-per-workflow is for Argo: for Mistral there is one file, and what its "
        "definitions have --max-tasks-per-template says");
  }
  return notes;
}

class MistralEmitter final : public EngineEmitter {
 public:
  std::string_view name() const override { return "mistral"; }

  // Two tasks frame each. A definition is a file and a request of its own: no run of many is to be filled.
  GroupLimits LimitsOf(const EmitOptions& options) const override {
    const std::uint32_t items = std::max(options.max_tasks_per_template, kFewestTasks) - kFrame;
    return {items, items, items};
  }

  void Divide(EngineWorkflow& workflow, const ActivityDag& dag,
              const EmitOptions& /*options*/) const override {
    for (std::size_t group = 1; group < workflow.groups.size(); ++group)
      workflow.groups[group].separate = true;
    SetEntries(dag, workflow.groups);
  }

  Result<EmittedWorkflow> Emit(const EngineWorkflow& workflow,
                               const EmitOptions& options) const override {
    if (options.max_tasks_per_template < kFewestTasks) {
      return InvalidInput(fmt::format("a workflow of Mistral has at least {} tasks, not {}",
                                      kFewestTasks, options.max_tasks_per_template))
          .Hint("--max-tasks-per-template");
    }
    if (options.max_tasks_per_template > mistral_words::kMostTasks) {
      return InvalidInput(fmt::format("a definition of Mistral has at most {} tasks, not {}",
                                      mistral_words::kMostTasks, options.max_tasks_per_template))
          .Hint(fmt::format(
              "leave --max-tasks-per-template out, or say {} or less: what is larger is divided "
              "into sub-workflows",
              mistral_words::kMostTasks));
    }
    const std::size_t count = workflow.groups.size();
    std::vector<std::string> names(count);
    std::vector<std::string> texts(count);
    const auto levels = LevelsOf(workflow.groups);
    // From below: a definition has the names of those that it starts.
    for (std::size_t at = levels.size(); at-- != 0;) {
      const std::vector<std::uint32_t>& level = levels[at];
      std::vector<std::optional<Result<MistralDefinition>>> made(level.size());
      InParallel(level.size(), [&](std::size_t i) {
        made[i].emplace(WriteMistralDefinition(workflow, options, level[i], names));
      });
      for (std::size_t i = 0; i < level.size(); ++i) {
        HOLDFAST_ASSIGN_OR_RETURN(MistralDefinition definition, std::move(*made[i]));
        names[level[i]] = std::move(definition.name);
        texts[level[i]] = std::move(definition.text);
      }
    }
    EmittedWorkflow out;
    out.text = std::move(texts[0]);
    out.children.resize(count - 1);
    for (std::size_t group = 1; group < count; ++group) {
      EmittedFile& file = out.children[group - 1];
      file.name = workflow.groups[group].name + ".yaml";
      file.text = std::move(texts[group]);
    }
    out.notes = WhatIsNotKept(workflow, options);
    return out;
  }

  Result<std::string> EmitSchedule(const EngineWorkflow& workflow,
                                   const EmitOptions& /*options*/) const override {
    HOLDFAST_CHECK(workflow.schedule.has_value());
    return WriteTrigger(workflow);
  }
};

}  // namespace

std::unique_ptr<EngineEmitter> MakeMistralEmitter() { return std::make_unique<MistralEmitter>(); }

}  // namespace holdfast::compiler
