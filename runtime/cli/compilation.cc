#include "runtime/cli/compilation.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "compiler/plan/cron_line.h"
#include "compiler/plan/graph_file.h"
#include "compiler/plan/parameter_set.h"
#include "compiler/plan/schedule.h"
#include "compiler/plan/source_text.h"
#include "plugins/sdk/counted.h"
#include "plugins/sdk/file.h"
#include "plugins/sdk/source_text.h"
#include "plugins/sdk/text.h"
#include "runtime/cli/checkpoint_choice.h"
#include "runtime/cli/child_choices.h"
#include "runtime/cli/next_command.h"
#include "runtime/cli/opened_workflow.h"
#include "runtime/cli/parameter_faults.h"
#include "runtime/cli/place_faults.h"
#include "runtime/cli/schedule_times.h"
#include "runtime/cli/version.h"
#include "runtime/mistral/definition_file.h"
#include "runtime/store/listing.h"
#include "runtime/store/newest_manifest.h"
#include "runtime/store/record.h"
#include "runtime/store/stored_object.h"

namespace holdfast::cli {

namespace fs = std::filesystem;

compiler::PluginsByType DescriptorsOf(const Provider& provider) {
  compiler::PluginsByType out;
  for (const auto& plugin : provider.protections()) {
    for (const std::string& type : plugin->descriptor().types) out[type] = &plugin->descriptor();
  }
  return out;
}

namespace {

// The state in which a checkpoint may be the source of an operation.
Status CheckSourceState(const BankSection& tenant, WallTime now,
                        const runtime::RecordSummary& summary, Operation operation, bool partial) {
  using runtime::RecordState;
  if (operation == Operation::kDelete) {
    if (summary.state == RecordState::kDeleted)
      return NotFound("checkpoint " + summary.id + " was deleted");
    // Of one that is being deleted already part may be gone: no pin brings that back.
    if (summary.pin && summary.state != RecordState::kDeleting)
      return runtime::PinnedError(summary.id, *summary.pin);
    return Ok();
  }
  if (summary.state == RecordState::kAvailable || (summary.state == RecordState::kError && partial))
    return Ok();
  Error error = InvalidInput("checkpoint " + summary.id + " is in state " +
                             std::string(runtime::NameOf(summary.state)));
  if (summary.state == RecordState::kError) {
    return std::move(error).Hint(
        "not everything in it was protected; --partial takes what there is");
  }
  if (runtime::IsWorking(summary.state)) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto lease, runtime::CurrentLease(tenant, summary.id));
    if (lease && !lease->gone(now))
      return std::move(error).Because(runtime::RecordHeldError(tenant, summary.id, *lease));
    return std::move(error).Hint("nobody works on it any more: holdfast gc brings it to its end");
  }
  return std::move(error).Hint("only an available checkpoint can be taken");
}

// What the graph holds and no root leads to. It would be protected, and drift, which looks below the
// roots, would call it gone for ever.
std::vector<ResourceId> NotBelow(const ResourceGraph& graph,
                                 const std::vector<ResourceKey>& roots) {
  std::vector<bool> reached(graph.size());
  std::vector<ResourceId> open;
  const auto reach = [&](ResourceId id) {
    if (reached[id.value]) return;
    reached[id.value] = true;
    open.push_back(id);
  };
  for (const ResourceKey& root : roots) {
    if (const auto id = graph.Find(root)) reach(*id);
  }
  while (!open.empty()) {
    const ResourceId id = open.back();
    open.pop_back();
    for (const ResourceId child : graph.children(id)) reach(child);
  }
  std::vector<ResourceId> out;
  for (std::uint32_t i = 0; i < graph.size(); ++i) {
    if (!reached[i]) out.push_back(ResourceId{i});
  }
  return out;
}

