#include "runtime/lint/argo_variables.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugins/sdk/text.h"
#include "runtime/local/expression.h"

namespace holdfast::lint {
namespace {

// Sorted: a template may have very many tasks.
using Names = std::vector<std::string>;

// More names than these are not listed in a hint, nor searched for the one that was meant.
constexpr std::size_t kMostShown = 30;
constexpr std::size_t kMostSearched = 200;

// What begins otherwise is none of Argo's: it stays as it is.
constexpr std::array<std::string_view, 7> kRoots{"item.", "steps.",    "inputs.", "outputs.",
                                                 "pod.",  "workflow.", "tasks."};
// The words behind "workflow.".
constexpr std::array<std::string_view, 15> kOfWorkflow{
    "name",       "namespace", "uid",      "mainEntrypoint", "serviceAccountName",
    "parameters", "outputs",   "labels",   "annotations",    "creationTimestamp",
    "priority",   "duration",  "failures", "status",         "scheduledTime"};

bool IsOfArgo(std::string_view tag) {
  return std::any_of(kRoots.begin(), kRoots.end(),
                     [tag](std::string_view root) { return tag.starts_with(root); });
}

bool Contains(const Names& names, std::string_view name) {
  return std::binary_search(names.begin(), names.end(), name);
}

// Cuts `prefix` off; false where `text` does not begin with it.
bool Skip(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// The names of the members of a list.
Names NamesIn(const Value* list) {
  Names names;
  if (list == nullptr || !list->is_list()) return names;
  for (const Value& element : list->AsList()) names.push_back(element.StringOr("name", ""));
  std::sort(names.begin(), names.end());
  return names;
}

Names NamesOf(const Value& owner, std::string_view map, std::string_view list) {
  const Value* const found = owner.Find(map);
  return NamesIn(found == nullptr ? nullptr : found->Find(list));
}

// Is it certain that nobody can evaluate this? Argo's expressions can do more than ours: only a quote or
// bracket that is not closed, and an operator that waits for its right side.
bool IsUnfinished(std::string_view expression) {
  const std::string_view text = Trim(expression);
  if (text.empty()) return true;
  std::string open;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const std::string_view rest = text.substr(i);
    // A comment may hold anything.
    if (c == '#' || rest.starts_with("//") || rest.starts_with("/*")) return false;
    if (c == '"' || c == '\'' || c == '`') {
      for (++i; i < text.size() && text[i] != c; ++i) {
        if (text[i] == '\\' && c != '`') ++i;
      }
      if (i >= text.size()) return true;
    } else if (c == '(' || c == '[' || c == '{') {
      open += c;
    } else if (c == ')' || c == ']' || c == '}') {
      const char wanted = c == ')' ? '(' : c == ']' ? '[' : '{';
      if (open.empty() || open.back() != wanted) return true;
      open.pop_back();
    }
  }
  return !open.empty() || std::string_view("+-*/%^&|=!<>?:,.").find(text.back()) != text.npos;
}

// One template and what can be known in it.
class TemplateVariables {
 public:
  // `parameters` of the workflow; nothing where others may give it more.
  TemplateVariables(const local::SourceFile& source, const Value& made,
                    const std::optional<Names>& parameters, Findings& found)
      : source_(source),
        name_(fmt::format("template '{}'", Printable(made.StringOr("name", "")))),
        inputs_(NamesOf(made, "inputs", "parameters")),
        artifacts_(NamesOf(made, "inputs", "artifacts")),
        parameters_(parameters),
        found_(found) {
    const Value* const steps = made.Find("steps");
    if (made.Find("dag") != nullptr) {
      tasks_ = NamesOf(made, "dag", "tasks");
    } else if (steps != nullptr) {
      steps_.emplace();
      if (!steps->is_list()) return;
      for (const Value& group : steps->AsList()) {
        for (std::string& name : NamesIn(&group)) steps_->push_back(std::move(name));
      }
      std::sort(steps_->begin(), steps_->end());
    }
  }

  // Of a template in a task or a step of another, `around`, which Argo fills in first: this one knows
  // the names of both. `around` has to outlive it.
  TemplateVariables(const TemplateVariables& around, const Value& made)
      : TemplateVariables(around.source_, made, around.parameters_, around.found_) {
    name_ = around.around_ == nullptr ? "an inline template in " + around.name_ : around.name_;
    around_ = &around;
  }

