#include <cstdio>
#include <filesystem>

#include "compiler/graph/walk.h"
#include "compiler/plan/graph_file.h"
#include "compiler/plan/parameter_set.h"
#include "compiler/yaml/yaml_out.h"
#include "plugins/sdk/counted.h"
#include "plugins/sdk/process_runner.h"
#include "plugins/sdk/text.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/compilation.h"
#include "runtime/cli/parameter_faults.h"
#include "runtime/cli/place_faults.h"
#include "runtime/discovery/discovery.h"

namespace holdfast::cli {

namespace {

constexpr auto kDiscoveryDeadline = std::chrono::minutes(10);

int WriteOutput(Session& session, const std::string& file, const std::string& text) {
  if (file == "-") {
    WriteStdout(text);
    return 0;
  }
  if (auto status = session.files().Write(file, text); !status)
    return session.out().Fail(status.error());
  return 0;
}

// A resource of the plan that no plugin is for, or that is not there, is a fault of the plan: the error
// with the place where it is named.
Error WithPlace(Error error, Provider& provider, Context& context, const compiler::Plan& plan) {
  for (const ResourceKey& root : plan.resources) {
    Status known = Ok();
    if (auto plugin = provider.ProtectionFor(root.type); !plugin)
      known = std::move(plugin).error();
    else if (auto lister = provider.ProtectableFor(root.type); !lister)
      known = std::move(lister).error();
    else if (auto node = (*lister)->Show(context, root.id); !node)
      known = std::move(node).error();
    if (known) continue;
    const ErrorCode code = known.error().code();
    if (code != ErrorCode::kNotFound && code != ErrorCode::kInvalidInput) return error;
    return plan.parameters.source
        .At(plan.resource_positions.at(root), known.error().message(), root.str().size())
        .Hint(known.error().hint());
  }
  return error;
}

// The live graph. A cycle is what plugins made: no file is there to be mended.
Result<ResourceGraph> DiscoverAcyclic(Provider& provider, Context& context,
                                      const compiler::Plan& plan,
                                      const runtime::DiscoveryOptions& options) {
  auto graph = runtime::DiscoverGraph(provider, context, plan.resources, options);
  if (!graph) return WithPlace(std::move(graph).error(), provider, context, plan);
  if (auto walk = compiler::WalkGraph(*graph); !walk) {
    return std::move(walk).error().Hint(
        "the plugins that list what is below these resources contradict each other");
  }
  return graph;
}

}  // namespace

int NewPlan(Session& session, const NewPlanArguments& arguments) {
  const Output& out = session.out();
  if (!compiler::IsPlanName(arguments.name)) {
    return out.Fail(InvalidInput("'" + Printable(arguments.name) + "' is no name for a plan")
                        .Hint("a name has 1 to 40 of a-z, 0-9 and '-', begins with a letter and "
                              "does not end with '-'"));
  }
  const auto provider = session.OpenProvider(arguments.provider);
  if (!provider) return out.Fail(provider.error());
  const auto context = session.MakeContext(**provider, kDiscoveryDeadline);
  compiler::YamlOut yaml;
  yaml.Comment(
      "What to protect. 'holdfast plan discover' then writes the resource graph, to be reviewed.");
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
      return out.Fail(Error(node.error())
                          .While("looking up " + Printable(text))
                          .Hint("'holdfast resources list' shows which there are"));
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
  const auto plan = LoadPlan(session, arguments.plan);
  if (!plan) return out.Fail(plan.error());
  const auto provider = OpenProviderOf(session, *plan);
  if (!provider) return out.Fail(provider.error());
  const auto context = session.MakeContext(**provider, kDiscoveryDeadline);
  const auto found = DiscoverAcyclic(**provider, *context, *plan, {arguments.allow_missing});
  if (!found) return out.Fail(found.error());
  for (const std::string& warning : found->warnings()) out.Warn(warning);
  const auto text =
      arguments.json_lines
          ? compiler::WriteGraphJsonLines(*found)
          : compiler::WriteGraphYaml(
                *found, "The resource graph of plan " + plan->name +
                            ": review it, keep it in git.\n'holdfast plan discover' writes it, "
                            "'holdfast compile protect' reads it.");
  if (!text) return out.Fail(text.error());
  const std::string file = arguments.output.empty()
                               ? GraphFileOf(arguments.plan, arguments.json_lines)
                               : arguments.output;
  if (const int code = WriteOutput(session, file, *text); code != 0) return code;
  out.Json("graph", Value()
                        .Set("file", file)
                        .Set("resources", static_cast<std::uint64_t>(found->size()))
                        .Set("edges", static_cast<std::uint64_t>(found->edges().size())));
  if (file != "-") {
    out.Say("wrote " + file + ": " + Counted(found->size(), "resource") + ", " +
            Counted(found->edges().size(), "edge") + "; next: holdfast check " + arguments.plan);
  }
  return 0;
}

namespace {

// The report of a preflight: one line or object a check, with everything that is wrong.
class PreflightReport {
 public:
  explicit PreflightReport(const Output& out) : out_(out) {}

