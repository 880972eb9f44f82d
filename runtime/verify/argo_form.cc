#include "runtime/verify/argo_form.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string_view>

#include "plugins/sdk/text.h"
#include "runtime/local/expression.h"
#include "runtime/verify/run_settings.h"
#include "runtime/verify/shown_value.h"

namespace holdfast::verify {
namespace {

using Names = std::span<const std::string_view>;

constexpr std::array<std::string_view, 4> kDocument{"apiVersion", "kind", "metadata", "spec"};
constexpr std::array<std::string_view, 5> kMetadata{"name", "generateName", "namespace", "labels",
                                                    "annotations"};
constexpr std::array<std::string_view, 15> kSpec{
    "entrypoint", "onExit", "parallelism", "activeDeadlineSeconds", "podGC", "ttlStrategy",
    "arguments", "templates",
    // Where pods run.
    "serviceAccountName", "automountServiceAccountToken", "imagePullSecrets", "nodeSelector",
    "affinity", "tolerations", "podPriorityClassName"};
constexpr std::array<std::string_view, 2> kTemplate{"name", "dag"};
constexpr std::array<std::string_view, 3> kDag{"failFast", "target", "tasks"};
constexpr std::array<std::string_view, 6> kTask{"name",      "template", "templateRef",
                                                "arguments", "depends",  "when"};
constexpr std::array<std::string_view, 1> kArguments{"parameters"};
constexpr std::array<std::string_view, 2> kParameter{"name", "value"};
// Argo takes orders by these.
constexpr std::string_view kArgosOwn = "workflows.argoproj.io/";

class Reviewer {
 public:
  explicit Reviewer(const Bundle& bundle) : plan_(SettingsOf(bundle)) {}

  std::vector<std::string> Run(std::span<const local::ParsedFile> files) {
    for (const local::ParsedFile& file : files) {
      is_first_ = &file == &files.front();
      const std::string& path = file.source.path;
      file_ = Printable(path.substr(path.rfind('/') + 1));
      if (!file.documents) continue;  // who reads the workflow says so
      if (file.documents->size() != 1) Fault("is not one document");
      for (const Value& document : *file.documents) ReviewDocument(document);
    }
    return std::move(faults_);
  }

 private:
  void Fault(const std::string& what) { faults_.push_back(file_ + " " + what); }
  void FaultAt(const Value& value, const std::string& what) {
    faults_.push_back(fmt::format("{}:{}: {}", file_, value.position().line, what));
  }

  void ReviewFields(const Value& map, Names known, std::string_view of) {
    if (!map.is_map()) return;
    for (const auto& [name, value] : map.AsMap()) {
      if (std::find(known.begin(), known.end(), name) == known.end())
        Fault(fmt::format("has '{}' in {}, which no compiled one has", Printable(name), of));
    }
  }

  void ReviewDocument(const Value& document) {
    if (document.StringOr("kind", "") == "Kustomization") return;  // names the others
    ReviewFields(document, kDocument, "the object");
    if (const Value* const metadata = document.Find("metadata")) {
      ReviewName(*metadata, document.StringOr("kind", "") == "Workflow");
      ReviewFields(*metadata, kMetadata, "'metadata'");
      for (const char* const kind : {"labels", "annotations"}) {
        const Value* const map = metadata->Find(kind);
        if (map == nullptr || !map->is_map()) continue;
        for (const auto& [name, value] : map->AsMap()) {
          if (name.starts_with(kArgosOwn))
            Fault(fmt::format("has '{}' among its {}, which Argo obeys", Printable(name), kind));
        }
      }
    }
    const Value* const spec = document.Find("spec");
    if (spec == nullptr) return;
    ReviewFields(*spec, kSpec, "'spec'");
    ReviewLimits(*spec);
    ReviewArguments(*spec);
    const Value* const templates = spec->Find("templates");
    if (templates == nullptr || !templates->is_list()) return;
    for (const Value& one : templates->AsList()) ReviewTemplate(one);
    ReviewShares();
  }

  // By it the schedule, what starts a child and whoever looks for runs know the workflow.
  void ReviewName(const Value& metadata, bool is_run) {
    if (is_first_) {
      ReviewField(metadata, "name", is_run ? Value() : Value(plan_.workflow));
      ReviewField(metadata, "generateName", is_run ? Value(plan_.workflow + "-") : Value());
      return;
    }
    const Value* const name = metadata.Find("name");
    if (name == nullptr || !name->is_string() || name->AsString().starts_with(plan_.workflow + "-"))
      return;
    FaultAt(*name, fmt::format("'name' is {}, which is no name of a part of {}", TextOf(*name),
                               plan_.workflow));
  }

  // Of a field that the plan has the say of. Null: the plan says nothing, and no field says so.
  void ReviewField(const Value& spec, std::string_view name, const Value& wanted) {
    const Value* const is = spec.Find(name);
    if (is == nullptr) {
      if (!wanted.is_null())
        Fault(fmt::format("has no '{}', and {} by its plan", name, TextOf(wanted)));
    } else if (wanted.is_null()) {
      FaultAt(*is, fmt::format("'{}' is {}, and by its plan there is none", name, TextOf(*is)));
    } else if (*is != wanted) {
      FaultAt(*is,
              fmt::format("'{}' is {}, and {} by its plan", name, TextOf(*is), TextOf(wanted)));
    }
  }

