#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/banks/filesystem/filesystem_bank.h"
#include "plugins/noop/behaviour.h"
#include "plugins/noop/noop_protection.h"
#include "plugins/sdk/bundle.h"
#include "plugins/sdk/check.h"
#include "plugins/sdk/process_runner.h"
#include "runtime/step/gc/gc.h"
#include "runtime/store/bundle_store.h"
#include "runtime/store/lease.h"
#include "runtime/store/record.h"
#include "tests/bank/temporary_folder.h"
#include "tests/sdk/bundle_parts.h"

namespace holdfast::testing_runtime {

using runtime::RecordState;

inline constexpr std::string_view kProviderId = "0e5c1d3a-7b42-4f0e-8f39-5d1f4a6c9b22";
inline const ResourceKey kApp{"Noop::App", "app"};
inline const ResourceKey kVolume{"Noop::Volume", "vol"};

// Past the end of every lease.
class LateClock final : public Clock {
 public:
  WallTime Now() const override { return SystemClock().Now() + 2 * runtime::kLeaseExpiry; }
  SteadyTime Steady() const override { return SystemClock().Steady(); }
};

class NoLog final : public Logger {
 public:
  void Log(LogLevel, std::string_view, const Value&) override {}
};

// An application with one volume, protected by the noop plugin in processes of their own.
class StepProcess : public ::testing::Test {
 protected:
  StepProcess() : bank_(*OpenFilesystemBank(Path("bank"))), runner_(MakeProcessRunner()) {
    std::filesystem::create_directories(Path("providers.d"));
    std::ofstream(Path("providers.d/test.conf"))
        << "[provider]\nname = test\nid = " << kProviderId << "\nbank = filesystem\nplugin = noop\n"
        << "[filesystem]\npath = " << Path("bank") << "\n"
        << "[noop]\ntypes = Noop::App, Noop::Volume\nactivities = pre, parallel, post\ntrace = "
        << Path("trace") << "\npoll_interval = 10ms\n";
  }

  std::string Path(const std::string& name) const { return (folder_.path() / name).string(); }
  BankSection Tenant() const {
    return *BankSection::Open(*bank_, "t/local", SectionAccess::kWrite);
  }

  // An empty bank and no trace.
  void Fresh() {
    bank_.reset();
    std::filesystem::remove_all(Path("bank"));
    std::filesystem::remove(Path("trace"));
    run_ = "run-1";
    record_.clear();
    bank_ = *OpenFilesystemBank(Path("bank"));
  }

