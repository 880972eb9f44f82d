#include "plugins/engines/mistral/definitions.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <set>
#include <thread>
#include <utility>

#include "plugins/engines/mistral/answers.h"
#include "plugins/net/url.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/text.h"
#include "plugins/sdk/yaml/yaml_in.h"

namespace holdfast::engines::mistral {

namespace {

constexpr std::string_view kPlainText = "text/plain";

Status Require(Api& api, const std::string& target, const std::string& what,
               const std::string& hint) {
  HOLDFAST_ASSIGN_OR_RETURN(const Answer found, Find(api, target));
  if (!found.body.is_null()) return Ok();
  return NotFound(api.Place() + " has no " + what).Hint(hint);
}

std::string WorkflowAt(const std::string& name) {
  return "/workflows/" + net::PercentEncoded(name);
}

std::string TriggerAt(const std::string& name) {
  return "/cron_triggers/" + net::PercentEncoded(name);
}

// What stands behind a workflow's name in a definition; comments and order count for nothing.
std::optional<Value> DefinitionIn(const std::string& text, const std::string& name) {
  const auto parsed = ParseYaml(text, "definition");
  const Value* const found = parsed && parsed->is_map() ? parsed->Find(name) : nullptr;
  return found == nullptr ? std::nullopt : std::optional<Value>(*found);
}

// Of what is stored, since it was changed or made, by the server's clock.
std::optional<std::chrono::seconds> AgeOf(const Answer& stored) {
  std::string text = TimeOf(stored.body, "updated_at");
  if (text.empty()) text = TimeOf(stored.body, "created_at");
  const auto changed = ParseTime(text);
  if (!changed || !stored.date) return std::nullopt;
  return std::chrono::floor<std::chrono::seconds>(*stored.date - *changed);
}

// In this second or the last. Unknown: it may be so.
bool IsFresh(const Answer& stored) {
  constexpr auto kTooSoon = std::chrono::seconds(2);
  return AgeOf(stored).value_or(std::chrono::seconds(0)) < kTooSoon;
}

Status CreateCronTrigger(Api& api, const Value& trigger) {
  Value request(Value::Map{});
  for (const char* const key :
       {"name", "workflow_name", "pattern", "first_execution_time", "scope"}) {
    if (std::string text = trigger.StringOr(key, ""); !text.empty())
      request.Set(key, std::move(text));
  }
  if (const std::int64_t left = trigger.IntOr("remaining_executions", 0); left > 0)
    request.Set("remaining_executions", left);
  // Texts of JSON, as Mistral's own client sends them.
  for (const char* const key : {"workflow_params", "workflow_input"}) {
    HOLDFAST_ASSIGN_OR_RETURN(std::string text, DumpJson(MapAt(trigger, key)));
    request.Set(key, std::move(text));
  }
  HOLDFAST_ASSIGN_OR_RETURN(std::string body, DumpJson(request));
  Call call;
  call.method = net::HttpMethod::kPost;
  call.target = "/cron_triggers";
  call.body = std::move(body);
  auto answer = api.Send(call);
  if (answer) return Ok();
  // A fault of Mistral's own, as it says; what Keystone has said stands in its text.
  if (answer.error().message().find("(HTTP 403)") != std::string::npos) {
    return Error(ErrorCode::kDenied, answer.error().message())
        .Hint(
            "Mistral starts what is scheduled by a trust, and Keystone lets none be made with an "
            "application credential or a token of one: submit --schedule as a user with a password")
        .While("storing the cron trigger");
  }
  return std::move(answer).error().While("storing the cron trigger");
}

Status DeleteCronTrigger(Api& api, const std::string& name) {
  Call call;
  call.method = net::HttpMethod::kDelete;
  call.target = TriggerAt(name);
  const auto deleted = api.Send(call);
  if (deleted || deleted.error().code() == ErrorCode::kNotFound) return Ok();
  return deleted.error();
}

// There may be one of that name, for another workflow.
Status RequireNoOthers(const Api& api, const Value& stored, const Value& trigger) {
  if (stored.is_null()) return Ok();
  const std::string workflow = stored.StringOr("workflow_name", "");
  if (workflow == trigger.StringOr("workflow_name", "")) return Ok();
  const std::string name = trigger.StringOr("name", "");
  return Error(ErrorCode::kConflict, "there is another cron trigger " + Printable(name) + " in " +
                                         api.Place() + ": it starts workflow " +
                                         Printable(workflow))
      .Hint(
          "give the plan another name, and compile again; or, once nobody needs that trigger any "
          "more: openstack cron trigger delete " +
          Printable(name));
}

// Whether triggers may be made at all: kDenied where Keystone gives no trust.
Status TryCronTrigger(Api& api, Value trigger) {
  const std::string name = trigger.StringOr("name", "") + "-trial";
  HOLDFAST_ASSIGN_OR_RETURN(const Answer stored, Find(api, TriggerAt(name)));
  trigger.Set("name", name);
  HOLDFAST_RETURN_IF_ERROR(RequireNoOthers(api, stored.body, trigger));
  // It would run after months, should nobody take it away.
  trigger.Set("pattern", "0 0 29 2 *");
  if (Status made = CreateCronTrigger(api, trigger);
      !made && made.error().code() != ErrorCode::kConflict)
    return made;
  return DeleteCronTrigger(api, name);
}

struct Comparison {
  Stored change = Stored::kCreated;
  Answer stored;
  Value wanted;
};

Result<Comparison> Compare(Api& api, const std::string& name, const std::string& text,
                           const AskToChange& changes) {
  Comparison out;
  auto wanted = DefinitionIn(text, name);
  if (!wanted)
    return InvalidInput("there is no workflow " + Printable(name) + " in its definition");
  out.wanted = std::move(*wanted);
  HOLDFAST_ASSIGN_OR_RETURN(out.stored, Find(api, WorkflowAt(name)));
  if (out.stored.body.is_null()) return out;
  const std::string text_there = out.stored.body.StringOr("definition", "");
  const auto kept = DefinitionIn(text_there, name);
  if (kept && *kept == out.wanted) {
    out.change = Stored::kAsItWas;
    return out;
  }
  HOLDFAST_RETURN_IF_ERROR(changes(text_there));
  out.change = Stored::kChanged;
  return out;
}

}  // namespace

Result<Stored> CompareWorkflow(Api& api, const std::string& name, const std::string& text,
                               const AskToChange& changes) {
  HOLDFAST_ASSIGN_OR_RETURN(const Comparison compared, Compare(api, name, text, changes));
  return compared.change;
}

Result<Stored> StoreWorkflow(Api& api, const std::string& name, const std::string& text,
                             const AskToChange& changes) {
  constexpr auto kNextSecond = std::chrono::milliseconds(2'000);
  constexpr int kMostTries = 3;
  for (int tries = 1;; ++tries) {
    HOLDFAST_ASSIGN_OR_RETURN(Comparison compared, Compare(api, name, text, changes));
    if (compared.change == Stored::kChanged && IsFresh(compared.stored)) {
      std::this_thread::sleep_for(kNextSecond);
      // Whoever has just changed it may have done so once more.
      HOLDFAST_ASSIGN_OR_RETURN(compared, Compare(api, name, text, changes));
    }
    if (compared.change == Stored::kAsItWas) return Stored::kAsItWas;
    const bool there = compared.change == Stored::kChanged;
    Call call;
    call.method = there ? net::HttpMethod::kPut : net::HttpMethod::kPost;
    call.target = "/workflows";
    call.body = text;
    call.content_type = kPlainText;
    auto answer = api.Send(call);
    if (answer) return compared.change;
    const ErrorCode code = answer.error().code();
    // Of a lost answer, or of somebody who was faster: the same is as good.
    if (!there && code == ErrorCode::kConflict) {
      HOLDFAST_ASSIGN_OR_RETURN(const auto kept, StoredWorkflow(api, name));
      if (kept && kept->value == compared.wanted) return Stored::kCreated;
    }
    // Made, or removed, since it was looked for.
    const bool passed_by = code == (there ? ErrorCode::kNotFound : ErrorCode::kConflict);
    if (!passed_by || tries >= kMostTries)
      return std::move(answer).error().While("storing workflow " + Printable(name));
  }
}

Status ValidateWorkflow(Api& api, const std::string& text) {
  Call call;
  call.method = net::HttpMethod::kPost;
  call.target = "/workflows/validate";
  call.body = text;
  call.content_type = kPlainText;
  call.repeatable = true;
  HOLDFAST_ASSIGN_OR_RETURN(const Answer answer, api.Send(call));
  if (answer.body.is_map() && answer.body.BoolOr("valid", false)) return Ok();
  const std::string why = answer.body.is_map() ? answer.body.StringOr("error", "") : "";
  return InvalidInput(api.Place() + " refuses it: " + Printable(why));
}

Result<std::optional<Definition>> StoredWorkflow(Api& api, const std::string& name) {
  HOLDFAST_ASSIGN_OR_RETURN(const Answer stored, Find(api, WorkflowAt(name)));
  if (stored.body.is_null()) return std::optional<Definition>();
  Definition out;
  out.text = stored.body.StringOr("definition", "");
  if (auto value = DefinitionIn(out.text, name)) out.value = std::move(*value);
  out.age = AgeOf(stored);
  return std::optional<Definition>(std::move(out));
}

Status DeleteWorkflow(Api& api, const std::string& name) {
  Call call;
  call.method = net::HttpMethod::kDelete;
  call.target = WorkflowAt(name);
  auto deleted = api.Send(call);
  if (deleted || deleted.error().code() == ErrorCode::kNotFound) return Ok();
  return std::move(deleted).error().While("removing workflow " + Printable(name));
}

Result<std::vector<std::string>> WorkflowsNamed(Api& api, const std::string& beginning) {
  // It has no filter for a beginning.
  HOLDFAST_ASSIGN_OR_RETURN(
      const Value::List found,
      GetList(api, "/workflows?fields=id,name&name=has:" + net::PercentEncoded(beginning),
              "workflows"));
  std::vector<std::string> names;
  for (const Value& workflow : found) {
    std::string name = workflow.StringOr("name", "");
    if (name.starts_with(beginning)) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

Status RequireAction(Api& api, const std::string& action) {
  return Require(
      api, "/actions/" + net::PercentEncoded(action), "action " + Printable(action),
      "templates/mistral has it, over ssh and through an agent (holdfast-step-agent.yaml); the "
      "site's owner edits one of the two and creates it once: openstack action definition create "
      "templates/mistral/holdfast-step.yaml");
}

Status RequireEnvironment(Api& api, const std::string& environment) {
  return Require(
      api, "/environments/" + net::PercentEncoded(environment),
      "environment " + Printable(environment),
      "templates/mistral has it; the site's owner fills it in and creates it once: openstack "
      "workflow env create templates/mistral/environment.yaml; --environment names another one");
}

Result<std::string> ExecutionAtWork(Api& api, const std::string& workflow) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const Value::List found,
      GetList(api, "/executions?fields=id,state&workflow_name=" + net::PercentEncoded(workflow),
              "executions"));
  for (const Value& execution : found) {
    if (!HasEnded(execution.StringOr("state", ""))) return execution.StringOr("id", "");
  }
  return std::string();
}

Result<DefinitionsBelow> FindBelow(Api& api, const Value& definition) {
  DefinitionsBelow out;
  std::set<std::string> seen;
  std::vector<Value> open{definition};
  while (!open.empty()) {
    const Value next = std::move(open.back());
    open.pop_back();
    const Value* const tasks = next.Find("tasks");
    if (tasks == nullptr || !tasks->is_map()) continue;
    for (const auto& [unused, task] : tasks->AsMap()) {
      const std::string below = task.is_map() ? task.StringOr("workflow", "") : "";
      if (below.empty() || !seen.insert(below).second) continue;
      HOLDFAST_ASSIGN_OR_RETURN(auto stored, StoredWorkflow(api, below));
      if (stored) {
        open.push_back(stored->value);
        out.stored.emplace(below, std::move(*stored));
      } else {
        out.missing.push_back(below);
      }
    }
  }
  return out;
}

Result<std::vector<std::string>> CronTriggersOf(Api& api, const std::string& workflow) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const Value::List found,
      GetList(api, "/cron_triggers?workflow_name=" + net::PercentEncoded(workflow),
              "cron_triggers"));
  std::vector<std::string> names;
  for (const Value& trigger : found) {
    if (trigger.StringOr("workflow_name", "") == workflow)
      names.push_back(trigger.StringOr("name", ""));
  }
  std::sort(names.begin(), names.end());
  return names;
}