// --sample, as the parameter that every verify has, of every type in the graph; what the parameters
// file says of it stays.
Status AddSample(const std::string& text, const ResourceGraph& graph,
                 const compiler::PluginsByType& plugins, Value& entries) {
  if (text.empty()) return Ok();
  if (auto share = ParsePercent(text); !share) {
    return Error(ErrorCode::kUsage, "--sample: " + share.error().message())
        .Hint(share.error().hint());
  }
  if (entries.is_null()) entries = Value(Value::Map{});
  // What is no map is refused where the entries are read.
  if (!entries.is_map()) return Ok();
  for (const ResourceGraph::Node& node : graph.nodes()) {
    if (!plugins.contains(node.key.type)) continue;
    const Value* const given = entries.Find(node.key.type);
    Value of_type = given == nullptr || given->is_null() ? Value(Value::Map{}) : *given;
    if (!of_type.is_map() || of_type.Find("sample") != nullptr) continue;
    of_type.Set("sample", text);
    entries.Set(node.key.type, std::move(of_type));
  }
  return Ok();
}

struct Source {
  Provider* provider = nullptr;
  compiler::ParameterSet parameters;
  // --partial: what the checkpoint does not hold; what is asked of a resource above does not reach.
  std::set<ResourceKey> left_out;
  std::set<ResourceKey> nothing;  // what the checkpoint holds nothing of, and was not to
  SavedInfoOf saved_info;         // of the checkpoint
};

// The saved info of the resources of a checkpoint, checked; kNotFound where it has none.
SavedInfoOf SavedInfoIn(Provider& provider, const BankSection& tenant,
                        const std::string& checkpoint) {
  return [&provider, tenant, checkpoint](const ResourceKey& key) -> Result<Value> {
    HOLDFAST_ASSIGN_OR_RETURN(const ProtectionPlugin* const plugin,
                              provider.ProtectionFor(key.type));
    HOLDFAST_ASSIGN_OR_RETURN(
        const runtime::Record record,
        runtime::Record::Open(tenant, runtime::RecordKind::kCheckpoint, checkpoint));
    HOLDFAST_ASSIGN_OR_RETURN(const auto manifest, runtime::NewestManifest(record, key));
    const Schema& schema = plugin->descriptor().saved_info;
    // Of another version nothing is known here; the step says so.
    if (!manifest || manifest->saved_info_version != schema.version)
      return NotFound("no info was saved for " + Printable(key.str()));
    HOLDFAST_ASSIGN_OR_RETURN(const Value info,
                              runtime::ReadSavedInfo(record.section(), *manifest));
    if (info.is_null()) return NotFound("no info was saved for " + Printable(key.str()));
    return CheckAgainstSchema(schema, info, "", "saved info of " + Printable(key.str()));
  };
}

// --partial takes what there is: what the checkpoint does not hold is left out of the workflow, so
// that its steps do not fail, and the run's verdict is about the rest.
Status LeaveOutMissing(Session& session, const BankSection& tenant, Operation operation,
                       const std::string& checkpoint, runtime::RecordState state,
                       std::size_t resources, Source& out) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto missing, runtime::MissingResources(tenant, checkpoint));
  for (const auto& [key, why] : missing) {
    // A verification is to find what was there once and is not any more.
    if (operation == Operation::kVerify &&
        (!why.empty() || state == runtime::RecordState::kAvailable)) {
      continue;
    }
    out.left_out.insert(key);
  }
  if (!out.left_out.empty() && out.left_out.size() == resources)
    return InvalidInput("checkpoint " + checkpoint + " holds no resource at all");
  for (const ResourceKey& key : out.left_out) {
    session.out().Say(
        "note: " + Printable(key.str()) +
        (missing.at(key).empty()
             ? " is left out: the checkpoint does not hold it"
             : " is left out: what the checkpoint holds of it is damaged: " + missing.at(key)));
  }
  return Ok();
}

