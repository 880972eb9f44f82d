#include "runtime/verify/argo_form.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "plugins/sdk/text.h"
#include "runtime/local/workflow_file.h"

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
// Argo takes orders by these.
constexpr std::string_view kArgosOwn = "workflows.argoproj.io/";

class Reviewer {
 public:
  explicit Reviewer(const Bundle& bundle) {
    const Value* const policy = bundle.plan.Find("policy");
    run_deadline_ = policy == nullptr ? 0 : policy->IntOr("run_deadline", 0);
  }

  std::vector<std::string> Run(std::span<const local::SourceFile> files) {
    for (const local::SourceFile& file : files) {
      is_first_ = &file == &files.front();
      file_ = Printable(file.path.substr(file.path.rfind('/') + 1));
      const local::ParsedFile parsed = local::ParseFile(file);
      if (!parsed.documents) continue;  // who reads the workflow says so
      if (parsed.documents->size() != 1) Fault("is not one document");
      for (const Value& document : *parsed.documents) ReviewDocument(document);
    }
    return std::move(faults_);
  }

 private:
  void Fault(const std::string& what) { faults_.push_back(file_ + " " + what); }

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
    ReviewDeadline(*spec);
    const Value* const templates = spec->Find("templates");
    if (templates == nullptr || !templates->is_list()) return;
    for (const Value& one : templates->AsList()) ReviewTemplate(one);
  }

  void ReviewDeadline(const Value& spec) {
    const Value* const deadline = spec.Find("activeDeadlineSeconds");
    if (deadline == nullptr) return;
    const bool is_planned = is_first_ && run_deadline_ > 0 && deadline->is_int() &&
                            deadline->AsInt() >= run_deadline_ / 1000;
    if (!is_planned) Fault("has another 'activeDeadlineSeconds' than the run_deadline of its plan");
  }

  void ReviewTemplate(const Value& one) {
    const std::string of = "template " + Printable(one.StringOr("name", ""));
    ReviewFields(one, kTemplate, of);
    const Value* const dag = one.Find("dag");
    if (dag == nullptr) return;
    ReviewFields(*dag, kDag, of);
    const Value* const tasks = dag->Find("tasks");
    if (tasks == nullptr || !tasks->is_list()) return;
    for (const Value& task : tasks->AsList())
      ReviewFields(task, kTask, "task " + Printable(task.StringOr("name", "")));
  }

  std::int64_t run_deadline_ = 0;  // milliseconds; 0: none
  bool is_first_ = true;
  std::string file_;
  std::vector<std::string> faults_;
};

}  // namespace

std::vector<std::string> FormFaults(std::span<const local::SourceFile> files,
                                    const Bundle& bundle) {
  return Reviewer(bundle).Run(files);
}

}  // namespace holdfast::verify
