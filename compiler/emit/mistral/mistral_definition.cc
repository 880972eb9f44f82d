#include "compiler/emit/mistral/mistral_definition.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <span>
#include <string>
#include <string_view>

#include "compiler/graph/digraph.h"
#include "compiler/graph/reduction.h"
#include "compiler/yaml/yaml_out.h"
#include "plugins/sdk/check.h"
#include "plugins/sdk/mistral_words.h"
#include "plugins/sdk/operation.h"
#include "plugins/sdk/sha256.h"
#include "plugins/sdk/text.h"
#include "plugins/sdk/value.h"

namespace holdfast::compiler {
namespace {

namespace words = mistral_words;

constexpr std::size_t kLineWidth = 100;

class DefinitionWriter {
 public:
  // `name` is its own.
  DefinitionWriter(const EngineWorkflow& workflow, const EmitOptions& options, std::uint32_t group,
                   std::string_view name, std::span<const std::string> names)
      : workflow_(workflow),
        options_(options),
        group_(workflow.groups[group]),
        name_(name),
        names_(names),
        is_main_(group == 0),
        next_(group_.items.size()),
        inbound_(group_.items.size(), 0) {
    FindLinks();
  }

  Result<std::string> Run() {
    WriteHead();
    out_.BeginMap();
    out_.Key("version");
    out_.Text("2.0");
    out_.Key(name_);
    out_.BeginMap();
    if (is_main_) {
      out_.Key("description");
      out_.Text("compiled by " + options_.tool_version);
    }
    WriteTags();
    Word("type", "direct");
    WriteInput();
    WriteVariables();
    WriteDefaults();
    out_.Key("tasks");
    out_.BeginMap();
    WriteFirst();
    for (std::uint32_t at = 0; at < group_.items.size(); ++at) WriteItem(at);
    WriteLast();
    out_.EndMap();
    out_.EndMap();
    out_.EndMap();
    return out_.Take();
  }

 private:
  // The least links that keep the order of the group's items.
  void FindLinks() {
    std::vector<Digraph::Edge> edges;
    for (std::uint32_t at = 0; at < group_.items.size(); ++at) {
      for (const auto* const list : {&group_.items[at].succeeded, &group_.items[at].finished}) {
        for (const std::uint32_t before : *list) edges.push_back({before, at});
      }
    }
    const Digraph order(static_cast<std::uint32_t>(group_.items.size()), std::move(edges));
    const Reduction reduction = ReduceTransitively(order);
    for (std::size_t edge = 0; edge < order.edge_count(); ++edge) {
      if (!reduction.keep[edge]) continue;
      next_[order.edges()[edge].from].push_back(order.edges()[edge].to);
      ++inbound_[order.edges()[edge].to];
    }
  }

  const std::string& NameOf(std::uint32_t at) const {
    const GroupItem& item = group_.items[at];
    return item.kind == GroupItem::Kind::kStep ? workflow_.steps[item.index].name
                                               : workflow_.groups[item.index].name;
  }
  std::string_view Last() const { return is_main_ ? words::kEnd : words::kVerdict; }

  void Word(std::string_view key, std::string_view word) {
    out_.Key(key);
    out_.Word(word);
  }
  void Text(std::string_view key, std::string_view text) {
    out_.Key(key);
    out_.Text(text);
  }

  void WriteHead() {
    if (is_main_) {
      for (const std::string& line : workflow_.head) out_.Comment(line);
      if (workflow_.groups.size() > 1) {
        out_.Comment(
            "A task with 'workflow' stands for all steps of a file in NAME.children: one request "
            "to "
            "Mistral takes about as many tasks as a file has.");
      }
      out_.Comment(
          "Links are order alone. Whether a step may run it finds in the journal; one that may not "
          "exits 20, which Mistral shows as ERROR.");
      return;
    }
    out_.Comment(group_.comment);
    out_.Comment(fmt::format(
        "Compiled by Holdfast. {} starts it: begin and end of the run are there.", workflow_.name));
  }

  void WriteTags() {
    out_.Key("tags");
    out_.BeginFlowList();
    out_.Text(fmt::format("{}{}", words::kOperationTag, holdfast::NameOf(workflow_.operation)));
    out_.Text(fmt::format("{}{}", words::kPlanTag, workflow_.plan));
    out_.Text(fmt::format("{}{}", words::kProviderTag, workflow_.provider));
    out_.EndFlowList();
  }

