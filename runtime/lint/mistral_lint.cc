#include "runtime/lint/mistral_lint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "plugins/sdk/text.h"
#include "runtime/lint/mistral_schema.h"
#include "runtime/local/expression.h"
#include "runtime/local/workflow_file.h"

namespace holdfast::lint {
namespace {

using local::ParsedFile;
using local::SourceFile;

// Mistral's own limits: its columns have 255 characters, a join's lock has some of its own in front.
constexpr std::size_t kLongestName = 255;
constexpr std::size_t kLongestJoin = 208;
// Ours: what one request to create a definition should take (its validation takes 0.15 s a task).
constexpr std::size_t kMostTasks = 200;
// 36 characters with '-' in four places, or 32 without, hexadecimal.
constexpr std::size_t kUuidDigits = 32;

constexpr std::array<std::string_view, 4> kCommands{"noop", "fail", "succeed", "pause"};

bool IsCommand(std::string_view name) {
  return std::find(kCommands.begin(), kCommands.end(), name) != kCommands.end();
}

// An action that Mistral brings, with its inputs: those that are needed, and all others.
struct KnownAction {
  std::string_view name;
  std::string_view needed;
  std::string_view others;
};
constexpr std::string_view kHttp =
    "method params body json headers cookies auth timeout allow_redirects proxies verify";
constexpr std::array kActions{
    KnownAction{"std.async_noop", "", ""}, KnownAction{"std.echo", "output", "delay"},
    KnownAction{"std.email", "from_addr to_addrs smtp_server",
                "reply_to cc_addrs bcc_addrs smtp_password subject body html_body"},
    KnownAction{"std.fail", "", "error_data"}, KnownAction{"std.http", "url", kHttp},
    KnownAction{"std.javascript", "script", "context"}, KnownAction{"std.js", "script", "context"},
    KnownAction{"std.mistral_http", "url", kHttp}, KnownAction{"std.noop", "", ""},
    KnownAction{"std.sleep", "", "seconds"},
    KnownAction{"std.ssh", "cmd host username", "password private_key_filename private_key"},
    KnownAction{"std.ssh_proxied", "cmd host username private_key_filename gateway_host",
                "gateway_username password proxy_command private_key"},
    KnownAction{"std.test_dict", "", "size key_prefix val"},
    // `mistral-db-manage populate` adds it.
    KnownAction{"std.wait_ssh", "cmd host username password", ""},
    // The site's (templates/mistral).
    KnownAction{"holdfast.step", "", "command step fail_fast partial"}};

bool LooksLikeUuid(std::string_view name) {
  std::size_t digits = 0;
  for (const char c : name) {
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (!hex && c != '-' && c != '{' && c != '}') return false;
    digits += hex ? 1 : 0;
  }
  return digits == kUuidDigits;
}

// The word of "action x=1": what Mistral calls. Its inputs in the same text are passed over.
std::string_view WordOf(std::string_view text) {
  const std::size_t end = text.find_first_of(" (");
  return text.substr(0, end);
}

// As Mistral counts: of UTF-8 every byte but those that continue a character.
std::size_t Characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

// A direct workflow's tasks and how they lead to each other.
struct Graph {
  enum class On : std::uint8_t { kComplete, kSuccess, kError };
  struct Link {
    std::size_t from = 0;
    std::size_t to = 0;
    On on = On::kComplete;
    bool condition = false;
  };
  std::vector<std::string> names;
  std::vector<const Value*> tasks;
  std::vector<Link> links;
  std::map<std::string, std::size_t, std::less<>> numbers;
};

constexpr std::array kClauses{std::pair{std::string_view("on-complete"), Graph::On::kComplete},
                              std::pair{std::string_view("on-success"), Graph::On::kSuccess},
                              std::pair{std::string_view("on-error"), Graph::On::kError}};

class WorkflowLint {
 public:
  WorkflowLint(const SourceFile& source, const std::string& name, const Value& workflow,
               const std::map<std::string, const Value*, std::less<>>& workflows)
      : source_(source), name_(name), workflow_(workflow), workflows_(workflows) {}