Result<Source> GatherFromPlan(Session& session, const CompileArguments& arguments,
                              compiler::CompileInput& input) {
  HOLDFAST_ASSIGN_OR_RETURN(compiler::Plan plan, LoadPlan(session, arguments.plan));
  HOLDFAST_ASSIGN_OR_RETURN(input.graph, LoadGraph(session, arguments.plan, arguments.graph));
  for (const ResourceKey& root : plan.resources) {
    if (input.graph.Find(root)) continue;
    return plan.parameters.source
        .At(plan.resource_positions.at(root), Printable(root.str()) +
                                                  " is not in the resource graph " +
                                                  Printable(input.graph.file()))
        .Hint("'holdfast plan discover " + arguments.plan + "' writes the graph anew");
  }
  if (const auto stray = NotBelow(input.graph, plan.resources); !stray.empty()) {
    const ResourceGraph::Node& first = input.graph.node(stray.front());
    const Error error =
        InvalidInput(
            fmt::format("{} of the resource graph {} not below the resources of the plan: {}{}",
                        Counted(stray.size(), "resource"), stray.size() == 1 ? "is" : "are",
                        Printable(first.key.str()), stray.size() > 1 ? ", ..." : ""))
            .At({input.graph.file(), first.position.line, first.position.column, {}, 1})
            .Hint("name them in 'resources' of the plan, or 'holdfast plan discover " +
                  arguments.plan + "' writes the graph anew");
    return WithGraphLines(error, input.graph);
  }
  Source out;
  HOLDFAST_ASSIGN_OR_RETURN(out.provider, OpenProviderOf(session, plan));
  input.plan = plan.value;
  out.parameters = std::move(plan.parameters);
  return out;
}

Result<Source> GatherFromCheckpoint(Session& session, const CompileArguments& arguments,
                                    compiler::CompileInput& input) {
  Source out;
  HOLDFAST_ASSIGN_OR_RETURN(out.provider, session.OpenProvider(arguments.provider));
  HOLDFAST_ASSIGN_OR_RETURN(const BankSection tenant,
                            session.TenantSection(*out.provider, SectionAccess::kRead));
  // What is damaged can still be deleted: its bundle knows what its plugins have to act on.
  const bool deletes = arguments.operation == Operation::kDelete;
  HOLDFAST_ASSIGN_OR_RETURN(
      input.checkpoint,
      ChooseCheckpoint(session.out(), tenant, out.provider->config().id,
                       deletes ? OfOthers::kLeave : OfOthers::kTakeWhenAlone,
                       {arguments.checkpoint, arguments.of_plan, arguments.of_origin},
                       session.clock().Now()));
  // A verification says which manifests do not read back; --partial takes the rest.
  const bool leaves = arguments.operation == Operation::kVerify || arguments.partial;
  auto read = runtime::ReadRecordGraph(tenant, input.checkpoint,
                                       deletes  ? runtime::Damaged::kTakeFromBundle
                                       : leaves ? runtime::Damaged::kLeaveManifests
                                                : runtime::Damaged::kRefuse);
  if (!read && runtime::IsDamage(read.error()) && arguments.operation == Operation::kRestore &&
      !arguments.partial) {
    return std::move(read).error().Hint("--partial restores what is whole, if anything is");
  }
  if (!read) return std::move(read).error();
  runtime::CheckpointSource source = std::move(*read);
  if (!source.summary.damage.empty()) {
    session.out().Warn("checkpoint " + input.checkpoint +
                       " is damaged, and is deleted as its bundle says: " + source.summary.damage);
  }
  HOLDFAST_RETURN_IF_ERROR(CheckSourceState(tenant, session.clock().Now(), source.summary,
                                            arguments.operation, arguments.partial));
  if (arguments.partial) {
    HOLDFAST_RETURN_IF_ERROR(LeaveOutMissing(session, tenant, arguments.operation, input.checkpoint,
                                             source.summary.state, source.graph.size(), out));
  }
  input.graph = std::move(source.graph);
  out.nothing = std::move(source.nothing);
  input.plan = source.head.plan;
  out.saved_info = SavedInfoIn(*out.provider, tenant, input.checkpoint);
  if (!arguments.parameters.empty()) {
    auto text = session.files().Read(arguments.parameters, 16U << 20U);
    if (!text) {
      return std::move(text).error().Hint(
          "--parameters names a YAML file, such as one with 'Local::Directory: {target: "
          "/srv/new}'");
    }
    HOLDFAST_ASSIGN_OR_RETURN(out.parameters,
                              compiler::ParseParameters(*text, arguments.parameters));
  }
  return out;
}