  void Check(const Value& value) {
    if (value.is_string()) return CheckText(value.AsString(), value.position());
    if (value.is_list()) {
      for (const Value& element : value.AsList()) Check(element);
    } else if (value.is_map()) {
      for (const auto& [key, member] : value.AsMap()) {
        CheckText(key, member.key_position());
        if (key == "inline" && member.is_map()) {
          TemplateVariables(*this, member).Check(member);
        } else {
          Check(member);
        }
      }
    }
  }

 private:
  // Nothing where it has none of that kind.
  using Known = std::optional<Names> TemplateVariables::*;

  bool Has(Known known) const {
    return (this->*known).has_value() || (around_ != nullptr && around_->Has(known));
  }

  bool Knows(Known known, std::string_view name) const {
    return ((this->*known) && Contains(*(this->*known), name)) ||
           (around_ != nullptr && around_->Knows(known, name));
  }

  // For a hint: no more than tell that there are too many for one.
  Names AllOf(Known known) const {
    Names all;
    for (const auto* at = this; at != nullptr; at = at->around_) {
      if (!(at->*known)) continue;
      for (const std::string& name : *(at->*known)) {
        if (all.size() > kMostSearched) return all;
        all.push_back(name);
      }
    }
    return all;
  }

  void CheckText(std::string_view text, Position position) {
    for (std::size_t open = text.find("{{"); open != text.npos; open = text.find("{{", open)) {
      open += 2;
      const std::size_t close = text.find("}}", open);
      const std::string_view tag = text.substr(open, close - open);
      if (close == text.npos) {
        // Of others it may be anything: in a program it need not be a tag at all.
        if (tag.starts_with('=') || IsOfArgo(Trim(tag))) {
          Add(position, fmt::format("'{{{{' at character {} is never closed", open - 1),
              "Argo interprets every '{{' of a workflow, and knows no escape for it");
        }
        return;
      }
      if (tag.starts_with('=')) {
        CheckExpression(tag, position);
      } else {
        CheckVariable(Trim(tag), position);
      }
      open = close + 2;
    }
  }

  void CheckExpression(std::string_view tag, Position position) {
    const std::string_view expression = tag.substr(1);
    if (IsUnfinished(expression)) {
      return Add(position, fmt::format("'{{{{{}}}}}' is no expression", Printable(tag)),
                 "Argo evaluates what begins with '{{='");
    }
    const auto parsed = local::Expression::Parse(expression);
    if (!parsed) return;  // Argo's can do more
    for (const std::string& name : parsed->variables()) {
      if (name.starts_with("inputs.") || name.starts_with("workflow."))
        CheckVariable(name, position);
    }
  }

  void CheckVariable(std::string_view tag, Position position) {
    if (!IsOfArgo(tag)) return;
    if (const auto hint = WhyUnknown(tag)) {
      Add(position, fmt::format("there is no variable '{{{{{}}}}}' here", Printable(tag)), *hint);
    }
  }

  // What to say of a variable that cannot be known; nothing where it may be.
  std::optional<std::string> WhyUnknown(std::string_view tag) const {
    std::string_view rest = tag;
    if (Skip(rest, "inputs.")) return WhyNoInput(rest);
    if (Skip(rest, "workflow.")) return WhyNotOfWorkflow(rest);
    for (const auto& [root, called] : kCalls) {
      if (!Skip(rest, root) || rest.starts_with("name")) continue;
      if (!Has(called)) return WhyNoCall(root);
      if (const std::string name(rest.substr(0, rest.find('.'))); !Knows(called, name)) {
        return DidYouMean(name, AllOf(called))
            .value_or(fmt::format("there is no '{}' in {}", Printable(name), name_));
      }
    }
    if (!Has(&TemplateVariables::tasks_) && !Has(&TemplateVariables::steps_) &&
        tag.starts_with("item."))
      return "an item is known to the task or the step that has several";
    return std::nullopt;
  }