  Findings Run() {
    CheckName();
    Findings fields = CheckMistralWorkflow(source_, name_, workflow_);
    // What is no workflow has no tasks to look at.
    const bool readable = fields.empty();
    Take(std::move(fields));
    const Value* const tasks = workflow_.is_map() ? workflow_.Find("tasks") : nullptr;
    if (tasks == nullptr || !tasks->is_map()) return std::move(found_);
    Take(CheckExpressions(source_, workflow_));
    CheckTasks(tasks->AsMap());
    CheckDefaults();
    if (readable && workflow_.StringOr("type", "direct") == "direct") CheckLinks(tasks->AsMap());
    if (const Value* const type = workflow_.Find("type");
        type != nullptr && type->is_string() && type->AsString() == "reverse") {
      Add("reverse", *type, "type",
          "a reverse workflow may run tasks twice, or not at all: Mistral has no lock for its "
          "joins",
          "write a direct one: join: all, and on-complete of what comes before");
    }
    return std::move(found_);
  }

 private:
  void Take(Findings more) {
    for (Finding& finding : more) found_.push_back(std::move(finding));
  }
  void Add(std::string trap, const Value& value, std::string_view key, std::string message,
           std::string hint = "") {
    found_.push_back(
        {std::move(trap), source_.AtKey(value, key, std::move(message)).Hint(std::move(hint))});
  }

  void CheckName() {
    if (LooksLikeUuid(name_))
      Add("name", workflow_, name_, "a workflow's name must not look like a UUID");
    if (Characters(name_) > kLongestName)
      Add("name", workflow_, name_,
          fmt::format("a workflow's name has at most {} characters", kLongestName));
  }

  void CheckTasks(const Value::Map& tasks) {
    if (tasks.size() > kMostTasks) {
      Add("too-large", *workflow_.Find("tasks"), "tasks",
          fmt::format("{} tasks in one definition: Mistral takes 0.15 s for each to create it",
                      tasks.size()),
          fmt::format("up to {}; put parts of it into workflows of their own", kMostTasks));
    }
    for (const auto& [name, task] : tasks) {
      if (name == "version") {
        Add("name", task, name, "a task cannot be called 'version': Mistral drops it");
        continue;
      }
      CheckTaskName(name, task);
      if (!task.is_map()) continue;
      CheckCall(task);
      if (const Value* const expression = task.Find("fail-on")) CheckParse(*expression, "fail-on");
      CheckRetry(task);
    }
  }

  void CheckTaskName(const std::string& name, const Value& task) {
    const bool joins = task.is_map() && task.Find("join") != nullptr;
    const std::size_t most = joins ? kLongestJoin : kLongestName;
    if (Characters(name) > most) {
      Add("name", task, name,
          fmt::format("the name of a task{} has at most {} characters", joins ? " with join" : "",
                      most));
    }
  }

  void CheckCall(const Value& task) {
    if (const Value* const action = task.Find("action"); action != nullptr && action->is_string())
      CheckAction(task, *action);
    const Value* const workflow = task.Find("workflow");
    if (workflow == nullptr || !workflow->is_string()) return;
    const std::string word(WordOf(workflow->AsString()));
    if (IsExpression(workflow->AsString())) return;
    const auto found = workflows_.find(word);
    const bool has_inputs = word.size() != workflow->AsString().size();  // "w x=1"
    if (found != workflows_.end()) {
      if (!has_inputs) CheckInputs(task, *workflow, *found->second);
      return;
    }
    // Ours stand in the same files; others may be on the server.
    if (word.starts_with(name_.substr(0, name_.find('.')) + "."))
      Add("reference", *workflow, "workflow",
          fmt::format("there is no workflow {} in these files", Printable(word)));
  }

