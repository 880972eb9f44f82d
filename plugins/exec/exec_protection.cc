#include "plugins/exec/exec_protection.h"

#include <utility>

#include "plugins/exec/activity_calls.h"
#include "plugins/exec/exec_protectable.h"
#include "plugins/exec/resource_message.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::exec {

ExecProtection::ExecProtection(Executable executable, Description description,
                               const Value& settings)
    : executable_(std::move(executable)),
      description_(std::move(description)),
      settings_(Value::Map{}),
      call_(BindChecked<CallSettings>(settings)),
      poll_(BindChecked<PollSettings>(settings)) {
  for (const std::string& name : description_.own_settings) {
    if (const Value* const value = settings.Find(name); value != nullptr)
      settings_.Set(name, *value);
  }
}

Result<StepChoice> ExecProtection::Choose(Operation operation, ActivityKind kind,
                                          const Resource& resource, const Value& parameters) const {
  return ChooseByRules(description_.choices, operation, kind, resource, parameters);
}

std::vector<Error> ExecProtection::Check(Context& context, const Resource& resource,
                                         const Parameters& parameters) {
  if (!description_.checks) return {};
  CallSpec spec;
  spec.call = Call::kCheck;
  spec.request = Value()
                     .Set("tenant", context.tenant())
                     .Set("settings", settings_)
                     .Set("resource", NodeToValue({resource.key, resource.name, resource.extra})
                                          .Set("parameters", parameters.Of(resource)));
  spec.deadline = context.TimeLeft(call_.call_timeout);
  spec.grace = call_.stop_grace;
  spec.cancellation = &context.cancellation();
  auto answer = executable_.Ask(context.processes(), context.log(), spec);
  if (!answer) return {std::move(answer).error()};
  return {};
}

Activity ExecProtection::Start(Operation operation, ActivityKind kind, Checkpoint& checkpoint,
                               Context& context, std::span<const Resource> resources,
                               const Parameters& parameters) {
  ActivityCalls calls({executable_, description_, settings_, call_, operation, kind, checkpoint,
                       context, resources, parameters});
  for (;;) {
    auto done = calls.Next();
    if (!done) co_return Error(std::move(done).error());
    if (*done) co_return Ok();
    co_yield calls.progress();
  }
}

std::vector<std::unique_ptr<ProtectablePlugin>> ExecProtection::TakeProtectables() {
  return MakeExecProtectables(executable_, description_, settings_, call_);
}

}  // namespace holdfast::plugins::exec
