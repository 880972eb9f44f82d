#include <cstdio>
#include <filesystem>

#include "compiler/plan/graph_file.h"
#include "compiler/yaml/yaml_out.h"
#include "plugins/sdk/file.h"
#include "plugins/sdk/process_runner.h"
#include "plugins/sdk/text.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/compilation.h"
#include "runtime/discovery/discovery.h"

namespace holdfast::cli {

namespace {

constexpr auto kDiscoveryDeadline = std::chrono::minutes(10);

int WriteOutput(Session& session, const std::string& file, const std::string& text) {
  if (file == "-") {
    WriteStdout(text);
    return 0;
  }
  if (auto status = WriteFileDurably(file, text); !status) return session.out().Fail(status.error());
  return 0;
}

std::string Count(std::size_t number, std::string_view one, std::string_view many) {
  return std::to_string(number) + " " + std::string(number == 1 ? one : many);
}

}  // namespace

int NewPlan(Session& session, const NewPlanArguments& arguments) {
  const Output& out = session.out();
  if (!compiler::IsPlanName(arguments.name)) {
    return out.Fail(InvalidInput("'" + Printable(arguments.name) + "' is no name for a plan")
                        .Hint("a name has 1 to 40 of a-z, 0-9 and '-', begins with a letter and does not end with '-'"));
  }
  const auto provider = session.OpenProvider(arguments.provider);
  if (!provider) return out.Fail(provider.error());
  const auto context = session.MakeContext(kDiscoveryDeadline);
  compiler::YamlOut yaml;
  yaml.Comment("What to protect. 'holdfast plan discover' then writes the resource graph, to be reviewed.");
  yaml.BeginMap();
  yaml.Key("name");
  yaml.Text(arguments.name);
  yaml.Key("provider");
  yaml.Text((*provider)->config().name);
  yaml.Key("resources");
  yaml.BeginList();
  for (const std::string& text : arguments.resources) {
    const auto key = ParseResourceKey(text);
    if (!key) return out.Fail(key.error());
    const auto protectable = (*provider)->ProtectableFor(key->type);
    if (!protectable) return out.Fail(protectable.error());
    const auto node = (*protectable)->Show(*context, key->id);
    if (!node) {
      return out.Fail(Error(node.error()).While("looking up " + Printable(text)).Hint("'holdfast resources list' shows which there are"));
    }
    yaml.Text(key->str());
    if (node->name != key->id) yaml.CommentAtEnd(node->name);
  }
  yaml.EndList();
  yaml.Comment("Parameters by TYPE and TYPE#ID; 'holdfast providers show' lists them.");
  yaml.Key("parameters");
  yaml.BeginFlowMap();
  yaml.EndFlowMap();
  yaml.EndMap();
  const auto text = yaml.Take();
  if (!text) return out.Fail(text.error());
  const std::string file = arguments.output.empty() ? arguments.name + ".yaml" : arguments.output;
  if (std::error_code error; file != "-" && std::filesystem::exists(file, error)) {
    return out.Fail(InvalidInput(file + " exists").Hint("remove it, or name another file with -o"));
  }
  if (const int code = WriteOutput(session, file, *text); code != 0) return code;
  out.Json("plan", Value().Set("file", file).Set("name", arguments.name));
  if (file != "-") out.Say("wrote " + file + "; next: holdfast plan discover " + file);
  return 0;
}

int DiscoverPlan(Session& session, const PlanArguments& arguments) {
  const Output& out = session.out();
  const auto plan = LoadPlan(arguments.plan);
  if (!plan) return out.Fail(plan.error());
  const auto provider = session.OpenProvider(plan->provider);
  if (!provider) return out.Fail(Error(provider.error()).While("plan " + arguments.plan));
  const auto context = session.MakeContext(kDiscoveryDeadline);
  const auto found = runtime::DiscoverGraph(**provider, *context, plan->resources, {arguments.allow_missing});
  if (!found) return out.Fail(found.error());
  for (const std::string& warning : found->warnings) out.Warn(warning);
  const auto text = arguments.json_lines
                        ? compiler::WriteGraphJsonLines(found->graph)
                        : compiler::WriteGraphYaml(found->graph, "The resource graph of plan " + plan->name +
                                                                     ": review it, keep it in git.\n'holdfast plan discover' writes it, "
                                                                     "'holdfast compile protect' reads it.");
  if (!text) return out.Fail(text.error());
  const std::string file = arguments.output.empty() ? GraphFileOf(arguments.plan, arguments.json_lines) : arguments.output;
  if (const int code = WriteOutput(session, file, *text); code != 0) return code;
  out.Json("graph", Value()
                        .Set("file", file)
                        .Set("resources", static_cast<std::uint64_t>(found->graph.size()))
                        .Set("edges", static_cast<std::uint64_t>(found->graph.edges().size())));
  if (file != "-") {
    out.Say("wrote " + file + ": " + Count(found->graph.size(), "resource", "resources") + ", " +
            Count(found->graph.edges().size(), "edge", "edges"));
  }
  return 0;
}

int CheckPlan(Session& session, const PreflightArguments& arguments) {
  const Output& out = session.out();
  int exit_code = 0;
  const auto tell = [&](std::string_view what, const Status& status) {
    Value datum = Value().Set("check", what).Set("ok", status.has_value());
    if (status) {
      out.Line("ok      " + std::string(what));
    } else {
      out.Line("FAILED  " + std::string(what));
      datum.Set("error", status.error().OneLine());
      exit_code = out.Fail(status.error());
    }
    out.Json("check", std::move(datum));
  };
  const auto plan = LoadPlan(arguments.plan);
  if (!plan) return out.Fail(plan.error());
  out.Line("ok      plan " + plan->name);
  const auto provider = session.OpenProvider(plan->provider);
  if (!provider) return out.Fail(Error(provider.error()).While("plan " + arguments.plan));
  out.Line("ok      provider " + (*provider)->config().name);

  const auto tenant = session.TenantSection(**provider, SectionAccess::kWrite);
  if (!tenant) {
    tell("bank", Error(tenant.error()));
  } else {
    // A real object, written and read back: permissions and space are seen only that way.
    const ProcessIdentity self = OwnProcessIdentity();
    const std::string key = "preflight/" + std::to_string(self.pid) + "-" + std::to_string(self.start_time);
    Status status = tenant->PutBytes(key, "preflight");
    if (status) {
      const auto read = tenant->GetBytes(key);
      if (!read) {
        status = Error(read.error());
      } else if (*read != "preflight") {
        status = Corrupt("the bank gave back other bytes than were written");
      }
      if (auto removed = tenant->Delete(key); !removed && status) status = std::move(removed);
    }
    tell("bank is writable", status);
  }

  const auto context = session.MakeContext(kDiscoveryDeadline);
  auto found = runtime::DiscoverGraph(**provider, *context, plan->resources, {});
  if (!found) {
    tell("resources can be listed", Error(found.error()));
    return exit_code;
  }
  tell("resources can be listed (" + Count(found->graph.size(), "resource", "resources") + ")", Ok());

  // Each plugin looks at its own resources: tools there and new enough, permissions.
  for (std::uint32_t i = 0; i < found->graph.size(); ++i) {
    const Resource resource = found->graph.ResourceAt(ResourceId{i});
    const auto plugin = (*provider)->ProtectionFor(resource.key.type);
    if (!plugin) {
      tell(Printable(resource.key.str()), Error(plugin.error()));
      continue;
    }
    tell(Printable(resource.key.str()), (*plugin)->Check(*context, resource));
  }

  if (const auto graph = LoadGraph(arguments.plan, ""); graph) {
    const runtime::Drift drift = runtime::CompareGraphs(*graph, found->graph);
    if (drift.any()) {
      out.Warn("the resource graph file is not what is live now: " + runtime::DescribeDrift(drift) +
               "; 'holdfast plan discover " + arguments.plan + "' writes it anew");
    }
  }
  return exit_code;
}

}  // namespace holdfast::cli