  void Input(std::string_view name, const Value& value) {
    out_.BeginFlowMap();
    out_.Key(name);
    out_.Write(value, true);
    out_.EndFlowMap();
  }

  void WriteInput() {
    out_.Key("input");
    if (!is_main_) {
      out_.BeginFlowList();
      for (const words::HandedOn& input : words::kHandedOn) out_.Word(input.name);
      out_.EndFlowList();
      return;
    }
    out_.BeginList();
    out_.Comment("What this was compiled from (NAME.bundle beside this file), and who runs it.");
    Input("bundle", workflow_.bundle);
    Input("provider", workflow_.provider);
    out_.Comment("The record of another run, to resume it; empty: a new one.");
    Input("record", "");
    Input("fail-fast", workflow_.fail_fast);
    Input("partial", workflow_.partial);
    out_.Comment(
        "Only this bundle's definition has it: Mistral refuses who says it where another "
        "compile is stored.");
    Input(words::BundleInputOf(workflow_.bundle), true);
    out_.EndList();
  }

  void WriteVariables() {
    out_.Comment("What the action holdfast.step hands to every step.");
    out_.Key("vars");
    out_.BeginMap();
    for (const words::HandedOn& variable : words::kHandedOn) {
      const bool is_run = is_main_ && variable.name == "run";
      Text(variable.name, is_run ? words::kExecution : variable.expression);
    }
    out_.EndMap();
  }

  void WriteDefaults() {
    out_.Comment(
        "A step's result is one line: {\"exit\":0,...} when all is well. What is no such line (a "
        "lost "
        "connection) and exit 75 are tried again.");
    out_.Key("task-defaults");
    out_.BeginMap();
    Text("fail-on", words::kNotSucceeded);
    out_.Key("retry");
    out_.BeginMap();
    out_.Key("count");
    out_.Integer(workflow_.retries);
    out_.Key("delay");
    out_.Integer(words::kRetryDelay.count());
    Text("break-on", words::kFinal);
    out_.EndMap();
    out_.Key("timeout");
    out_.Integer(std::chrono::ceil<std::chrono::seconds>(
                     workflow_.step_deadline.value_or(words::kLongestStep) + words::kBeyondDeadline)
                     .count());
    out_.EndMap();
  }

  void BeginTask(std::string_view name) {
    out_.Key(name);
    out_.BeginMap();
  }

  // `flow` ends on the line where it begins.
  void Links(std::string_view key, const std::vector<std::string>& names) {
    constexpr std::size_t kIndent = 10;
    out_.Key(key);
    if (kIndent + key.size() + Join(names, ", ").size() <= kLineWidth) {
      out_.BeginFlowList();
      for (const std::string& name : names) out_.Word(name);
      return out_.EndFlowList();
    }
    // One a line: a step more or less is a line of a diff.
    out_.BeginList();
    for (const std::string& name : names) out_.Word(name);
    out_.EndList();
  }

  void WriteFirst() {
    std::vector<std::string> first;
    for (std::uint32_t at = 0; at < group_.items.size(); ++at) {
      if (inbound_[at] == 0) first.push_back(NameOf(at));
    }
    BeginTask(is_main_ ? words::kBegin : words::kGate);
    if (is_main_) {
      Word("action", words::kStepAction);
      out_.Key("input");
      out_.BeginFlowMap();
      Word("command", words::kBegin);
      Text("fail_fast", words::kFailFast);
      Text("partial", words::kPartial);
      out_.EndFlowMap();
    } else if (group_.entries.empty()) {
      out_.Comment("What can run here depends on more steps than are worth a question.");
      Word("action", words::kNoAction);
      // It has no result, which by the defaults is that of a step that failed.
      Text("fail-on", words::kNeverFails);
      NoRetry();
    } else {
      out_.Comment("Exits 20 when nothing here can run: then nothing is started to say so.");
      Word("action", words::kStepAction);
      std::vector<std::string> entries;
      entries.reserve(group_.entries.size());
      for (const std::uint32_t step : group_.entries) entries.push_back(workflow_.steps[step].name);
      out_.Key("input");
      out_.BeginFlowMap();
      Word("command", words::kGate);
      out_.Key("step");
      const std::string names = Join(entries, ",");
      if (entries.size() == 1) {
        out_.Word(names);
      } else {
        out_.Text(names);
      }
      out_.EndFlowMap();
    }
    Links("on-success", first);
    out_.EndMap();
  }