// What the plan alone cannot tell: is there such a time zone?
Status CheckScheduleOf(const compiler::Plan& plan) {
  const auto schedule = compiler::ScheduleOf(plan.value);
  if (!schedule) return Ok();
  Status known = CheckTimeZone(schedule->timezone);
  if (known || schedule->timezone_at.line == 0) return known;
  return plan.parameters.source
      .At(schedule->timezone_at, std::string(known.error().message()), schedule->timezone.size())
      .Hint(std::string(known.error().hint()));
}

}  // namespace

Result<compiler::Plan> LoadPlan(Session& session, const std::string& file) {
  auto text = session.files().Read(file, 16U << 20U);
  if (!text && text.error().code() == ErrorCode::kNotFound)
    return std::move(text).error().Hint("'holdfast plan new' writes a plan to start from");
  if (!text) return std::move(text).error();
  HOLDFAST_ASSIGN_OR_RETURN(compiler::Plan plan, compiler::ParsePlan(*text, file));
  HOLDFAST_RETURN_IF_ERROR(CheckScheduleOf(plan));
  return plan;
}

Result<Provider*> OpenProviderOf(Session& session, const compiler::Plan& plan) {
  const compiler::SourceText& source = plan.parameters.source;
  const auto with_plan = [&source](Error error) {
    return std::move(error).While("plan " + source.file);
  };
  const auto folder = session.providers();
  if (!folder) return with_plan(folder.error());
  if (const auto config = (*folder)->Find(plan.provider); !config) {
    Error error = source.At(plan.provider_position, config.error().message(), plan.provider.size())
                      .Hint(config.error().hint());
    for (const Error& cause : config.error().causes()) error = std::move(error).Because(cause);
    return error;
  }
  auto provider = session.OpenProvider(plan.provider);
  if (!provider) return with_plan(std::move(provider).error());
  return provider;
}

std::string GraphFileOf(const std::string& plan_file, bool json_lines) {
  return fs::path(plan_file).replace_extension(json_lines ? ".graph.jsonl" : ".graph.yaml");
}

Result<ResourceGraph> LoadGraph(Session& session, const std::string& plan_file,
                                const std::string& file) {
  std::string path = file;
  if (path.empty()) {
    path = GraphFileOf(plan_file, false);
    if (std::error_code error;
        !fs::exists(path, error) && fs::exists(GraphFileOf(plan_file, true), error)) {
      path = GraphFileOf(plan_file, true);
    }
  }
  auto text = session.files().Read(path);
  if (!text && text.error().code() != ErrorCode::kNotFound) return std::move(text).error();
  if (!text) {
    return std::move(text).error().Hint("'holdfast plan discover " + plan_file +
                                        "' writes the resource graph");
  }
  if (Trim(*text).empty()) {
    return InvalidInput("the resource graph is empty")
        .At({path, 0, 0, {}, 1})
        .Hint("'holdfast plan discover " + plan_file + "' writes it");
  }
  return compiler::ReadGraph(*text, path);
}

Error WithGraphLines(const Error& error, const ResourceGraph& graph) {
  if (graph.file().empty()) return error;
  const auto text = ReadFile(graph.file());
  return text ? WithSourceText(error, graph.file(), *text) : error;
}

