#include "tests/runtime/world.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>

#include "plugins/sdk/check.h"
#include "runtime/store/manifest.h"
#include "tests/sdk/bundle_parts.h"
#include "tests/sdk/test_keys.h"

namespace holdfast::testing_runtime {

namespace {

const std::set<std::string> kTypes{"T::App", "T::Volume", "T::Plain", "T::Ledger", "T::Group"};

std::set<ActivityKind> Defines(const std::string& type, Operation operation) {
  using enum ActivityKind;
  if (operation == Operation::kVerify) return {kParallel};
  if (type == "T::App") {
    if (operation == Operation::kProtect) return {kPre, kPreFinish, kPost};
    return {kPre, kPost};
  }
  if (type == "T::Volume" || type == "T::Group") return {kPre, kParallel, kPost};
  if (type == "T::Ledger") return {kPre, kPost};
  return {kParallel};
}

PluginDescriptor Describe(const std::string& type) {
  PluginDescriptor descriptor;
  descriptor.name = "scripted-" + std::string(type.substr(3));
  descriptor.types = {type};
  for (const Operation operation : kAllOperations) {
    for (const ActivityKind kind : Defines(type, operation)) {
      descriptor.operation(operation).activities[static_cast<std::size_t>(kind)] = true;
    }
  }
  descriptor.quiesces = type == "T::App";
  descriptor.post_acts_on_failure = type != "T::Ledger";
  descriptor.has_saved_info = true;
  Field field;
  field.name = "made_by";
  descriptor.saved_info.fields.push_back(field);
  return descriptor;
}

class NoLog final : public Logger {
 public:
  void Log(LogLevel, std::string_view, const Value&) override {}
};

class NoProcesses final : public ProcessRunner {
 public:
  Result<ProcessOutcome> Run(const ProcessSpec&) override { return Internal("no processes here"); }
  Result<int> StartDetached(const ProcessSpec&, const std::string&) override {
    return Internal("no processes here");
  }
};

std::string StepName(const ResourceKey& key, std::string_view suffix) {
  std::string name = key.type.substr(3) + "-" + key.id + "-" + std::string(suffix);
  for (char& c : name) {
    const auto byte = static_cast<unsigned char>(c);
    c = std::isalnum(byte) != 0 ? static_cast<char>(std::tolower(byte)) : '-';
  }
  return name;
}

}  // namespace

// A plugin that does what the test's script says, and keeps the world's books.
class ScriptedPlugin final : public ProtectionPlugin {
 public:
  ScriptedPlugin(World& world, const std::string& type, Cancellation& cancellation)
      : world_(world), descriptor_(Describe(type)), cancellation_(cancellation) {
    settings_.poll_interval = std::chrono::milliseconds(1);
    settings_.poll_interval_max = std::chrono::milliseconds(2);
    settings_.activity_timeout = std::chrono::milliseconds(500);
  }
  const PluginDescriptor& descriptor() const override { return descriptor_; }
  const PollSettings& poll_settings() const override { return settings_; }
  Result<StepChoice> Choose(Operation, ActivityKind, const Resource&, const Value&) const override {
    return StepChoice::Own();
  }
  Activity Start(Operation operation, ActivityKind kind, Checkpoint& checkpoint, Context& context,
                 std::span<const Resource> resources, const Parameters&) override {
    return Play(operation, kind, checkpoint, context, resources);
  }