  void ReviewLimits(const Value& spec) {
    const auto of_first = [&](const auto& limit) { return is_first_ ? limit : Value(); };
    ReviewField(spec, "activeDeadlineSeconds",
                of_first(plan_.run_deadline ? Value(plan_.run_deadline->count()) : Value()));
    ReviewField(spec, "parallelism",
                of_first(plan_.parallelism ? Value(*plan_.parallelism) : Value()));
    ReviewField(spec, "podGC", Value().Set("strategy", "OnWorkflowSuccess"));
    ReviewField(spec, "ttlStrategy",
                Value()
                    .Set("secondsAfterSuccess", plan_.keep_succeeded.count())
                    .Set("secondsAfterFailure", plan_.keep_failed.count()));
  }

  // The run's parameters. What has no wanted value here is held to the bundle elsewhere; a child's come from what starts
  // it.
  void ReviewArguments(const Value& spec) {
    std::map<std::string_view, std::optional<std::string>> wanted{
        {"bundle", std::nullopt},
        {"provider", std::nullopt},
        {"record", std::nullopt},
        {"fail-fast", plan_.fail_fast ? "true" : "false"},
        {"partial", plan_.partial ? "true" : "false"}};
    if (!is_first_) {
      wanted.emplace("run", "");
      for (auto& [name, value] : wanted) value = "";
    }
    wanted.emplace("retries", std::to_string(plan_.retries));
    wanted.emplace("step-deadline", std::to_string(plan_.LongestStep().count()));
    const Value* const arguments = spec.Find("arguments");
    if (arguments == nullptr) return Fault("has no 'arguments'");
    ReviewFields(*arguments, kArguments, "'arguments'");
    const Value* const list = arguments->Find("parameters");
    if (list != nullptr && list->is_list()) {
      for (const Value& parameter : list->AsList()) {
        const std::string name = parameter.StringOr("name", "");
        const std::string of = "parameter " + Printable(name);
        ReviewFields(parameter, kParameter, of);
        const auto known = wanted.find(name);
        if (known == wanted.end()) {
          FaultAt(parameter, of + ", which no compiled one has");
          continue;
        }
        const std::optional<std::string> should = std::move(known->second);
        wanted.erase(known);
        const Value* const value = parameter.Find("value");
        const std::string is = value == nullptr ? "" : local::TextOf(*value);
        if (should && is != *should)
          FaultAt(parameter,
                  fmt::format("{} is '{}', and '{}' {}", of, Printable(is), *should,
                              is_first_ || !should->empty() ? "by its plan" : "in every child"));
      }
    }
    for (const auto& [name, value] : wanted) Fault(fmt::format("has no parameter {}", name));
  }

  void ReviewTemplate(const Value& one) {
    const std::string of = "template " + Printable(one.StringOr("name", ""));
    ReviewFields(one, kTemplate, of);
    const Value* const dag = one.Find("dag");
    if (dag == nullptr) return;
    ReviewFields(*dag, kDag, of);
    const Value* const tasks = dag->Find("tasks");
    if (tasks == nullptr || !tasks->is_list()) return;
    for (const Value& task : tasks->AsList()) ReviewTask(task);
  }

  void ReviewTask(const Value& task) {
    ReviewFields(task, kTask, "task " + Printable(task.StringOr("name", "")));
    const Value* const reference = task.Find("templateRef");
    if (reference != nullptr && reference->StringOr("template", "") == "child")
      starts_.push_back(&task);
  }

  // All children of the first one together run no more steps at once than the plan lets the run: its own 'parallelism' is
  // that of the children at once.
  void ReviewShares() {
    std::string wanted;
    if (plan_.parallelism && !starts_.empty()) {
      const std::int64_t most = *plan_.parallelism;
      const auto children = static_cast<std::int64_t>(starts_.size());
      wanted = std::to_string(is_first_ ? most / std::min(most, children) : 1);
    }
    for (const Value* const task : starts_) {
      const std::string is = ArgumentOf(*task, "parallelism");
      if (is == wanted) continue;
      FaultAt(*task, fmt::format("task {} has the argument parallelism '{}', and '{}' by its plan",
                                 Printable(task->StringOr("name", "")), Printable(is), wanted));
    }
    starts_.clear();
  }

  static std::string ArgumentOf(const Value& task, std::string_view name) {
    const Value* const arguments = task.Find("arguments");
    const Value* const list = arguments == nullptr ? nullptr : arguments->Find("parameters");
    if (list == nullptr || !list->is_list()) return {};
    for (const Value& argument : list->AsList()) {
      const Value* const value = argument.Find("value");
      if (value != nullptr && argument.StringOr("name", "") == name) return local::TextOf(*value);
    }
    return {};
  }

  RunSettings plan_;
  bool is_first_ = true;
  std::string file_;
  std::vector<const Value*> starts_;  // tasks of a file that start a child
  std::vector<std::string> faults_;
};

}  // namespace

std::vector<std::string> FormFaults(std::span<const local::ParsedFile> files,
                                    const Bundle& bundle) {
  return Reviewer(bundle).Run(files);
}

}  // namespace holdfast::verify
