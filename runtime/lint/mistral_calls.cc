#include "runtime/lint/mistral_calls.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "plugins/sdk/mistral_words.h"
#include "plugins/sdk/text.h"
#include "runtime/lint/mistral_schema.h"
#include "runtime/lint/mistral_shorthand.h"

namespace holdfast::lint {
namespace {

using local::SourceFile;
using Names = std::set<std::string, std::less<>>;

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
    KnownAction{"std.mistral_http", "url", kHttp}, KnownAction{mistral_words::kNoAction, "", ""},
    KnownAction{"std.sleep", "", "seconds"},
    KnownAction{"std.ssh", "cmd host username", "password private_key_filename private_key"},
    KnownAction{"std.ssh_proxied", "cmd host username private_key_filename gateway_host",
                "gateway_username password proxy_command private_key"},
    KnownAction{"std.test_dict", "", "size key_prefix val"},
    // `mistral-db-manage populate` adds it.
    KnownAction{"std.wait_ssh", "cmd host username password", ""},
    // The site's (templates/mistral).
    KnownAction{mistral_words::kStepAction, "", "command step fail_fast partial"}};

Names NamesIn(std::string_view words) {
  Names names;
  for (const std::string_view word : Split(words, ' ')) {
    if (!word.empty()) names.emplace(word);
  }
  return names;
}

// What is called, and may be given.
struct Callee {
  std::string_view trap;
  std::string what;       // "std.echo", "the workflow"
  std::string_view then;  // what comes of an input that is missing
  Names needed;
  Names all;
};

class Checker {
 public:
  Checker(const SourceFile& source, std::string_view name, const MistralWorkflows& workflows)
      : source_(source), name_(name), workflows_(workflows) {}

  Findings Run(const Value::Map& tasks) {
    for (const auto& [name, task] : tasks) {
      if (!task.is_map() || name == "version") continue;
      for (const char* const key : {"action", "workflow"}) {
        if (const Value* const text = task.Find(key); text != nullptr && text->is_string())
          Call(task, key, *text);
      }
    }
    return std::move(found_);
  }

 private:
  void Add(std::string_view trap, const Value& value, std::string_view key, std::string message,
           std::string hint = "", Severity severity = Severity::kError) {
    found_.push_back({std::string(trap),
                      source_.AtKey(value, key, std::move(message)).Hint(std::move(hint)),
                      severity});
  }

  void Call(const Value& task, std::string_view key, const Value& text) {
    const MistralShorthand call = CutShorthand(text.AsString());
    if (!call.cut)
      return Add(
          "action", text, key,
          fmt::format("'{}' begins with no name: Mistral refuses it", Printable(text.AsString())));
    // A name that an expression gives is known to nobody.
    if (HasExpression(call.word)) return;
    const std::size_t before = found_.size();
    if (key == "action") {
      Action(task, text, call);
    } else {
      Workflow(task, text, call);
    }
    if (call.dropped.empty() || found_.size() != before) return;
    Add("action", text, key,
        fmt::format("Mistral passes over '{}': an input beside the name is \"...\", '...', [...], "
                    "an expression, true, "
                    "false, null or digits",
                    Printable(call.dropped)),
        "put it under 'input'", Severity::kWarning);
  }

  void Action(const Value& task, const Value& text, const MistralShorthand& call) {
    const auto* const known =
        std::find_if(kActions.begin(), kActions.end(),
                     [&](const KnownAction& one) { return one.name == call.word; });
    if (known != kActions.end()) {
      Callee callee{"action", std::string(call.word), ": the run would end there",
                    NamesIn(known->needed), NamesIn(known->others)};
      callee.all.insert(callee.needed.begin(), callee.needed.end());
      return Inputs(task, text, "action", call, callee);
    }
    // Such names are nobody's: with inputs in them, or with what only looks like a blank or like nothing.
    const bool with_inputs = call.word.find_first_of("(=\"") != std::string_view::npos;
    if (!call.word.starts_with("std.") && !with_inputs && IsCallable(call.word)) return;
    std::vector<std::string> names;
    names.reserve(std::size(kActions));
    for (const KnownAction& one : kActions) names.emplace_back(one.name);
    const std::string near = Nearest(call.word, names);
    Add("action", text, "action",
        fmt::format("Mistral has no action '{}': the run would end there", Printable(call.word)),
        with_inputs    ? "inputs stand behind a blank, as x=1, or under 'input'"
        : near.empty() ? ""
                       : fmt::format("did you mean '{}'?", near));
  }

