#include <algorithm>

#include "plugins/sdk/text.h"
#include "runtime/cli/commands.h"

namespace holdfast::cli {

int ListResources(Session& session, const ResourcesArguments& arguments) {
  const auto provider = session.OpenProvider(arguments.provider);
  if (!provider) return session.out().Fail(provider.error());
  const auto context = session.MakeContext(**provider, std::chrono::minutes(2));
  std::vector<std::vector<std::string>> rows;
  bool known = arguments.type.empty();
  for (const auto& protectable : (*provider)->protectables()) {
    const std::string& type = protectable->descriptor().type;
    if (!arguments.type.empty() && type != arguments.type) continue;
    known = true;
    auto nodes = protectable->List(*context);
    if (!nodes) return session.out().Fail(std::move(nodes).error().While("listing " + type));
    std::sort(nodes->begin(), nodes->end(),
              [](const auto& a, const auto& b) { return a.key < b.key; });
    for (const ResourceGraph::Node& node : *nodes) {
      rows.push_back({node.key.str(), node.name});
      Value datum =
          Value().Set("type", node.key.type).Set("id", node.key.id).Set("name", node.name);
      if (!node.extra.is_null()) datum.Set("extra", node.extra);
      session.out().Json("resource", std::move(datum));
    }
  }
  if (!known) {
    std::vector<std::string> types;
    for (const auto& protectable : (*provider)->protectables())
      types.push_back(protectable->descriptor().type);
    return session.out().Fail(InvalidInput("provider " + (*provider)->config().name +
                                           " finds no resources of type " +
                                           Printable(arguments.type))
                                  .Hint("it finds " + Join(types, ", ")));
  }
  if (rows.empty()) {
    session.out().Say("no resources found");
  } else {
    session.out().Table({"RESOURCE", "NAME"}, rows);
  }
  return 0;
}

}  // namespace holdfast::cli