 private:
  Activity Play(Operation operation, ActivityKind kind, Checkpoint& checkpoint, Context& context,
                std::span<const Resource> resources) {
    const std::string who = resources.front().key.str();
    const std::string call = std::string(NameOf(kind)) + " " + who;
    Behaviour behaviour;
    if (const auto at = world_.script.find(call); at != world_.script.end()) behaviour = at->second;
    for (const Resource& resource : resources) {
      world_.calls.push_back(std::string(NameOf(kind)) + " " + resource.key.str());
      if (kind == ActivityKind::kPost || kind == ActivityKind::kPreFinish) {
        HOLDFAST_CO_ASSIGN_OR_RETURN(world_.all_succeeded[world_.calls.back()],
                                     checkpoint.AllSucceeded(resource));
      }
      if (kind == ActivityKind::kPost) {
        HOLDFAST_CO_ASSIGN_OR_RETURN(world_.below_began[world_.calls.back()],
                                     checkpoint.AnyBelowBegan(resource));
      }
    }
    if (behaviour.journals && kind == ActivityKind::kPre) {
      for (const Resource& resource : resources) {
        HOLDFAST_CO_RETURN_IF_ERROR(checkpoint.Journal(resource, Value().Set("intent", who)));
      }
    }
    for (const std::string& line : behaviour.warns) {
      context.log().Log(LogLevel::kWarning, line, {});
    }
    if (behaviour.locked > 0) {
      --world_.script[call].locked;
      co_return Error(ErrorCode::kLocked, "somebody writes").Hint("end that");
    }
    for (const Resource& resource : resources) Act(operation, kind, resource.key);
    if (behaviour.dies) {
      // From here on this process reaches nothing any more.
      world_.bank.Arm(testing::FaultyBank::Fault::kStopBefore, 1);
      co_return Internal("dead");
    }
    if (behaviour.loses_lease) {
      const auto lease = runtime::CurrentLease(world_.tenant, checkpoint.record_id());
      runtime::LeaseRequest request;
      request.run = "thief";
      request.after = (*lease)->token;
      HOLDFAST_CO_RETURN_IF_ERROR(
          runtime::TakeLease(world_.tenant, checkpoint.record_id(), request, world_.now));
    }
    if (behaviour.loses_race) {
      runtime::ResourceManifest manifest;
      manifest.resource = resources.front().key;
      manifest.plugin = descriptor_.name;
      manifest.epoch = checkpoint.epoch();
      manifest.attempt = "other";
      manifest.point_in_time = world_.now;
      HOLDFAST_CO_ASSIGN_OR_RETURN(
          const auto record, runtime::Record::Open(world_.tenant, runtime::RecordKind::kCheckpoint,
                                                   checkpoint.record_id()));
      HOLDFAST_CO_RETURN_IF_ERROR(
          runtime::WriteManifest(record.section(), std::move(manifest), Value()));
    }
    if (behaviour.stopped) {
      cancellation_.Set();
      co_return CancelledError();
    }
    while (behaviour.hangs) co_yield Progress{1, 2, "hanging"};
    for (int i = 0; i < behaviour.yields; ++i) co_yield Progress{1, 2, "working"};
    if (behaviour.fails) {
      // A pre that fails undoes its own half-done work.
      if (behaviour.half_done) co_return Internal("as the script says").HalfDone();
      if (kind == ActivityKind::kPre) {
        for (const Resource& resource : resources) Undo(resource.key);
      }
      co_return Internal("as the script says");
    }
    if (operation == Operation::kProtect && kind == ActivityKind::kParallel) {
      for (const Resource& resource : resources) {
        HOLDFAST_CO_ASSIGN_OR_RETURN(auto writer, checkpoint.CreateData(resource, "data"));
        HOLDFAST_CO_RETURN_IF_ERROR(writer->Write(AsBytes(world_.BytesOf(resource.key))));
        HOLDFAST_CO_RETURN_IF_ERROR(writer->Finish());
        HOLDFAST_CO_RETURN_IF_ERROR(checkpoint.SaveInfo(resource, Value().Set("made_by", who)));
        if (const auto raw = world_.raw.find(resource.key.str()); raw != world_.raw.end()) {
          HOLDFAST_CO_ASSIGN_OR_RETURN(const BankSection section, checkpoint.Section(resource));
          HOLDFAST_CO_RETURN_IF_ERROR(section.PutBytes("part/one", raw->second));
        }
      }
    }
    if (operation == Operation::kDelete) {
      for (const Resource& resource : resources) {
        HOLDFAST_CO_RETURN_IF_ERROR(checkpoint.DeleteData(resource));
      }
    }
    if (operation == Operation::kRestore && kind == ActivityKind::kParallel) {
      for (const Resource& resource : resources) {
        HOLDFAST_CO_ASSIGN_OR_RETURN(const auto source, checkpoint.OpenData(resource, "data"));
        const std::string expected = world_.BytesOf(resource.key);
        std::vector<std::byte> buffer(expected.size() + 1);
        HOLDFAST_CO_ASSIGN_OR_RETURN(const std::size_t n, ReadFully(*source, buffer));
        if (AsText(std::span(buffer).first(n)) != expected) co_return Corrupt("other bytes");
        if (const auto raw = world_.raw.find(resource.key.str()); raw != world_.raw.end()) {
          HOLDFAST_CO_ASSIGN_OR_RETURN(const BankSection section, checkpoint.Section(resource));
          HOLDFAST_CO_ASSIGN_OR_RETURN(const std::string bytes, section.GetBytes("part/one"));
          if (bytes != raw->second) co_return Corrupt("another raw object");
        }
        HOLDFAST_CO_ASSIGN_OR_RETURN(const Value saved, checkpoint.SavedInfo(resource));
        if (saved.StringOr("made_by", "") != resource.key.str()) co_return Corrupt("other info");
        HOLDFAST_CO_RETURN_IF_ERROR(
            checkpoint.SetNewResource(resource, {resource.key.type, resource.key.id + "-new"}));
      }
    }
    co_return Ok();
  }