Status CheckCronTrigger(Api& api, const Value& trigger) {
  HOLDFAST_ASSIGN_OR_RETURN(const Answer stored,
                            Find(api, TriggerAt(trigger.StringOr("name", ""))));
  return RequireNoOthers(api, stored.body, trigger);
}

Result<Stored> StoreCronTrigger(Api& api, const Value& trigger) {
  HOLDFAST_ASSIGN_OR_RETURN(const Answer stored,
                            Find(api, TriggerAt(trigger.StringOr("name", ""))));
  HOLDFAST_RETURN_IF_ERROR(RequireNoOthers(api, stored.body, trigger));
  if (stored.body.is_null()) {
    HOLDFAST_RETURN_IF_ERROR(CreateCronTrigger(api, trigger));
    return Stored::kCreated;
  }
  const auto same = [&](const char* key) {
    return stored.body.StringOr(key, "") == trigger.StringOr(key, "");
  };
  const auto same_map = [&](const char* key) {
    return MapAt(stored.body, key) == MapAt(trigger, key);
  };
  // One that starts later, or a few times alone, looks the same until it is gone.
  const auto left = [](const Value& of) { return of.IntOr("remaining_executions", 0); };
  if (same("pattern") && same("workflow_name") && same("first_execution_time") &&
      left(stored.body) == left(trigger) && same_map("workflow_params") &&
      same_map("workflow_input")) {
    return Stored::kAsItWas;
  }
  // There is no change of one; and who may delete one may not always make one.
  HOLDFAST_RETURN_IF_ERROR(TryCronTrigger(api, trigger));
  HOLDFAST_RETURN_IF_ERROR(DeleteCronTrigger(api, trigger.StringOr("name", "")));
  Status created = CreateCronTrigger(api, trigger);
  if (created) return Stored::kChanged;
  const Status back = CreateCronTrigger(api, stored.body);
  return std::move(created).error().Hint(
      back ? "the one that was there is stored again"
           : "the one that was there is gone: once Mistral answers again, store it again");
}

}  // namespace holdfast::engines::mistral