Result<compiler::ActivityTable> AskPlugins(Provider& provider, Operation operation,
                                           const ResourceGraph& graph,
                                           const std::vector<Value>& parameters,
                                           const std::set<ResourceKey>& left_out) {
  compiler::ActivityTable table;
  table.choices.resize(graph.size());
  for (std::uint32_t i = 0; i < graph.size(); ++i) {
    table.choices[i].fill(StepChoice::None());
    const ResourceGraph::Node& node = graph.nodes()[i];
    if (left_out.contains(node.key)) continue;
    HOLDFAST_ASSIGN_OR_RETURN(const ProtectionPlugin* const plugin,
                              provider.ProtectionFor(node.key.type));
    const OperationDescriptor& defined = plugin->descriptor().operation(operation);
    if (!defined.DefinesAny()) continue;
    const Resource resource = graph.ResourceAt(ResourceId{i});
    for (const ActivityKind kind : kAllActivityKinds) {
      if (!defined.Defines(kind)) continue;
      auto choice = plugin->Choose(operation, kind, resource, parameters[i]);
      if (!choice) {
        return std::move(choice).error().While("asking plugin " + plugin->descriptor().name +
                                               " about " + Printable(node.key.str()));
      }
      // Keys of different plugins never meet in one step.
      if (choice->kind == StepChoice::Kind::kAggregate)
        choice->key = plugin->descriptor().name + "\n" + choice->key;
      table.choices[i][static_cast<std::size_t>(kind)] = std::move(*choice);
    }
  }
  return table;
}

namespace {

// The runtime reads every byte of what a verify's plugins leave unread, in the step of their parallel:
// a resource whose plugin has none gets one.
void ReadWhatIsStored(const ResourceGraph& graph, const std::set<ResourceKey>& left_out,
                      const std::set<ResourceKey>& nothing, compiler::ActivityTable& table) {
  for (std::uint32_t i = 0; i < graph.size(); ++i) {
    const ResourceKey& key = graph.nodes()[i].key;
    if (left_out.contains(key) || nothing.contains(key)) continue;
    StepChoice& parallel = table.choices[i][static_cast<std::size_t>(ActivityKind::kParallel)];
    if (parallel.kind == StepChoice::Kind::kNone) parallel = StepChoice::Own();
  }
}

}  // namespace

Result<compiler::CompileInput> GatherCompileInput(Session& session,
                                                  const CompileArguments& arguments) {
  compiler::CompileInput input;
  input.operation = arguments.operation;
  HOLDFAST_ASSIGN_OR_RETURN(Source source, arguments.operation == Operation::kProtect
                                               ? GatherFromPlan(session, arguments, input)
                                               : GatherFromCheckpoint(session, arguments, input));
  input.provider_id = source.provider->config().id;
  input.provider_name = source.provider->config().name;
  input.plugins = DescriptorsOf(*source.provider);
  HOLDFAST_RETURN_IF_ERROR(
      AddSample(arguments.sample, input.graph, input.plugins, source.parameters.entries));
  auto parameters = compiler::ResolveParameters(source.parameters, arguments.operation, input.graph,
                                                input.plugins);
  if (!parameters) return WithGraphLines(parameters.error(), input.graph);
  input.parameters = std::move(*parameters);
  if (const auto faults = FindParameterFaults(*source.provider, arguments.operation, input.graph,
                                              input.parameters, source.parameters);
      !faults.empty()) {
    return WithGraphLines(source.parameters.source.WithLines(compiler::Together(faults)),
                          input.graph);
  }
  ChildChoices children = ChooseForChildren(*source.provider, arguments.operation, input.graph,
                                            input.parameters, source.parameters, source.left_out);
  if (!children.faults.empty()) {
    return WithGraphLines(source.parameters.source.WithLines(compiler::Together(children.faults)),
                          input.graph);
  }
  for (const std::string& note : children.notes) session.out().Say("note: " + note);
  source.left_out.merge(children.left_out);
  PlaceFaults places =
      FindPlaceFaults(*source.provider, arguments.operation, input.graph, input.parameters,
                      source.parameters, source.left_out, source.saved_info);
  if (!places.errors.empty()) {
    return WithGraphLines(source.parameters.source.WithLines(compiler::Together(places.errors)),
                          input.graph);
  }
  for (const Error& warning : places.warnings) session.out().Warn(warning.OneLine());
  input.given_parameters = source.parameters.entries;
  HOLDFAST_ASSIGN_OR_RETURN(
      input.table, AskPlugins(*source.provider, arguments.operation, input.graph, input.parameters,
                              source.left_out));
  if (arguments.operation == Operation::kVerify)
    ReadWhatIsStored(input.graph, source.left_out, source.nothing, input.table);
  input.options.partial = arguments.partial;
  input.options.engine = arguments.engine;
  if (arguments.fuse == "leaf") input.options.fuse = compiler::FuseMode::kLeaf;
  if (arguments.fuse == "none") input.options.fuse = compiler::FuseMode::kNone;
  input.options.emit.kind = arguments.kind == "template" ? compiler::WorkflowKind::kTemplate
                                                         : compiler::WorkflowKind::kWorkflow;
  input.options.emit.max_tasks_per_template = arguments.max_tasks_per_template;
  input.options.emit.max_tasks_per_workflow = arguments.max_tasks_per_workflow;
  input.options.emit.tool_version = std::string(kVersionText);
  return input;
}