  void CheckAction(const Value& task, const Value& action) {
    const std::string& text = action.AsString();
    if (IsExpression(text)) return;
    const std::string_view word = WordOf(text);
    const auto* const known = std::find_if(
        kActions.begin(), kActions.end(), [&](const KnownAction& one) { return one.name == word; });
    if (known == kActions.end()) {
      if (!word.starts_with("std.")) return;
      std::vector<std::string> names;
      for (const KnownAction& one : kActions) names.emplace_back(one.name);
      const std::string near = Nearest(word, names);
      return Add(
          "action", action, "action",
          fmt::format("Mistral has no action '{}': the run would end there", Printable(word)),
          near.empty() ? "" : fmt::format("did you mean '{}'?", near));
    }
    if (word.size() != text.size() || task.Find("with-items") != nullptr) return;
    std::set<std::string_view> needed;
    std::set<std::string_view> all;
    for (const std::string_view name : Split(known->needed, ' ')) {
      if (!name.empty()) needed.insert(name);
    }
    all = needed;
    for (const std::string_view name : Split(known->others, ' ')) all.insert(name);
    const Value* const input = task.Find("input");
    if (input != nullptr && !input->is_map()) return;
    if (input != nullptr) {
      for (const auto& [name, value] : input->AsMap()) {
        if (all.contains(name)) continue;
        Add("action", value, name,
            fmt::format("{} has no input '{}': the run would end there", word, Printable(name)));
      }
    }
    for (const std::string_view name : needed) {
      if (input != nullptr && input->Find(name) != nullptr) continue;
      Add("action", action, "action",
          fmt::format("{} needs the input '{}': the run would end there", word, name));
    }
  }

  void CheckInputs(const Value& task, const Value& place, const Value& below) {
    const Value* const input = task.Find("input");
    if ((input != nullptr && !input->is_map()) || task.Find("with-items") != nullptr) return;
    std::set<std::string, std::less<>> all;
    const Value* const inputs = below.is_map() ? below.Find("input") : nullptr;
    if (inputs != nullptr && inputs->is_list()) {
      for (const Value& one : inputs->AsList()) {
        const bool needed = one.is_string();
        if (!needed && !one.is_map()) return;
        const std::string name = needed ? one.AsString() : one.AsMap().begin()->first;
        all.insert(name);
        if (needed && (input == nullptr || input->Find(name) == nullptr))
          Add("reference", place, "workflow",
              fmt::format("the workflow needs the input '{}'", Printable(name)));
      }
    }
    if (input == nullptr) return;
    for (const auto& [name, value] : input->AsMap()) {
      if (!all.contains(name))
        Add("reference", value, name,
            fmt::format("the workflow has no input '{}'", Printable(name)));
    }
  }

  // json_parse of what is no JSON ends the whole execution: no clean-up, no verdict.
  void CheckParse(const Value& expression, std::string_view key) {
    if (!expression.is_string()) return;
    const std::string& text = expression.AsString();
    if (text.find("json_parse(") == std::string::npos || text.find("task(") == std::string::npos)
      return;
    Add("json-parse", expression, key,
        "json_parse of a result that is no JSON ends the whole execution at once",
        "look at the text: str(task().result) =~ '^...'");
  }

  void CheckRetry(const Value& task) {
    const Value* const retry = task.Find("retry");
    if (retry == nullptr || !retry->is_map()) return;
    for (const char* const key : {"break-on", "continue-on"}) {
      if (const Value* const expression = retry->Find(key)) CheckParse(*expression, key);
    }
  }

  // A policy of a task that is nothing does not stand for one of task-defaults that is something.
  void CheckDefaults() {
    const Value* const defaults = workflow_.Find("task-defaults");
    if (defaults == nullptr || !defaults->is_map()) return;
    if (const Value* const expression = defaults->Find("fail-on"))
      CheckParse(*expression, "fail-on");
    CheckRetry(*defaults);
    for (const auto& [name, task] : workflow_.Find("tasks")->AsMap()) {
      if (!task.is_map()) continue;
      for (const char* const key :
           {"fail-on", "timeout", "wait-before", "wait-after", "pause-before", "concurrency"}) {
        const Value* const own = task.Find(key);
        if (own == nullptr || defaults->Find(key) == nullptr) continue;
        const bool nothing =
            (own->is_bool() && !own->AsBool()) || (own->is_int() && own->AsInt() == 0);
        if (!nothing) continue;
        Add("no-override", *own, key,
            fmt::format(
                "'{}: {}' does not stand for that of task-defaults: Mistral takes it for none", key,
                local::TextOf(*own)),
            fmt::format("{}: \"<% {} %>\"", key, local::TextOf(*own)));
      }
    }
  }

