#include "runtime/lint/mistral_lint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "plugins/sdk/mistral_words.h"
#include "plugins/sdk/text.h"
#include "runtime/lint/mistral_calls.h"
#include "runtime/lint/mistral_constants.h"
#include "runtime/lint/mistral_expressions.h"
#include "runtime/lint/mistral_graph.h"
#include "runtime/lint/mistral_joins.h"
#include "runtime/lint/mistral_reach.h"
#include "runtime/lint/mistral_recursion.h"
#include "runtime/lint/mistral_schedule.h"
#include "runtime/lint/mistral_schema.h"
#include "runtime/lint/mistral_size.h"
#include "runtime/lint/mistral_traps.h"
#include "runtime/local/expression.h"
#include "runtime/local/workflow_file.h"
#include "runtime/mistral/definition_reading.h"

namespace holdfast::lint {
namespace {

using local::ParsedFile;
using local::SourceFile;
using mistral::IsTextKey;
using mistral::MistralDocument;

// Mistral's own limits: its columns have 255 characters, a join's lock has some of its own in front.
constexpr std::size_t kLongestName = 255;
constexpr std::size_t kLongestJoin = 208;
constexpr std::size_t kUuidDigits = 32;

// As oslo.utils has it: 32 hexadecimal digits, with '-' anywhere, in {}, behind urn: or uuid:.
bool LooksLikeUuid(std::string_view name) {
  std::string text = Lowered(name);
  for (const std::string_view word : {"urn:", "uuid:"}) {
    for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word))
      text.erase(at, word.size());
  }
  const std::size_t begin = text.find_first_not_of("{}");
  if (begin == std::string::npos) return false;
  text = text.substr(begin, text.find_last_not_of("{}") + 1 - begin);
  std::erase(text, '-');
  return text.size() == kUuidDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// As Mistral counts: of UTF-8 every byte but those that continue a character.
std::size_t Characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

class WorkflowLint {
 public:
  WorkflowLint(const SourceFile& source, const std::string& name, const Value& workflow,
               const MistralWorkflows& workflows)
      : source_(source), name_(name), workflow_(workflow), workflows_(workflows) {}

  Findings Run() {
    CheckName();
    CheckBundleInput();
    Findings fields = CheckMistralWorkflow(source_, name_, workflow_);
    // What is no workflow has no tasks to look at.
    const bool readable = !HasErrors(fields);
    Take(std::move(fields));
    const Value* const tasks = workflow_.Find("tasks");
    if (tasks == nullptr || !tasks->is_map()) return std::move(found_);
    Take(CheckExpressions(source_, workflow_));
    Take(CheckSizes(source_, workflow_, *tasks, workflows_));
    Take(CheckCalls(source_, name_, tasks->AsMap(), workflows_));
    Take(CheckSecrets(source_, tasks->AsMap()));
    CheckTasks(*tasks);
    CheckDefaults(*tasks);
    if (workflow_.StringOr("type", "direct") == "reverse") {
      CheckReverse(*tasks);
    } else if (readable) {
      const MistralGraph graph = ReadGraph(source_, workflow_, found_);
      const MistralReach reach(graph);
      Take(CheckJoins(source_, graph, reach, *tasks));
      Take(CheckMaskedFailures(source_, workflow_, graph, reach));
      calls_ = UnavoidableCalls(graph, reach);
    }
    return std::move(found_);
  }
  std::vector<MistralCall> TakeCalls() { return std::move(calls_); }

 private:
  void Take(Findings more) {
    for (Finding& finding : more) found_.push_back(std::move(finding));
  }
  void Add(std::string trap, const Value& value, std::string_view key, std::string message,
           std::string hint = "", Severity severity = Severity::kError) {
    found_.push_back({std::move(trap),
                      source_.AtKey(value, key, std::move(message)).Hint(std::move(hint)),
                      severity});
  }