  void Act(Operation operation, ActivityKind kind, const ResourceKey& key) {
    if (operation != Operation::kProtect) return;
    if (key.type == "T::App") {
      if (kind == ActivityKind::kPre) world_.quiesced.insert(key.str());
      if (kind == ActivityKind::kPreFinish || kind == ActivityKind::kPost)
        world_.quiesced.erase(key.str());
    } else if (kind == ActivityKind::kPre) {
      world_.snapshots.insert(key.str());
    } else if (kind == ActivityKind::kPost) {
      world_.snapshots.erase(key.str());
    }
  }
  void Undo(const ResourceKey& key) {
    world_.quiesced.erase(key.str());
    world_.snapshots.erase(key.str());
  }

  World& world_;
  PluginDescriptor descriptor_;
  PollSettings settings_;
  Cancellation& cancellation_;
};

class World::Process {
 public:
  explicit Process(World& world)
      : env_{world.tenant,
             "local",
             world.provider_id,
             [this](std::string_view type) -> Result<ProtectionPlugin*> {
               const auto at = plugins_.find(type);
               if (at == plugins_.end()) return InvalidInput("no plugin for " + std::string(type));
               return at->second.get();
             },
             world.clock,
             log_,
             runner_,
             cancellation_,
             {},
             runtime::SleepingPause(cancellation_),
             world.data} {
    env_.data.cancellation = &cancellation_;
    for (const std::string& type : kTypes) {
      plugins_.emplace(type, std::make_unique<ScriptedPlugin>(world, type, cancellation_));
    }
    env_.heartbeat_every = world.heartbeat_every;
    env_.progress = &progress_;
    if (world.pause) env_.pause = world.pause;
    if (world.identity) {
      env_.self = *world.identity;
    } else {
      // Of this host, but no process that lives: whoever looks finds it gone.
      env_.self = OwnProcessIdentity();
      env_.self.start_time = 1'000'000'000'000U + static_cast<std::uint64_t>(++world.processes_);
    }
  }
  runtime::StepEnvironment& env() { return env_; }
  Cancellation& cancellation() { return cancellation_; }