  void CheckLinks(const Value::Map& tasks) {
    Graph graph;
    for (const auto& [name, task] : tasks) {
      if (name == "version") continue;
      graph.numbers.emplace(name, graph.names.size());
      graph.names.push_back(name);
      graph.tasks.push_back(&task);
    }
    for (std::size_t from = 0; from < graph.names.size(); ++from) ReadLinks(graph, from);
    for (const std::size_t task : commands_) {
      Add("name", *graph.tasks[task], graph.names[task],
          fmt::format("'{}' is a command of Mistral: the link to this task is one to that",
                      graph.names[task]));
    }
    CheckStarts(graph);
    CheckJoins(graph);
    CheckCircles(graph);
  }

  void ReadLinks(Graph& graph, std::size_t from) {
    const Value* const defaults = workflow_.Find("task-defaults");
    for (const auto& [clause, on] : kClauses) {
      const Value* value = graph.tasks[from]->Find(clause);
      const bool own = value != nullptr;
      if (!own && defaults != nullptr) value = defaults->Find(clause);
      if (value == nullptr) continue;
      for (const MistralLink& link : LinksOf(*value)) {
        const std::string_view to = WordOf(link.to);
        const auto number = graph.numbers.find(to);
        if (number != graph.numbers.end() && !IsCommand(to)) {
          // Those of task-defaults lead from every task but themselves.
          if (own || number->second != from)
            graph.links.push_back({from, number->second, on, link.condition});
          continue;
        }
        if (IsCommand(to)) {
          if (number != graph.numbers.end()) commands_.insert(number->second);
          continue;
        }
        const std::string near = Nearest(to, graph.names);
        found_.push_back(
            {"reference",
             source_.At(link.value->position(), fmt::format("there is no task '{}'", Printable(to)))
                 .Hint(near.empty() ? "" : fmt::format("did you mean '{}'?", near))});
      }
    }
  }

  void CheckStarts(const Graph& graph) {
    std::vector<bool> inbound(graph.names.size(), false);
    for (const Graph::Link& link : graph.links) inbound[link.to] = true;
    if (std::find(inbound.begin(), inbound.end(), false) == inbound.end() && !graph.names.empty())
      Add("start", *workflow_.Find("tasks"), "tasks",
          "there is no task to start with: each has an inbound link");
  }

  void CheckJoins(const Graph& graph) {
    std::vector<std::map<std::size_t, std::set<Graph::On>>> inbound(graph.names.size());
    for (const Graph::Link& link : graph.links) inbound[link.to][link.from].insert(link.on);
    for (std::size_t at = 0; at < graph.names.size(); ++at) {
      const Value* const join = graph.tasks[at]->Find("join");
      if (join == nullptr) {
        CheckNoJoin(graph, at, inbound[at]);
        continue;
      }
      if (inbound[at].empty()) {
        Add("join", *join, "join", "it joins nothing: no link leads here");
        continue;
      }
      const bool all = join->is_string() && join->AsString() == "all";
      if (join->is_int() && static_cast<std::size_t>(join->AsInt()) > inbound[at].size())
        Add("join", *join, "join",
            fmt::format("it waits for {} tasks, and {} lead here", join->AsInt(),
                        inbound[at].size()));
      if (!all) continue;
      for (const auto& [from, ons] : inbound[at]) {
        if (ons.size() != 1 || !ons.contains(Graph::On::kError)) continue;
        Add("join", *join, "join",
            fmt::format(
                "{} leads here only when it fails: when it succeeds, this task fails instead of it",
                Printable(graph.names[from])),
            "on-complete, or no join with that one");
      }
    }
  }

  // For steps of ours it is never meant.
  void CheckNoJoin(const Graph& graph, std::size_t at,
                   const std::map<std::size_t, std::set<Graph::On>>& inbound) {
    const std::string action = graph.tasks[at]->StringOr("action", "");
    if (inbound.size() < 2 || action != "holdfast.step") return;
    Add("join", *graph.tasks[at], graph.names[at],
        fmt::format("{} tasks lead here without 'join: all': the step would be run for each",
                    inbound.size()));
  }