namespace {

// NAME.schedule.yaml for NAME.yaml.
std::string ScheduleFileOf(const std::string& file) {
  return fs::path(file).replace_extension(".schedule.yaml");
}

// For kubectl; it is no child.
constexpr std::string_view kIndexOfChildren = "kustomization.yaml";

// What a compile writes into NAME.children: for Argo "<hash>.yaml" and the index, for Mistral "<part>.yaml", in which the
// workflow "<plan>-<operation>.<part>.<hash>" stands.
bool IsChildFile(const fs::path& path) {
  if (path.filename() == kIndexOfChildren) return true;
  if (path.extension() != ".yaml") return false;
  const std::string part = path.stem();
  if (part.find_first_not_of("0123456789abcdef") == std::string::npos) return true;
  const auto text = ReadFile(path);
  if (!text || !mistral::IsMistralFile(*text)) return false;
  const std::vector<std::string_view> lines = Split(*text, '\n');
  return std::any_of(lines.begin(), lines.end(), [&part](std::string_view line) {
    if (line.starts_with(' ') || !line.ends_with(':')) return false;
    line.remove_suffix(1);
    // An earlier build gave it no hash.
    return line.ends_with("." + part) || line.substr(0, line.rfind('.')).ends_with("." + part);
  });
}

// Those of an earlier compile that are none of this one any more.
void RemoveOtherChildren(const std::string& folder, const std::set<std::string>& files) {
  std::error_code error;
  std::vector<fs::path> others;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (!files.contains(entry.path().filename()) && IsChildFile(entry.path()))
      others.push_back(entry.path());
  }
  for (const fs::path& path : others) fs::remove(path, error);
  // Only when it is empty: what else is in there is somebody's.
  if (files.empty()) fs::remove(folder, error);
}

// Without the index.
std::size_t CountOfChildren(const compiler::CompiledWorkflow& compiled) {
  return static_cast<std::size_t>(
      std::count_if(compiled.children.begin(), compiled.children.end(),
                    [](const auto& child) { return child.name != kIndexOfChildren; }));
}

// How they get to where the workflow looks for them.
std::string AboutChildren(const std::string& engine, std::size_t count, const std::string& file) {
  const std::string folder = ChildrenFolderOf(file);
  if (engine == "mistral") {
    return fmt::format(
        "it starts {}, in {}: 'holdfast submit {} --engine mistral' stores {} before it",
        Counted(count, "sub-workflow"), folder, ShellWord(file), count == 1 ? "it" : "them");
  }
  return fmt::format("it starts {} of {}: on a cluster 'kubectl apply -k {}' goes before it",
                     Counted(count, "child Workflow"), folder, ShellWord(folder));
}