  void WriteItem(std::uint32_t at) {
    const GroupItem& item = group_.items[at];
    const bool is_step = item.kind == GroupItem::Kind::kStep;
    out_.Comment(is_step ? workflow_.steps[item.index].comment
                         : workflow_.groups[item.index].comment);
    BeginTask(NameOf(at));
    if (is_step) {
      Word("action", words::kStepAction);
      out_.Key("input");
      out_.BeginFlowMap();
      Word("step", NameOf(at));
      out_.EndFlowMap();
    } else {
      Word("workflow", names_[item.index]);
      out_.Key("input");
      out_.BeginFlowMap();
      for (const words::HandedOn& input : words::kHandedOn) Text(input.name, input.expression);
      out_.EndFlowMap();
      // It has no result of a step's, and its steps have their own deadlines and retries.
      Text("fail-on", words::kNeverFails);
      Text("timeout", words::kNoTimeout);
      NoRetry();
    }
    if (inbound_[at] > 1) Word("join", "all");
    std::vector<std::string> next;
    next.reserve(next_[at].size());
    for (const std::uint32_t other : next_[at]) next.push_back(NameOf(other));
    if (next.empty()) next.emplace_back(Last());
    Links("on-complete", next);
    out_.EndMap();
  }

  void NoRetry() {
    out_.Key("retry");
    out_.BeginFlowMap();
    out_.Key("count");
    out_.Integer(0);
    out_.Key("delay");
    out_.Integer(0);
    out_.EndFlowMap();
  }

  void WriteLast() {
    const auto sinks =
        std::count_if(next_.begin(), next_.end(), [](const auto& next) { return next.empty(); });
    if (is_main_) {
      out_.Comment(
          "The verdict, and the clean-ups that are still owed. It fails when any task has, also "
          "when all clean-ups went well.");
    }
    BeginTask(Last());
    if (is_main_) {
      Word("action", words::kStepAction);
      out_.Key("input");
      out_.BeginFlowMap();
      Word("command", words::kEnd);
      out_.EndFlowMap();
    } else {
      Word("action", words::kNoAction);
    }
    if (sinks > 1) Word("join", "all");
    if (is_main_) {
      Text("fail-on", words::kStepOrAnyTaskFailed);
    } else {
      Text("fail-on", words::kAnyTaskFailed);
      NoRetry();
    }
    out_.EndMap();
  }

  const EngineWorkflow& workflow_;
  const EmitOptions& options_;
  const StepGroup& group_;
  const std::string_view name_;
  const std::span<const std::string> names_;
  const bool is_main_;
  std::vector<std::vector<std::uint32_t>> next_;  // by item: what waits for it
  std::vector<std::size_t> inbound_;              // by item: how many it waits for
  YamlOut out_;
};

// Of its lines but comments. A name of a resource that changes stands in those alone.
std::string HashOfContent(std::string_view text) {
  constexpr std::size_t kDigits = 10;
  Sha256 hash;
  for (const std::string_view line : Split(text, '\n')) {
    if (Trim(line).starts_with('#')) continue;
    hash.Update(line);
    hash.Update("\n");
  }
  return hash.FinishHex().substr(0, kDigits);
}

}  // namespace

Result<MistralDefinition> WriteMistralDefinition(const EngineWorkflow& workflow,
                                                 const EmitOptions& options, std::uint32_t group,
                                                 std::span<const std::string> names) {
  MistralDefinition out;
  out.name = workflow.name;
  if (group != 0) out.name += "." + workflow.groups[group].name;
  HOLDFAST_ASSIGN_OR_RETURN(out.text,
                            DefinitionWriter(workflow, options, group, out.name, names).Run());
  if (group == 0) return out;
  const std::string key = "\n" + out.name + ":\n";
  const std::size_t at = out.text.find(key);
  HOLDFAST_CHECK(at != std::string::npos);
  out.name += "." + HashOfContent(out.text);
  out.text.replace(at, key.size(), "\n" + out.name + ":\n");
  return out;
}

}  // namespace holdfast::compiler