  // Of links that are always followed: the run would never end, or the join in it never begin.
  void CheckCircles(const Graph& graph) {
    const std::size_t count = graph.names.size();
    std::vector<std::vector<std::size_t>> next(count);
    std::vector<std::size_t> missing(count, 0);
    for (const Graph::Link& link : graph.links) {
      if (link.condition || link.on == Graph::On::kError) continue;
      next[link.from].push_back(link.to);
      ++missing[link.to];
    }
    std::vector<std::size_t> open;
    for (std::size_t at = 0; at < count; ++at) {
      if (missing[at] == 0) open.push_back(at);
    }
    std::size_t seen = 0;
    while (!open.empty()) {
      const std::size_t at = open.back();
      open.pop_back();
      ++seen;
      for (const std::size_t to : next[at]) {
        if (--missing[to] == 0) open.push_back(to);
      }
    }
    if (seen == count) return;
    // Back along what leads to one that is left, until one comes again: that one is on a circle.
    std::vector<std::size_t> before(count, count);
    for (const Graph::Link& link : graph.links) {
      if (!link.condition && link.on != Graph::On::kError && missing[link.from] != 0 &&
          missing[link.to] != 0)
        before[link.to] = link.from;
    }
    auto at = static_cast<std::size_t>(
        std::find_if(missing.begin(), missing.end(), [](std::size_t m) { return m != 0; }) -
        missing.begin());
    std::vector<bool> visited(count, false);
    for (; !visited[at]; at = before[at]) visited[at] = true;
    std::vector<std::string> circle{Printable(graph.names[at])};
    for (std::size_t back = before[at]; back != at; back = before[back])
      circle.push_back(Printable(graph.names[back]));
    circle.push_back(circle.front());
    std::reverse(circle.begin(), circle.end());
    Add("circle", *graph.tasks[at], graph.names[at],
        "tasks lead to each other in a circle, without a condition: " + Join(circle, " -> "));
  }

  const SourceFile& source_;
  const std::string& name_;
  const Value& workflow_;
  const std::map<std::string, const Value*, std::less<>>& workflows_;
  std::set<std::size_t> commands_;  // tasks that a link means, and that are called as a command is
  Findings found_;
};

std::uint32_t LineOf(const Error& error) { return error.where() ? error.where()->line : 0; }

// Not a workflow, but a field of the file.
bool IsOfTheFile(std::string_view key) { return key == "version" || key == "name"; }

}  // namespace

Findings LintMistral(const std::vector<SourceFile>& files) {
  std::vector<ParsedFile> parsed;
  parsed.reserve(files.size());
  for (const SourceFile& file : files) parsed.push_back(local::ParseFile(file));
  std::map<std::string, const Value*, std::less<>> workflows;
  for (const ParsedFile& file : parsed) {
    if (!file.documents) continue;
    for (const Value& document : *file.documents) {
      if (!document.is_map()) continue;
      for (const auto& [name, workflow] : document.AsMap()) {
        if (!IsOfTheFile(name)) workflows.emplace(name, &workflow);
      }
    }
  }
  Findings all;
  for (const ParsedFile& file : parsed) {
    Findings found;
    const auto whole = [&](std::string message) {
      found.push_back(
          {"unreadable", InvalidInput(std::move(message)).At({file.source.path, 1, 1, {}, 1})});
    };
    if (!file.documents) {
      found.push_back({"unreadable", Error(file.documents.error())});
    } else if (file.documents->empty()) {
      found.push_back({"unreadable", local::EmptyFile(file.source.path)});
    } else if (file.documents->size() > 1) {
      whole("Mistral reads one document a file");
    } else if (!file.documents->front().is_map()) {
      whole("a file is a map of workflows");
    } else {
      const Value& document = file.documents->front();
      bool any = false;
      for (const auto& [name, workflow] : document.AsMap()) {
        if (IsOfTheFile(name)) continue;
        any = true;
        for (Finding& finding : WorkflowLint(file.source, name, workflow, workflows).Run())
          found.push_back(std::move(finding));
      }
      if (!any) whole("the file has no workflow");
    }
    std::stable_sort(found.begin(), found.end(), [](const Finding& a, const Finding& b) {
      return LineOf(a.error) < LineOf(b.error);
    });
    for (Finding& finding : found) all.push_back(std::move(finding));
  }
  return all;
}

}  // namespace holdfast::lint