Status WriteChildren(Session& session, const compiler::CompiledWorkflow& compiled,
                     const std::string& file) {
  const std::string folder = ChildrenFolderOf(file);
  std::error_code error;
  if (compiled.children.empty()) return Ok();
  fs::create_directories(folder, error);
  if (error) return SystemError(error.value(), "making the folder " + Printable(folder));
  for (const compiler::EmittedFile& child : compiled.children)
    HOLDFAST_RETURN_IF_ERROR(
        session.files().Write((fs::path(folder) / child.name).string(), child.text));
  return Ok();
}

// The nights on which a change of the clocks takes a run away, or makes two.
void WarnOfOddTimes(Session& session, const Value& plan, const std::string& plan_file,
                    const compiler::Schedule& schedule, const compiler::ZoneClocks& clocks,
                    std::chrono::sys_seconds now) {
  std::vector<std::string> nights;
  for (const compiler::OddTime& odd : compiler::OddTimes(schedule.cron, clocks, now))
    nights.push_back((odd.runs == 0 ? "no run at " : "two runs at ") + odd.time.str());
  if (nights.empty()) return;
  const Position place = plan.Find("schedule")->Find("cron")->position();
  Error warning = InvalidInput(Join(nights, ", ") + ": the clocks of " + schedule.timezone +
                               " are changed then")
                      .At({plan_file, place.line, place.column, {}, 1});
  if (const std::string other = compiler::WithoutOddTimes(schedule.cron, clocks, now);
      !other.empty()) {
    warning = std::move(warning).Hint("each run of '" + other + "' comes once");
  }
  session.out().Warn(warning.OneLine());
}

// The second file of a plan with a schedule, and when it will run.
Status WriteSchedule(Session& session, const compiler::CompileInput& input,
                     const compiler::CompiledWorkflow& compiled, const std::string& plan_file,
                     const std::string& file) {
  const std::string schedule_file = ScheduleFileOf(file);
  const auto schedule = compiler::ScheduleOf(input.plan);
  if (compiled.schedule.empty()) {
    std::error_code error;
    if (input.options.emit.kind == compiler::WorkflowKind::kTemplate &&
        fs::exists(schedule_file, error)) {
      session.out().Warn(schedule_file + " is of an earlier compile: this plan has no schedule");
    } else if (schedule && input.operation == Operation::kProtect) {
      session.out().Say(
          "the plan's schedule is for engines that have one: --kind template writes it, too");
    }
    return Ok();
  }
  HOLDFAST_RETURN_IF_ERROR(session.files().RefuseInput(schedule_file));
  HOLDFAST_RETURN_IF_ERROR(session.files().Write(schedule_file, compiled.schedule));
  const std::string& timezone = schedule->timezone;
  std::vector<std::string> times;
  const auto now = std::chrono::floor<std::chrono::seconds>(session.clock().Now());
  if (const auto clocks = ClocksOf(timezone, now)) {
    constexpr std::size_t kTimesShown = 5;
    for (const compiler::CivilTime& time :
         compiler::NextTimes(schedule->cron, *clocks, now, kTimesShown)) {
      times.push_back(time.str());
    }
    WarnOfOddTimes(session, input.plan, plan_file, *schedule, *clocks, now);
  }
  session.out().Json("schedule", Value()
                                     .Set("file", schedule_file)
                                     .Set("timezone", timezone)
                                     .Set("next_runs", Value::List(times.begin(), times.end())));
  session.out().Say(times.empty()
                        ? schedule_file + ": this machine does not know the time zone " +
                              Printable(timezone) + ", so when it runs next is not shown"
                        : schedule_file + ": next runs (" + timezone + ") " + Join(times, ", "));
  session.out().Say("'holdfast publish " + ShellWord(file) +
                    "' puts its bundle into the bank, where its runs look for it");
  return Ok();
}

