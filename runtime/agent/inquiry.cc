#include "runtime/agent/inquiry.h"

#include "plugins/engines/mistral/answers.h"
#include "plugins/sdk/text.h"
#include "runtime/agent/action_calls.h"

namespace holdfast::agent {

namespace {

// Workflows within workflows; ours have one level.
constexpr int kMostLevels = 16;

}  // namespace

void Inquiry::Work() {
  while (const auto id = table_.TakeToAsk()) table_.Asked(*id, Ask(*id));
}

Wanted Inquiry::Ask(const std::string& id) {
  Wanted why_not = Wanted::kNoAnswer;
  // The object, where it goes on; null, and why_not, otherwise.
  const auto going_on = [this, &why_not](const std::string& target, Wanted ended) -> Value {
    auto answer = GetOnce(api_, target);
    const std::string state =
        answer && answer->body.is_map() ? answer->body.StringOr("state", "") : "";
    if (!state.empty() && !engines::mistral::HasEnded(state)) return std::move(answer->body);
    if (!state.empty()) {
      why_not = ended;
    } else if (!answer && answer.error().code() == ErrorCode::kNotFound && Answers(api_)) {
      why_not = Wanted::kNotKnown;
    }
    return {};
  };
  // Ids come from Mistral, and go into a path.
  const auto id_at = [](const Value& object, const char* key) {
    return CanonicalUuid(object.StringOr(key, ""));
  };
  const Value action = going_on("/action_executions/" + id, Wanted::kNo);
  if (!action.is_map()) return why_not;
  std::string task_id = id_at(action, "task_execution_id");
  for (int level = 0; level < kMostLevels && !task_id.empty(); ++level) {
    const Value task = going_on("/tasks/" + task_id, Wanted::kNotAbove);
    if (!task.is_map()) return why_not;
    const std::string execution_id = id_at(task, "workflow_execution_id");
    if (execution_id.empty()) break;
    const Value execution = going_on("/executions/" + execution_id, Wanted::kNotAbove);
    if (!execution.is_map()) return why_not;
    task_id = id_at(execution, "task_execution_id");
  }
  return Wanted::kYes;
}

}  // namespace holdfast::agent