  std::optional<std::string> WhyNoInput(std::string_view rest) const {
    const bool parameter = rest.starts_with("parameters");
    const Known names = parameter ? &TemplateVariables::inputs_ : &TemplateVariables::artifacts_;
    if (!Skip(rest, parameter ? "parameters" : "artifacts"))
      return "behind 'inputs.' comes 'parameters.' or 'artifacts.'";
    if (rest.empty() || (Skip(rest, ".") && Knows(names, rest))) return std::nullopt;
    const std::string name(parameter ? rest : rest.substr(0, rest.rfind('.')));  // FILE.path
    if (!parameter && Knows(names, name)) return std::nullopt;
    const std::string what = parameter ? "input" : "artifact";
    const Names known = AllOf(names);
    return DidYouMean(name, known).value_or(fmt::format("{} has {}", name_, Shown(known, what)));
  }

  std::optional<std::string> WhyNotOfWorkflow(std::string_view rest) const {
    const std::string word(rest.substr(0, rest.find('.')));
    if (std::find(kOfWorkflow.begin(), kOfWorkflow.end(), word) == kOfWorkflow.end()) {
      const Names words(kOfWorkflow.begin(), kOfWorkflow.end());
      return DidYouMean(word, words).value_or("a workflow has " + Join(words, ", "));
    }
    if (!parameters_ || !Skip(rest, "parameters.") || rest == "json" ||
        Contains(*parameters_, rest))
      return std::nullopt;
    return DidYouMean(rest, *parameters_)
        .value_or("the workflow has " + Shown(*parameters_, "parameter"));
  }

  std::string WhyNoCall(std::string_view root) const {
    return root == "tasks." ? "what a task has given is known in the DAG that it stands in"
                            : "what a step has given is known in the steps that it stands among";
  }

  static std::string Shown(const Names& names, const std::string& what) {
    if (names.empty()) return fmt::format("no {}s", what);
    if (names.size() > kMostShown) return fmt::format("no such {}", what);
    return fmt::format("the {}{} {}", what, names.size() == 1 ? "" : "s",
                       Printable(Join(names, ", ")));
  }

  static std::optional<std::string> DidYouMean(std::string_view name, const Names& names) {
    const std::string near = names.size() > kMostSearched ? "" : Nearest(name, names);
    return near.empty() ? std::nullopt
                        : std::optional(fmt::format("did you mean '{}'?", Printable(near)));
  }

  void Add(Position position, std::string message, std::string hint) {
    found_.push_back(
        {"unreadable", source_.At(position, std::move(message)).Hint(std::move(hint))});
  }

  const local::SourceFile& source_;
  std::string name_;
  std::optional<Names> inputs_;
  std::optional<Names> artifacts_;
  const std::optional<Names>& parameters_;
  std::optional<Names> tasks_;  // of its DAG
  std::optional<Names> steps_;
  const TemplateVariables* around_ = nullptr;  // Not owned; outlives this.
  Findings& found_;

  static constexpr std::array<std::pair<std::string_view, Known>, 2> kCalls{
      {{"tasks.", &TemplateVariables::tasks_}, {"steps.", &TemplateVariables::steps_}}};
};

}  // namespace

Findings FindVariableFaults(const local::SourceFile& source, const Value& document) {
  Findings found;
  if (!document.StringOr("apiVersion", "").starts_with("argoproj.io/")) return found;
  const std::string kind = document.StringOr("kind", "");
  const bool has_templates =
      kind == "Workflow" || kind == "CronWorkflow" || kind.ends_with("WorkflowTemplate");
  if (!has_templates) return found;
  const Value* spec = document.Find("spec");
  if (spec != nullptr && kind == "CronWorkflow") spec = spec->Find("workflowSpec");
  const Value* const templates = spec == nullptr ? nullptr : spec->Find("templates");
  if (templates == nullptr || !templates->is_list()) return found;
  // A WorkflowTemplate has those of who calls it, too.
  std::optional<Names> parameters;
  if ((kind == "Workflow" || kind == "CronWorkflow") &&
      spec->Find("workflowTemplateRef") == nullptr)
    parameters = NamesOf(*spec, "arguments", "parameters");
  for (const Value& made : templates->AsList())
    TemplateVariables(source, made, parameters, found).Check(made);
  return found;
}

}  // namespace holdfast::lint