  void CheckName() {
    if (!IsTextKey(source_, name_, workflow_))
      Add("name", workflow_, name_,
          fmt::format("'{}' is no text to Mistral, and a workflow's name is one", Printable(name_)),
          fmt::format("write \"{}\"", Printable(name_)));
    if (name_.empty()) Add("name", workflow_, name_, "a workflow has a name");
    if (name_.find(' ') != std::string::npos)
      Add("name", workflow_, name_, "a workflow's name has no blanks");
    if (LooksLikeUuid(name_))
      Add("name", workflow_, name_, "a workflow's name must not look like a UUID");
    if (Characters(name_) > kLongestName)
      Add("name", workflow_, name_,
          fmt::format("a workflow's name has at most {} characters", kLongestName));
  }

  // The default of `bundle`, and the input that only the definitions of that bundle have.
  void CheckBundleInput() {
    const Value* const inputs = workflow_.Find("input");
    if (inputs == nullptr || !inputs->is_list()) return;
    std::string bundle;
    for (const Value& input : inputs->AsList()) {
      if (input.is_map()) bundle = input.StringOr("bundle", bundle);
    }
    const std::string expected = mistral_words::BundleInputOf(bundle);
    const auto check = [&](const Value& value, const std::string& name) {
      if (!name.starts_with(mistral_words::kBundleInput) || name == expected) return;
      found_.push_back(
          {"bundle",
           source_
               .At(value.position(),
                   fmt::format("the input {} is not that of the workflow's bundle",
                               Printable(name)))
               .Hint(fmt::format("a limit of ours: {}; 'holdfast submit' says it, and "
                                 "Mistral refuses what it does not have",
                                 bundle.empty() ? "the workflow has no default of 'bundle'"
                                                : Printable(expected)))});
    };
    for (const Value& input : inputs->AsList()) {
      if (input.is_string()) check(input, input.AsString());
      if (!input.is_map()) continue;
      for (const auto& [name, value] : input.AsMap()) check(input, name);
    }
  }

  void CheckTasks(const Value& tasks) {
    if (tasks.AsMap().size() > mistral_words::kMostTasks) {
      Add("too-large", tasks, "tasks",
          fmt::format("{} tasks in one definition: Mistral takes 0.15 s for each to create it",
                      tasks.AsMap().size()),
          fmt::format("a limit of ours: up to {}; put parts of it into workflows of their own",
                      mistral_words::kMostTasks));
    }
    for (const auto& [name, task] : tasks.AsMap()) {
      if (name == "version") {
        Add("name", task, name, "a task cannot be called 'version': Mistral drops it", "",
            Severity::kWarning);
        continue;
      }
      CheckTaskName(name, task);
      CheckParses(task);
      CheckConcurrency(task);
    }
  }

  // Of items that are run one after another; without them, Mistral looks no further than at its type.
  void CheckConcurrency(const Value& task) {
    if (task.Find("with-items") == nullptr) {
      if (const Value* const own = task.Find("concurrency"))
        WarnOfConcurrency(*own, "the task has");
      return;
    }
    const Value* const most = PolicyOf(task, workflow_.Find("task-defaults"), "concurrency");
    if (most == nullptr) return;
    const std::optional<Value> constant = ConstantOf(*most);
    if (constant && constant->is_double() && !IsNothing(*constant))
      Add("field", *most, "concurrency", "Mistral takes such a number, and the run breaks over it",
          fmt::format("concurrency: {:.0f}", constant->AsDouble()));
  }

  void WarnOfConcurrency(const Value& most, std::string_view who) {
    const std::optional<Value> constant = ConstantOf(most);
    if (constant && IsNothing(*constant)) return;
    Add("field", most, "concurrency",
        fmt::format("'concurrency' is how many items run at once, and {} none: it does nothing",
                    who),
        "how many tasks run at once is up to Mistral's executors (executor_thread_pool_size)",
        Severity::kWarning);
  }

  void CheckTaskName(const std::string& name, const Value& task) {
    const Value* const join = task.Find("join");
    const bool joins = join != nullptr && !IsNothing(*join);
    const std::size_t most = joins ? kLongestJoin : kLongestName;
    if (Characters(name) > most) {
      Add("name", task, name,
          fmt::format("the name of a task{} has at most {} characters", joins ? " with join" : "",
                      most));
    }
  }