// What an engine cannot do that stands in the plan: it knows the place, and not the file.
Error WithPlanLines(Session& session, const CompileArguments& arguments, const Error& error) {
  if (arguments.operation != Operation::kProtect || !error.where() || !error.where()->file.empty())
    return error;
  const auto plan = LoadPlan(session, arguments.plan);
  if (!plan) return error;
  const compiler::SourceText& source = plan->parameters.source;
  Where where = *error.where();
  where.file = source.file;
  return source.WithLines(Error(error).At(std::move(where)));
}

}  // namespace

Result<std::string> CompileToFile(Session& session, const CompileArguments& arguments) {
  HOLDFAST_ASSIGN_OR_RETURN(const compiler::CompileInput input,
                            GatherCompileInput(session, arguments));
  const auto made = compiler::Compile(input);
  if (!made) return WithGraphLines(WithPlanLines(session, arguments, made.error()), input.graph);
  const compiler::CompiledWorkflow& compiled = *made;
  const std::string file = !arguments.output.empty() ? arguments.output : compiled.name + ".yaml";
  if (file == "-" || !IsFileOrAbsent(file)) {
    return Error(ErrorCode::kUsage, "a workflow cannot be written to " + Printable(file) +
                                        ": its bundle stands beside it")
        .Hint("-o names a file");
  }
  if (std::error_code error;
      fs::path(file).has_parent_path() && !fs::exists(fs::path(file).parent_path(), error)) {
    return NotFound("writing " + Printable(file) + ": there is no such folder")
        .Hint("make the folder '" + fs::path(file).parent_path().string() + "' first");
  }
  HOLDFAST_RETURN_IF_ERROR(session.files().RefuseInput(file));
  if (std::error_code error;
      fs::exists(BundleFolderOf(file), error) && !fs::is_directory(BundleFolderOf(file), error)) {
    return InvalidInput("the bundle of " + Printable(file) + " is the folder " +
                        Printable(BundleFolderOf(file)) + ", and there is a file of that name")
        .Hint("remove it, or name another file with -o");
  }
  // The bundle first, then the children: a file without them could not be run.
  HOLDFAST_RETURN_IF_ERROR(WriteBundleFolder(BundleFolderOf(file), compiled.bundle));
  HOLDFAST_RETURN_IF_ERROR(WriteChildren(session, compiled, file));
  HOLDFAST_RETURN_IF_ERROR(session.files().Write(file, compiled.text));
  std::set<std::string> children;
  for (const compiler::EmittedFile& child : compiled.children) children.insert(child.name);
  RemoveOtherChildren(ChildrenFolderOf(file), children);
  if (arguments.operation == Operation::kProtect) {
    for (const std::string& warning : input.graph.warnings()) session.out().Warn(warning);
  }
  for (const std::string& note : compiled.notes) session.out().Say("note: " + note);
  session.out().Json("compiled",
                     Value()
                         .Set("file", file)
                         .Set("bundle", compiled.bundle.sha256)
                         .Set("bundle_folder", BundleFolderOf(file))
                         .Set("operation", NameOf(arguments.operation))
                         .Set("resources", static_cast<std::uint64_t>(input.graph.size()))
                         .Set("children", static_cast<std::uint64_t>(CountOfChildren(compiled)))
                         .Set("steps", static_cast<std::uint64_t>(compiled.steps)));
  if (arguments.brief) return file;
  session.out().Say(file + ": " + std::string(NameOf(arguments.operation)) + " of " +
                    Counted(input.graph.size(), "resource") + " in " +
                    Counted(compiled.steps, "step") + "; its bundle is " + BundleFolderOf(file));
  if (const std::size_t count = CountOfChildren(compiled); count > 0)
    session.out().Say(AboutChildren(arguments.engine, count, file));
  HOLDFAST_RETURN_IF_ERROR(WriteSchedule(session, input, compiled, arguments.plan, file));
  return file;
}

}  // namespace holdfast::cli