  // `volume` are parameters of the volume: {"parallel_sleep": "30s"}.
  void Publish(const Value& volume = {}, bool fused = false) {
    const auto parameters = [](const Value& given) {
      const auto checked =
          CheckAgainstSchema(plugins::noop::NoopParameterSchema(), given, "", "parameters");
      EXPECT_TRUE(checked) << checked.error().Render();
      return *checked;
    };
    ResourceGraphBuilder builder;
    EXPECT_TRUE(builder.AddResource({kApp, "app", {}}));
    EXPECT_TRUE(builder.AddResource({kVolume, "vol", {}}));
    EXPECT_TRUE(builder.AddEdge(kApp, kVolume));
    const ResourceGraph graph = *builder.Build();
    std::vector<BundleResource> resources;
    resources.push_back({graph.ResourceAt(*graph.Find(kApp)),
                         "noop",
                         parameters(Value().Set("pre_journal", true)),
                         {}});
    Value of_volume = volume;
    of_volume.Set("pre_journal", true).Set("parallel_data", 100'000);
    resources.push_back(
        {graph.ResourceAt(*graph.Find(kVolume)), "noop", parameters(of_volume), {}});
    using enum ActivityKind;
    const std::string pre = fused ? "vol-leaf" : "vol-pre";
    const BundleGate app_pre{"app-pre", kApp, kPre};
    const BundleGate vol_pre{pre, kVolume, kPre};
    std::vector<BundleStep> steps{
        {"app-pre", {{kApp, kPre, {}}}, {}},
        {"app-par", {{kApp, kParallel, {app_pre}}}, {"app-pre"}},
        {"app-post", {{kApp, kPost, {app_pre}}}, {"app-par", fused ? "vol-leaf" : "vol-post"}},
    };
    if (fused) {
      steps.push_back({"vol-leaf",
                       {{kVolume, kPre, {app_pre}},
                        {kVolume, kParallel, {vol_pre}},
                        {kVolume, kPost, {vol_pre}}},
                       {"app-pre"}});
      order_ = {"app-pre", "app-par", "vol-leaf", "app-post"};
    } else {
      steps.push_back({"vol-pre", {{kVolume, kPre, {app_pre}}}, {"app-pre"}});
      steps.push_back({"vol-par", {{kVolume, kParallel, {vol_pre}}}, {"vol-pre"}});
      steps.push_back({"vol-post", {{kVolume, kPost, {vol_pre}}}, {"vol-par"}});
      order_ = {"app-pre", "app-par", "vol-pre", "vol-par", "vol-post", "app-post"};
    }
    Put({}, std::move(steps), std::move(resources));
  }

  // A deletion of the checkpoint run-1: from here on every process works on that.
  void PublishDeletion() {
    ResourceGraphBuilder builder;
    EXPECT_TRUE(builder.AddResource({kVolume, "vol", {}}));
    const ResourceGraph graph = *builder.Build();
    std::vector<BundleResource> resources;
    resources.push_back({graph.ResourceAt(*graph.Find(kVolume)),
                         "noop",
                         *CheckAgainstSchema(plugins::noop::NoopParameterSchema(),
                                             Value(Value::Map{}), "", "parameters"),
                         {}});
    Bundle bundle;
    bundle.operation = Operation::kDelete;
    bundle.checkpoint = "run-1";
    order_ = {"vol-del"};
    run_ = "del-1";
    Put(std::move(bundle), {{"vol-del", {{kVolume, ActivityKind::kParallel, {}}}, {}}},
        std::move(resources));
  }

  void Put(Bundle bundle, std::vector<BundleStep> steps, std::vector<BundleResource> resources) {
    bundle.provider_id = std::string(kProviderId);
    bundle.provider_name = "test";
    bundle.plan = Value().Set("name", "nightly").Set("policy", policy_);
    bundle.plugins = {plugins::noop::NoopDescriptor()};
    const auto files =
        testing_bundles::MakeBundleOf(std::move(bundle), std::move(steps), std::move(resources));
    ASSERT_TRUE(files) << files.error().Render();
    ASSERT_TRUE(runtime::PublishBundle(Tenant(), *files, false));
    bundle_ = files->sha256;
  }

  ProcessSpec Spec(std::vector<std::string> arguments, const std::string& failpoint) const {
    ProcessSpec spec;
    spec.argv = {HOLDFAST_STEP_PROGRAM};
    spec.argv.insert(spec.argv.end(), arguments.begin(), arguments.end());
    spec.environment["HOLDFAST_PROVIDER_CONFIG_DIR"] = Path("providers.d");
    spec.environment["HOLDFAST_MODULE_DIR"] = HOLDFAST_TEST_MODULE_DIR;
    if (!failpoint.empty()) spec.environment["HOLDFAST_FAILPOINT"] = failpoint;
    spec.deadline = std::chrono::seconds(60);
    return spec;
  }
  ProcessOutcome Call(const ProcessSpec& spec) {
    auto outcome = runner_->Run(spec);
    EXPECT_TRUE(outcome) << outcome.error().Render();
    return outcome ? std::move(*outcome) : ProcessOutcome{};
  }
  std::vector<std::string> Arguments(const std::string& command,
                                     const std::string& step = "") const {
    std::vector<std::string> arguments{command, "--provider=" + std::string(kProviderId),
                                       "--run=" + run_, "--record=" + record_,
                                       "--bundle=" + bundle_};
    if (!step.empty()) arguments.push_back("--step=" + step);
    return arguments;
  }
  ProcessOutcome Begin(const std::string& failpoint = "") {
    return Call(Spec(Arguments("begin"), failpoint));
  }
  ProcessOutcome Run(const std::string& step, const std::string& failpoint = "") {
    return Call(Spec(Arguments("run", step), failpoint));
  }
  ProcessOutcome End(const std::string& failpoint = "") {
    return Call(Spec(Arguments("end"), failpoint));
  }
  std::optional<RecordState> State() const {
    const auto state =
        runtime::Record::Open(Tenant(), runtime::RecordKind::kCheckpoint, "run-1")->State();
    return *state ? std::optional((*state)->state) : std::nullopt;
  }
  // What `holdfast gc` does once every lease and claim of dead processes has ended.
  std::vector<runtime::GcAction> CollectGarbageLater() {
    const LateClock clock;
    NoLog log;
    Cancellation cancellation;
    const auto settings =
        CheckAgainstSchema(plugins::noop::NoopDescriptor().settings,
                           Value()
                               .Set("types", Value::List{"Noop::App", "Noop::Volume"})
                               .Set("activities", Value::List{"pre", "parallel", "post"})
                               .Set("trace", Path("trace")),
                           "", "settings");
    HOLDFAST_CHECK(settings.has_value());
    const auto plugin = plugins::noop::MakeNoopProtection(*settings);
    HOLDFAST_CHECK(plugin.has_value());
    const runtime::StepEnvironment env{
        Tenant(),
        "local",
        std::string(kProviderId),
        [&](std::string_view) -> Result<ProtectionPlugin*> { return plugin->get(); },
        clock,
        log,
        *runner_,
        cancellation,
        OwnProcessIdentity(),
        runtime::SleepingPause(cancellation),
        {}};
    const auto actions = runtime::Gc(env, {});
    EXPECT_TRUE(actions) << actions.error().Render();
    if (!actions) return {};
    for (const auto& action : *actions) EXPECT_FALSE(action.failed) << action.action;
    return *actions;
  }
  // How often an activity of a resource began, over all processes.
  int Begun(const std::string& activity, const ResourceKey& resource) const {
    std::ifstream trace(Path("trace"));
    int count = 0;
    for (std::string line; std::getline(trace, line);) {
      if (line.find("\"activity\":\"protect." + activity + "\"") != std::string::npos &&
          line.find("\"event\":\"begin\"") != std::string::npos &&
          line.find(resource.str()) != std::string::npos) {
        ++count;
      }
    }
    return count;
  }

  testing::TemporaryFolder folder_;
  std::unique_ptr<Bank> bank_;
  std::unique_ptr<ProcessRunner> runner_;
  std::string bundle_;
  std::vector<std::string> order_;
  std::string run_ = "run-1";
  std::string record_;
  Value policy_ = Value().Set("drift", "ignore");  // of the plan
};

}  // namespace holdfast::testing_runtime
