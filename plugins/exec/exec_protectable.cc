#include "plugins/exec/exec_protectable.h"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "plugins/exec/resource_message.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::exec {

namespace {

class ExecProtectable final : public ProtectablePlugin {
 public:
  ExecProtectable(Executable executable, ProtectableDescriptor descriptor, Value settings,
                  CallSettings call)
      : executable_(std::move(executable)),
        descriptor_(std::move(descriptor)),
        settings_(std::move(settings)),
        call_(call) {}

  const ProtectableDescriptor& descriptor() const override { return descriptor_; }

  Result<std::vector<ResourceGraph::Node>> List(Context& context) override {
    HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Dependent> found, Ask(context, Call::kList, {}));
    std::vector<ResourceGraph::Node> out;
    out.reserve(found.size());
    for (const Dependent& one : found) out.push_back(one.resource);
    return out;
  }

  Result<ResourceGraph::Node> Show(Context& context, std::string_view id) override {
    CallSpec spec = Spec(context, Call::kShow);
    spec.request.Set("id", id);
    HOLDFAST_ASSIGN_OR_RETURN(const Answer answer,
                              executable_.Ask(context.processes(), context.log(), spec));
    const Value* const resource = answer.result.Find("resource");
    if (resource == nullptr)
      return Wrong(Call::kShow, InvalidInput("its result says no 'resource'"));
    auto node = NodeFromValue(*resource, descriptor_.type);
    if (!node) return Wrong(Call::kShow, std::move(node).error());
    if (node->key.id != id) {
      return Wrong(Call::kShow, InvalidInput(fmt::format("asked for '{}', it answers '{}'",
                                                         Printable(id), Printable(node->key.id))));
    }
    return node;
  }

  Result<std::vector<Dependent>> Dependents(Context& context,
                                            const ResourceGraph::Node& parent) override {
    return Ask(context, Call::kDependents, NodeToValue(parent));
  }

 private:
  CallSpec Spec(const Context& context, Call call) const {
    CallSpec spec;
    spec.call = call;
    spec.request = Value()
                       .Set("tenant", context.tenant())
                       .Set("settings", settings_)
                       .Set("type", descriptor_.type);
    spec.deadline = context.TimeLeft(call_.call_timeout);
    spec.grace = call_.stop_grace;
    spec.cancellation = &context.cancellation();
    return spec;
  }

  Error Wrong(Call call, Error error) const {
    return std::move(error).While(
        fmt::format("{} of {}", NameOf(call), Printable(executable_.name())));
  }

  // list and dependents; the first has no facts.
  Result<std::vector<Dependent>> Ask(Context& context, Call call, const Value& parent) const {
    CallSpec spec = Spec(context, call);
    if (!parent.is_null()) spec.request.Set("parent", parent);
    HOLDFAST_ASSIGN_OR_RETURN(const Answer answer,
                              executable_.Ask(context.processes(), context.log(), spec));
    std::vector<Dependent> out;
    std::set<std::string> ids;
    for (const Value& message : answer.resources) {
      auto node = NodeFromValue(message, descriptor_.type);
      if (!node) return Wrong(call, std::move(node).error());
      if (!ids.insert(node->key.id).second) {
        return Wrong(call,
                     InvalidInput(fmt::format("it names {} twice", Printable(node->key.str()))));
      }
      const Value* const facts = message.Find("facts");
      out.push_back({std::move(*node), facts != nullptr ? *facts : Value()});
    }
    return out;
  }

  Executable executable_;
  ProtectableDescriptor descriptor_;
  Value settings_;
  CallSettings call_;
};

}  // namespace

std::vector<std::unique_ptr<ProtectablePlugin>> MakeExecProtectables(const Executable& executable,
                                                                     const Description& description,
                                                                     const Value& settings,
                                                                     const CallSettings& call) {
  std::vector<std::unique_ptr<ProtectablePlugin>> out;
  for (const ProtectableDescriptor& descriptor : description.protectables) {
    out.push_back(std::make_unique<ExecProtectable>(executable, descriptor, settings, call));
  }
  return out;
}

}  // namespace holdfast::plugins::exec