  void Tell(const std::string& what, const std::vector<Error>& problems,
            const Resource* resource = nullptr) {
    out_.Line((problems.empty() ? "ok      " : "FAILED  ") + what);
    Value::List list;
    for (const Error& problem : problems) {
      const std::string shown = problem.Render();
      for (const std::string_view line : Split(shown, '\n'))
        out_.Line("        " + std::string(line));
      list.push_back(ErrorToValue(problem));
    }
    count_ += problems.size();
    Value datum =
        Value().Set("check", what).Set("ok", problems.empty()).Set("problems", std::move(list));
    if (resource != nullptr) {
      datum.Set("type", resource->key.type).Set("id", resource->key.id).Set("name", resource->name);
    }
    out_.Json("check", std::move(datum));
  }
  void Tell(const std::string& what, const Status& status) {
    Tell(what, status ? std::vector<Error>() : std::vector<Error>{status.error()});
  }
  // What stands in the way of nothing.
  void Warn(std::string_view text) { out_.Warn(text); }
  std::size_t count() const { return count_; }

 private:
  const Output& out_;
  std::size_t count_ = 0;
};

// A real object, written and read back: permissions and space are seen only that way.
Status TryBank(const BankSection& tenant) {
  const ProcessIdentity self = OwnProcessIdentity();
  const std::string key =
      "preflight/" + std::to_string(self.pid) + "-" + std::to_string(self.start_time);
  Status status = tenant.PutBytes(key, "preflight");
  if (!status) return status;
  const auto read = tenant.GetBytes(key);
  if (!read) {
    status = Error(read.error());
  } else if (*read != "preflight") {
    status = Corrupt("the bank gave back other bytes than were written");
  }
  if (auto removed = tenant.Delete(key); !removed && status) status = std::move(removed);
  return status;
}

// Each plugin looks at its own resources: tools there and new enough, permissions, space.
void CheckResources(Provider& provider, Context& context, const compiler::Plan& plan,
                    const ResourceGraph& graph, PreflightReport& report) {
  const auto parameters = compiler::ResolveParameters(plan.parameters, Operation::kProtect, graph,
                                                      DescriptorsOf(provider));
  std::vector<Error> faults = parameters ? FindParameterFaults(provider, Operation::kProtect, graph,
                                                               *parameters, plan.parameters)
                                         : std::vector<Error>{parameters.error()};
  // Where a resource is, is known when nothing is wrong with what says it.
  if (parameters && faults.empty()) {
    PlaceFaults places =
        FindPlaceFaults(provider, Operation::kProtect, graph, *parameters, plan.parameters);
    faults = std::move(places.errors);
    for (const Error& warning : places.warnings) report.Warn(warning.OneLine());
  }
  report.Tell("parameters", faults);
  for (std::uint32_t i = 0; i < graph.size(); ++i) {
    const Resource resource = graph.ResourceAt(ResourceId{i});
    std::string what = Printable(resource.key.str());
    if (!resource.name.empty() && resource.name != resource.key.id)
      what += " (" + Printable(resource.name) + ")";
    const auto plugin = provider.ProtectionFor(resource.key.type);
    if (!plugin) {
      report.Tell(what, {plugin.error()}, &resource);
      continue;
    }
    // Without parameters nobody knows what its plugin is to look at.
    if (!parameters) continue;
    report.Tell(what,
                (*plugin)->Check(context, resource, Parameters({{resource.key, (*parameters)[i]}})),
                &resource);
  }
}

}  // namespace

int CheckPlan(Session& session, const PreflightArguments& arguments) {
  const Output& out = session.out();
  PreflightReport report(out);
  const auto plan = LoadPlan(session, arguments.plan);
  if (!plan) return out.Fail(plan.error());
  report.Tell("plan " + plan->name, Ok());
  const auto provider = OpenProviderOf(session, *plan);
  if (!provider) return out.Fail(provider.error());
  report.Tell("provider " + (*provider)->config().name, Ok());

  const auto tenant = session.TenantSection(**provider, SectionAccess::kWrite);
  report.Tell("bank is writable", tenant ? TryBank(*tenant) : Status(tenant.error()));

  if (const KeyRing* const keys = (*provider)->keys(); keys != nullptr) {
    const auto current = keys->Current();
    report.Tell(current ? "encrypted with key " + (*current)->id() : "keys",
                current ? Ok() : Status(current.error()));
  }

  const auto context = session.MakeContext(**provider, kDiscoveryDeadline);
  const auto reviewed = LoadGraph(session, arguments.plan, "");
  auto found = DiscoverAcyclic(**provider, *context, *plan, {});
  if (found) {
    report.Tell("resources can be listed (" + Counted(found->size(), "resource") + ")", Ok());
    CheckResources(**provider, *context, *plan, *found, report);
    if (reviewed) {
      const runtime::Drift drift = runtime::CompareGraphs(*reviewed, *found);
      if (drift.any()) {
        out.Warn(
            "the resource graph file is not what is live now: " + runtime::DescribeDrift(drift) +
            "; 'holdfast plan discover " + arguments.plan + "' writes it anew");
      }
    }
  } else {
    report.Tell("resources can be listed", Status(found.error()));
    // What can be listed all the same, or was, is looked at: all problems in one run.
    const auto some = DiscoverAcyclic(**provider, *context, *plan, {.allow_missing = true});
    if (some || reviewed)
      CheckResources(**provider, *context, *plan, some ? *some : *reviewed, report);
  }
  if (report.count() == 0) return 0;
  // One exit code, whatever is wrong: several things may be.
  return out.Fail(InvalidInput(Counted(report.count(), "problem stands", "problems stand") +
                               " in the way of plan " + plan->name));
}

}  // namespace holdfast::cli
