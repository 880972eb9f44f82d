#include "runtime/cli/template_references.h"

namespace holdfast::cli {
namespace {

// The leaf template that starts a child, and its input that says of which WorkflowTemplate (templates/argo).
constexpr std::string_view kChild = "child";
constexpr std::string_view kTemplateOfChild = "template";

void AddChild(const Value& task, std::set<std::string>& out) {
  const Value* const ref = task.Find("templateRef");
  if (ref == nullptr || !ref->is_map() || ref->StringOr("template", "") != kChild) return;
  const Value* const arguments = task.Find("arguments");
  const Value* const list =
      arguments != nullptr && arguments->is_map() ? arguments->Find("parameters") : nullptr;
  if (list == nullptr || !list->is_list()) return;
  for (const Value& parameter : list->AsList()) {
    if (parameter.is_map() && parameter.StringOr("name", "") == kTemplateOfChild)
      out.insert(parameter.StringOr("value", ""));
  }
}

void Collect(const Value& value, std::set<std::string>& out) {
  if (value.is_list()) {
    for (const Value& item : value.AsList()) Collect(item, out);
  }
  if (!value.is_map()) return;
  AddChild(value, out);
  for (const auto& [key, member] : value.AsMap()) {
    const bool is_reference = key == "templateRef" || key == "workflowTemplateRef";
    if (is_reference && member.is_map() && !member.BoolOr("clusterScope", false))
      out.insert(member.StringOr("name", ""));
    Collect(member, out);
  }
}

}  // namespace

std::set<std::string> TemplateReferences(const Value& spec) {
  std::set<std::string> out;
  Collect(spec, out);
  out.erase("");
  return out;
}

}  // namespace holdfast::cli