  // json_parse of what is no JSON ends the whole execution: no clean-up, no verdict. Of what is JSON it is well.
  void CheckParses(const Value& task) {
    if (const Value* const expression = task.Find("fail-on")) CheckParse(*expression, "fail-on");
    const Value* const retry = task.Find("retry");
    if (retry == nullptr) return;
    for (const char* const key : {"break-on", "continue-on"}) {
      if (const Value* const expression = retry->Find(key)) CheckParse(*expression, key);
    }
  }
  void CheckParse(const Value& expression, std::string_view key) {
    if (!expression.is_string()) return;
    const std::string& text = expression.AsString();
    if (text.find("json_parse(") == std::string::npos || text.find("task(") == std::string::npos)
      return;
    Add("json-parse", expression, key,
        "json_parse of a result that is no JSON ends the whole execution at once",
        "look at the text: str(task().result) =~ '^...'", Severity::kWarning);
  }

  // A policy of a task that is nothing does not stand for one of task-defaults that is something.
  void CheckDefaults(const Value& tasks) {
    const Value* const defaults = workflow_.Find("task-defaults");
    if (defaults == nullptr || !defaults->is_map()) return;
    CheckParses(*defaults);
    const auto has_items = [](const auto& task) {
      return task.second.Find("with-items") != nullptr;
    };
    if (const Value* const most = defaults->Find("concurrency");
        most != nullptr && std::none_of(tasks.AsMap().begin(), tasks.AsMap().end(), has_items))
      WarnOfConcurrency(*most, "the tasks have");
    for (const auto& [name, task] : tasks.AsMap()) {
      for (const char* const key :
           {"fail-on", "timeout", "wait-before", "wait-after", "pause-before", "concurrency"}) {
        const Value* const own = task.Find(key);
        const Value* const of_all = defaults->Find(key);
        if (own == nullptr || of_all == nullptr || !IsNothing(*own) || IsNothing(*of_all)) continue;
        Add("no-override", *own, key,
            fmt::format(
                "'{}: {}' does not stand for that of task-defaults: Mistral takes it for none", key,
                local::TextOf(*own)),
            fmt::format("{}: \"<% {} %>\"", key, local::TextOf(*own)), Severity::kWarning);
      }
    }
  }
  void CheckReverse(const Value& tasks) {
    Add("reverse", *workflow_.Find("type"), "type",
        "a reverse workflow may run tasks twice, or not at all: Mistral has no lock for its "
        "joins",
        "a limit of ours: write a direct one, with join: all, and on-complete of what comes "
        "before");
    for (const auto& [name, task] : tasks.AsMap()) {
      const Value* const before = task.Find("requires");
      if (before == nullptr) continue;
      if (before->is_string()) CheckRequired(tasks, *before);
      if (!before->is_list()) continue;
      for (const Value& one : before->AsList()) CheckRequired(tasks, one);
    }
  }
  void CheckRequired(const Value& tasks, const Value& name) {
    if (!name.is_string() || tasks.Find(name.AsString()) != nullptr) return;
    found_.push_back(
        {"reference", source_.At(name.position(), fmt::format("there is no task '{}'",
                                                              Printable(name.AsString())))});
  }

  const SourceFile& source_;
  const std::string& name_;
  const Value& workflow_;
  const MistralWorkflows& workflows_;
  Findings found_;
  std::vector<MistralCall> calls_;
};

std::uint32_t LineOf(const Error& error) { return error.where() ? error.where()->line : 0; }

// What Holdfast's reader of YAML does not take, and Mistral's does.
Error WithOurLimit(Error error) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kLimits{
      {{"is given twice", "a limit of ours: Mistral takes the last one"},
       {"anchors (&name)", "a limit of ours: to Mistral it is text"},
       {"aliases (*name)", "a limit of ours: to Mistral it is text"}}};
  for (const auto& [message, limit] : kLimits) {
    if (error.message().find(message) == std::string::npos) continue;
    const std::string before = error.hint();
    return std::move(error).Hint(before.empty() ? std::string(limit)
                                                : fmt::format("{}; {}", limit, before));
  }
  return error;
}