 private:
  NoLog log_;
  runtime::LatestProgress progress_{""};
  NoProcesses runner_;
  Cancellation cancellation_;
  std::map<std::string, std::unique_ptr<ProtectionPlugin>, std::less<>> plugins_;
  runtime::StepEnvironment env_;
};

// Where the environment asks for them every world has keys: the same tests hold with them.
const KeyRing* KeysOfEveryWorld() {
  if (std::getenv("HOLDFAST_TEST_KEYS") == nullptr) return nullptr;
  static const testing::TestKeys keys;
  return &keys.ring();
}

Status WriteOnceBank::Put(const ObjectKey& key, ByteSource& source, std::uint64_t size) {
  Check(key);
  return ForwardingBank::Put(key, source, size);
}

Status WriteOnceBank::CreateExclusive(const ObjectKey& key, std::string_view value,
                                      Settling settling) {
  Check(key);
  return ForwardingBank::CreateExclusive(key, value, settling);
}

Status WriteOnceBank::Replace(const ObjectKey& key, std::string_view value) {
  Check(key);
  return ForwardingBank::Replace(key, value);
}

void WriteOnceBank::Check(const ObjectKey& key) {
  const std::string text = key.str();
  const std::size_t record = text.find("/checkpoints/");
  if (record == std::string::npos) return;
  const std::size_t below = text.find('/', record + std::string_view("/checkpoints/").size());
  if (below != std::string::npos && text.compare(below, 6, "/data/") == 0 && inner_.Stat(key))
    ADD_FAILURE() << "written again: " << text;
}

World::World(Bank* on)
    : now(*ParseTime("2026-11-24T01:00:00Z")),
      stored(on == nullptr ? memory : *on),
      tenant(*BankSection::Open(bank, "t/local", SectionAccess::kWrite, KeysOfEveryWorld())),
      behind(*BankSection::Open(stored, "t/local", SectionAccess::kWrite)) {}
World::~World() = default;

void World::Add(const std::string& resource, const std::vector<std::string>& parents) {
  auto& list = parents_[Key(resource)];
  for (const std::string& parent : parents) list.push_back(Key(parent));
}

std::string World::Publish(Operation operation, const std::string& checkpoint) {
  const auto published = TryToPublish(operation, checkpoint);
  EXPECT_TRUE(published) << published.error().Render();
  return published.value_or("");
}

Result<std::string> World::TryToPublish(Operation operation, const std::string& checkpoint) {
  // The rules of semantics.md word for word, by brute force: the test's own compiler.
  using Node = std::pair<ResourceKey, ActivityKind>;
  std::map<ResourceKey, std::vector<ResourceKey>> children;
  ResourceGraphBuilder builder;
  for (const auto& [key, parents] : parents_) {
    EXPECT_TRUE(builder.AddResource({key, "name of " + key.id, {}}));
    for (const ResourceKey& parent : parents) {
      children[parent].push_back(key);
      EXPECT_TRUE(builder.AddEdge(parent, key));
    }
  }
  const ResourceGraph graph = *builder.Build();
  const auto exists = [&](const ResourceKey& key, ActivityKind kind) {
    return Defines(key.type, operation).contains(kind);
  };
  std::map<Node, std::set<Node>> before;  // direct links, barriers included
  for (const auto& [key, parents] : parents_) {
    using enum ActivityKind;
    for (const ResourceKey& parent : parents) {
      before[{key, kPre}].insert({parent, kPre});
      before[{parent, kPost}].insert({key, kPost});
      before[{parent, kPreFinish}].insert({key, kPre});
      before[{parent, kPreFinish}].insert({key, kPreFinish});
    }
    before[{key, kPreFinish}].insert({key, kPre});
    before[{key, kParallel}].insert({key, kPre});
    if (exists(key, kPreFinish)) before[{key, kParallel}].insert({key, kPreFinish});
    before[{key, kPost}].insert({key, kParallel});
    if (exists(key, kPreFinish)) before[{key, kPost}].insert({key, kPreFinish});
  }
  std::function<void(const Node&, std::set<Node>&)> reach = [&](const Node& node,
                                                                std::set<Node>& out) {
    for (const Node& previous : before[node]) {
      if (out.insert(previous).second) reach(previous, out);
    }
  };
  std::function<std::set<Node>(const ResourceKey&)> pre_gates = [&](const ResourceKey& key) {
    std::set<Node> gates;
    for (const ResourceKey& parent : parents_.at(key)) {
      if (exists(parent, ActivityKind::kPre)) {
        gates.insert({parent, ActivityKind::kPre});
      } else {
        gates.merge(pre_gates(parent));
      }
    }
    return gates;
  };
  const auto step_of = [&](const Node& node) {
    const auto& [key, kind] = node;
    if (key.type == "T::Group" && kind == ActivityKind::kPre) return std::string("group-pre");
    if (fuse_leaves && children[key].empty() && key.type != "T::Group")
      return StepName(key, "leaf");
    return StepName(key, NameOf(kind));
  };
  std::map<std::string, BundleStep> steps;
  std::map<std::string, std::set<std::string>> order;
  for (const auto& [key, parents] : parents_) {
    for (const ActivityKind kind : kAllActivityKinds) {
      if (!exists(key, kind)) continue;
      const Node node{key, kind};
      std::set<Node> gates;
      if (kind == ActivityKind::kPre) {
        gates = pre_gates(key);
      } else {
        if (exists(key, ActivityKind::kPre))
          gates.insert({key, ActivityKind::kPre});
        else
          gates = pre_gates(key);
        if (kind == ActivityKind::kParallel && exists(key, ActivityKind::kPreFinish)) {
          gates.insert({key, ActivityKind::kPreFinish});
        }
      }
      BundleActivity activity{key, kind, {}};
      for (const Node& gate : gates)
        activity.gates.push_back({step_of(gate), gate.first, gate.second});
      const std::string name = step_of(node);
      steps[name].name = name;
      steps[name].activities.push_back(std::move(activity));
      std::set<Node> all;
      reach(node, all);
      for (const Node& previous : all) {
        if (exists(previous.first, previous.second) && step_of(previous) != name) {
          order[name].insert(step_of(previous));
        }
      }
    }
  }
  Bundle bundle;
  bundle.operation = operation;
  bundle.provider_id = provider_id;
  bundle.provider_name = "test";
  Value policy = Value().Set("drift", drift_policy);
  if (step_deadline.count() > 0) policy.Set("step_deadline", step_deadline.count());
  bundle.plan = Value().Set("name", "nightly").Set("policy", std::move(policy));
  bundle.checkpoint = checkpoint;
  std::set<std::string> types;
  std::vector<BundleResource> resources;
  for (std::uint32_t i = 0; i < graph.size(); ++i) {
    const Resource resource = graph.ResourceAt(ResourceId{i});
    types.insert(resource.key.type);
    Value parameters{Value::Map{}};
    if (operation == Operation::kVerify && sample != 0) parameters.Set("sample", sample);
    resources.push_back({resource, Describe(resource.key.type).name, std::move(parameters), {}});
  }
  for (const std::string& type : types) bundle.plugins.push_back(Describe(type));
  std::vector<BundleStep> list;
  for (auto& [name, step] : steps) {
    step.order.assign(order[name].begin(), order[name].end());
    list.push_back(std::move(step));
  }
  auto files =
      testing_bundles::MakeBundleOf(std::move(bundle), std::move(list), std::move(resources));
  HOLDFAST_CHECK(files.has_value());
  HOLDFAST_RETURN_IF_ERROR(runtime::PublishBundle(tenant, *files, false));
  return files->sha256;
}

std::vector<std::string> World::Steps(const std::string& bundle) {
  // Past the bank that a test may have stopped.
  auto stored = runtime::StoredBundle::Open(
      *BankSection::Open(this->stored, "t/local", SectionAccess::kRead, KeysOfEveryWorld()),
      bundle);
  HOLDFAST_CHECK(stored.has_value());
  const auto ordered = runtime::InOrder(*stored->AllSteps());
  HOLDFAST_CHECK(ordered.has_value());
  std::vector<std::string> names;
  for (const BundleStep* const step : *ordered) names.push_back(step->name);
  return names;
}

std::size_t World::CallsOf(const std::string& call) const {
  return static_cast<std::size_t>(std::count(calls.begin(), calls.end(), call));
}

template <class Work>
World::Outcome World::InProcess(Work work) {
  Process process(*this);
  Result<StepReport> report = work(process.env());
  if (!report) return {ExitCodeOf(report.error().code()), report.error().Render()};
  return {report->exit_code, report->message};
}

World::Outcome World::Begin(const std::string& run, const std::string& bundle,
                            const std::string& record) {
  return InProcess([&](runtime::StepEnvironment& env) {
    runtime::BeginRequest request;
    request.run = run;
    request.start = start;
    request.record = record;
    request.bundle = bundle;
    request.started_by = "test";
    request.fail_fast = fail_fast;
    request.partial = partial;
    return runtime::Begin(env, request,
                          [&](const Bundle&, const ResourceGraph&) -> Result<std::string> {
                            if (!std::exchange(stopped_while_listing, false)) return drift;
                            env.cancellation.Set();
                            return CancelledError();
                          });
  });
}

World::Outcome World::Run(const std::string& run, const std::string& bundle,
                          const std::string& step, const std::string& record) {
  return InProcess([&](runtime::StepEnvironment& env) -> Result<StepReport> {
    HOLDFAST_ASSIGN_OR_RETURN(const auto view,
                              runtime::RunView::Join(env, run, start, record, bundle));
    runtime::StepDriver driver(env, *view);
    runtime::StepRequest request;
    request.step = step;
    return driver.Run(request);
  });
}

World::Outcome World::End(const std::string& run, const std::string& status,
                          const std::string& keeps_from) {
  return InProcess([&](runtime::StepEnvironment& env) {
    runtime::EndRequest request;
    request.run = run;
    request.start = start;
    request.status = status;
    request.keeps_from = keeps_from;
    return runtime::End(env, request);
  });
}

World::Outcome World::RunAll(const std::string& run, const std::string& bundle,
                             const std::string& record) {
  const Outcome begun = Begin(run, bundle, record);
  if (begun.code != ExitCode::kOk) return begun;
  for (const std::string& step : Steps(bundle)) Run(run, bundle, step, record);
  return End(run);
}

World::Outcome World::CopyFrom(World& from, const std::string& checkpoint,
                               runtime::CopyReport* report,
                               const std::function<void(runtime::CopyRequest&)>& change) {
  return InProcess([&](runtime::StepEnvironment& env) -> Result<StepReport> {
    runtime::CopyRequest request{
        checkpoint,
        {from.tenant, from.provider_id, "first", "bank of " + from.provider_id, from.data}};
    request.from.data.cancellation = &env.cancellation;
    request.provider_name = "second";
    request.bank = "bank of " + provider_id;
    request.by = "root@test";
    if (change) change(request);
    HOLDFAST_ASSIGN_OR_RETURN(runtime::CopyReport copied, runtime::CopyCheckpoint(env, request));
    if (report != nullptr) *report = std::move(copied);
    return StepReport{ExitCode::kOk, ""};
  });
}

std::string World::BytesOf(const ResourceKey& key) const {
  const auto found = contents.find(key.str());
  return found == contents.end() ? "bytes of " + key.str() : found->second;
}

void World::CollectGarbage(const runtime::GcOptions& options,
                           std::vector<runtime::GcAction>* actions) {
  Process process(*this);
  auto done = runtime::Gc(process.env(), options);
  EXPECT_TRUE(done) << done.error().Render();
  if (done) *actions = std::move(*done);
}

std::optional<RecordState> World::StateOf(const std::string& record, runtime::RecordKind kind) {
  const auto opened = runtime::Record::Open(tenant, kind, record);
  const auto state = opened->State();
  HOLDFAST_CHECK(state.has_value());
  if (!*state) return std::nullopt;
  return (*state)->state;
}

std::vector<std::string> World::Unfinished() {
  std::vector<std::string> records;
  const auto listed = runtime::ListUnfinished(tenant);
  for (const auto& entry : *listed) records.push_back(entry.record);
  return records;
}

std::vector<std::string> World::Outcomes(const std::string& record, const std::string& step,
                                         const std::string& activity) {
  std::vector<std::string> found;
  const auto opened = runtime::Record::Open(tenant, runtime::RecordKind::kCheckpoint, record);
  const auto journal = runtime::ReadStepJournal(opened->section(), step);
  HOLDFAST_CHECK(journal.has_value());
  for (const auto& attempt : journal->attempts) {
    for (const auto& outcome : attempt.outcomes) {
      if (std::string(NameOf(outcome.kind)) + " " + outcome.resource.str() == activity) {
        found.emplace_back(NameOf(outcome.outcome));
      }
    }
  }
  return found;
}

}  // namespace holdfast::testing_runtime