  void Workflow(const Value& task, const Value& text, const MistralShorthand& call) {
    const auto found = workflows_.find(call.word);
    if (found == workflows_.end()) {
      // Ours stand in the same files.
      const std::string prefix = std::string(name_.substr(0, name_.find('.'))) + ".";
      if (!call.word.starts_with(prefix)) return;
      return Add("reference", text, "workflow",
                 fmt::format("there is no workflow {} in these files: the server has to have it",
                             Printable(call.word)),
                 "", Severity::kWarning);
    }
    Callee callee{"reference", "the workflow", "", {}, {}};
    if (const Value* const inputs = found->second->Find("input");
        inputs != nullptr && inputs->is_list()) {
      for (const Value& one : inputs->AsList()) {
        const bool needed = one.is_string();
        if (!needed && (!one.is_map() || one.AsMap().empty())) return;
        const std::string name = needed ? one.AsString() : one.AsMap().begin()->first;
        callee.all.insert(name);
        if (needed) callee.needed.insert(name);
      }
      // A name with a default, too: it has that.
      for (const Value& one : inputs->AsList()) {
        if (one.is_map()) callee.needed.erase(one.AsMap().begin()->first);
      }
    }
    Inputs(task, text, "workflow", call, callee);
  }

  void Inputs(const Value& task, const Value& text, std::string_view key,
              const MistralShorthand& call, const Callee& callee) {
    const Value* const input = task.Find("input");
    if (input != nullptr && !input->is_map()) {
      if (call.inputs.empty()) return;
      return Add(callee.trap, *input, "input",
                 "Mistral cannot add the inputs beside the name to an 'input' that is a text");
    }
    // Of items that come with the run there may be none.
    if (const Value* const items = task.Find("with-items");
        items != nullptr && MayHaveNoItems(*items))
      return;
    if (input != nullptr) {
      for (const auto& [name, value] : input->AsMap()) {
        if (!callee.all.contains(name)) HasNo(callee, value, name, name);
      }
    }
    for (const auto& [name, value] : call.inputs) {
      if (!callee.all.contains(name)) HasNo(callee, text, key, name);
    }
    for (const std::string& name : callee.needed) {
      if ((input != nullptr && input->Find(name) != nullptr) || call.Has(name)) continue;
      Add(callee.trap, text, key,
          fmt::format("{} needs the input '{}'{}", callee.what, Printable(name), callee.then),
          call.dropped.empty() ? ""
                               : fmt::format("Mistral passes over '{}': put it under 'input'",
                                             Printable(call.dropped)));
    }
  }

  void HasNo(const Callee& callee, const Value& place, std::string_view key,
             std::string_view name) {
    const std::string message =
        fmt::format("{} has no input '{}'{}", callee.what, Printable(name), callee.then);
    if (callee.trap == "action") return Add(callee.trap, place, key, message);
    // Of a workflow, it is a parameter of its run.
    for (const std::string_view parameter :
         {"env", "evaluate_env", "notify", "read_only", "task_name"}) {
      if (name == parameter) return;
    }
    Add(callee.trap, place, key, message, "Mistral passes over it", Severity::kWarning);
  }

  const SourceFile& source_;
  std::string_view name_;
  const MistralWorkflows& workflows_;
  Findings found_;
};

}  // namespace

Findings CheckCalls(const SourceFile& source, std::string_view name, const Value::Map& tasks,
                    const MistralWorkflows& workflows) {
  return Checker(source, name, workflows).Run(tasks);
}

}  // namespace holdfast::lint