class FileLint {
 public:
  FileLint(const SourceFile& source, const Result<MistralDocument>& document,
           const MistralWorkflows& workflows)
      : source_(source), document_(document), workflows_(workflows) {}

  Findings Run() {
    if (!document_) {
      found_.push_back({"unreadable", WithOurLimit(Error(document_.error()))});
      return std::move(found_);
    }
    for (const Error& refused : document_->refused) found_.push_back({"field", refused});
    if (!document_->value.is_map()) {
      Whole("a file is a map of workflows");
    } else if (IsCronTrigger(document_->value)) {
      for (Finding& finding : FindTriggerFaults(source_, document_->value))
        found_.push_back(std::move(finding));
    } else {
      Document();
    }
    return std::move(found_);
  }
  // What the file's workflows call.
  std::vector<MistralCaller> TakeCallers() { return std::move(callers_); }

 private:
  void Whole(std::string message) {
    found_.push_back(
        {"unreadable", InvalidInput(std::move(message)).At({source_.path, 1, 1, {}, 1})});
  }

  void Document() {
    Version();
    bool any = false;
    for (const auto& [name, workflow] : document_->value.AsMap()) {
      if (name == "version") continue;
      any = true;
      WorkflowLint lint(source_, name, workflow, workflows_);
      for (Finding& finding : lint.Run()) found_.push_back(std::move(finding));
      callers_.push_back({name, &source_, lint.TakeCalls()});
    }
    if (!any) Whole("the file has no workflow");
  }

  // There is one; what it says, Mistral does not look at.
  void Version() {
    const Value* const version = document_->value.Find("version");
    if (version == nullptr) {
      found_.push_back(
          {"unreadable", InvalidInput("the file has no 'version', and Mistral wants one")
                             .Hint("version: '2.0'")
                             .At({source_.path, 1, 1, {}, 1})});
      return;
    }
    const bool text = version->is_string() && !version->AsString().empty();
    const bool number = (version->is_int() && version->AsInt() >= 0) ||
                        (version->is_double() && version->AsDouble() >= 0);
    if (!text && !number)
      found_.push_back({"field", source_
                                     .AtKey(*version, "version",
                                            "'version' is a text, or a number that is not negative")
                                     .Hint("version: '2.0'")});
  }

  const SourceFile& source_;
  const Result<MistralDocument>& document_;
  const MistralWorkflows& workflows_;
  Findings found_;
  std::vector<MistralCaller> callers_;
};

}  // namespace

Findings LintMistral(const std::vector<SourceFile>& files) {
  std::vector<ParsedFile> parsed;
  std::vector<Result<MistralDocument>> documents;
  parsed.reserve(files.size());
  documents.reserve(files.size());
  MistralWorkflows workflows;
  for (const SourceFile& file : files) {
    parsed.push_back(local::ParseFile(file));
    documents.push_back(mistral::ReadMistralFile(parsed.back()));
    const auto& read = documents.back();
    if (!read || !read->value.is_map() || IsCronTrigger(read->value)) continue;
    for (const auto& [name, workflow] : read->value.AsMap()) {
      if (name != "version") workflows.emplace(name, &workflow);
    }
  }
  std::vector<Findings> found;
  std::vector<MistralCaller> callers;
  for (std::size_t at = 0; at < parsed.size(); ++at) {
    FileLint lint(parsed[at].source, documents[at], workflows);
    found.push_back(lint.Run());
    for (MistralCaller& caller : lint.TakeCallers()) callers.push_back(std::move(caller));
  }
  MistralRecursion recursion = CheckRecursion(callers);
  Findings all;
  for (std::size_t at = 0; at < parsed.size(); ++at) {
    if (!recursion.found.empty() && callers[recursion.caller].source == &parsed[at].source)
      found[at].push_back(std::move(recursion.found.front()));
    std::stable_sort(found[at].begin(), found[at].end(), [](const Finding& a, const Finding& b) {
      return LineOf(a.error) < LineOf(b.error);
    });
    for (Finding& finding : found[at]) all.push_back(std::move(finding));
  }
  return all;
}

}  // namespace holdfast::lint
