// Large random graphs, at three shard sizes and with both fusions: what the emitted files say, read back, is held to the definition of
// order and gates by brute force, and to every limit of Argo.
// HOLDFAST_LARGE_GRAPHS=n takes the seeds 1 to n, HOLDFAST_LARGE_GRAPH_SEED=n that one alone; without them there is one of each form, by
// a seed of the moment.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <clocale>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <locale>
#include <map>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "compiler/compile.h"
#include "plugins/sdk/bundle.h"
#include "runtime/lint/argo_lint.h"
#include "runtime/local/workflow_file.h"
#include "runtime/mistral/definition_file.h"
#include "runtime/verify/proof.h"
#include "tests/compiler/dag/dag_oracle.h"
#include "tests/compiler/emit/argo_limits.h"
#include "tests/compiler/emit/argo_simulation.h"
#include "tests/compiler/emit/defined_run.h"
#include "tests/compiler/emit/emitted_run.h"
#include "tests/compiler/emit/large_graph.h"
#include "tests/compiler/emit/read_run.h"

namespace holdfast::compiler {
namespace {

using local::Phase;
using ::testing::IsEmpty;

// How many resources a small graph has.
constexpr std::size_t kQuick = 3000;
constexpr std::array kFuses{FuseMode::kNone, FuseMode::kLeaf};
// Of what is wrong, as many as one wants to read.
constexpr std::size_t kShown = 10;
// Argo's status holds as many ids of one nested template's tasks, far below what its size allows.
constexpr std::size_t kMostChildIds = 2'000;

using Wrong = std::vector<std::string>;

void Note(Wrong& wrong, std::string what) {
  if (wrong.size() < kShown) wrong.push_back(std::move(what));
}

std::uint64_t SeedOf(int index) {
  if (const char* const seed = std::getenv("HOLDFAST_LARGE_GRAPH_SEED"); seed != nullptr)
    return std::strtoull(seed, nullptr, 10);
  if (std::getenv("HOLDFAST_LARGE_GRAPHS") != nullptr) return static_cast<std::uint64_t>(index) + 1;
  return std::random_device{}() * kLargeForms + static_cast<std::uint64_t>(index);
}

// Each size both ways: of what is small, of one seed that is asked for, and in the soak of the first ones of each form. Of any
// other one size one way, by its seed.
bool IsTriedEachWay(const LargeGraph& large) {
  return large.graph.size() <= kQuick || std::getenv("HOLDFAST_LARGE_GRAPH_SEED") != nullptr ||
         (std::getenv("HOLDFAST_LARGE_GRAPHS") != nullptr && large.seed <= 3 * kLargeForms);
}

// With few tasks in each template it may be their number that fills an object.
std::vector<ShardSize> SizesFor(const LargeGraph& large) {
  const std::uint64_t turn = large.seed / kLargeForms;
  std::vector<ShardSize> sizes{{200, 1500}, {60, 500}, {20, turn % 2 == 0 ? 100U : 1500U}};
  if (IsTriedEachWay(large)) return sizes;
  return {sizes[turn % sizes.size()]};
}

std::vector<FuseMode> FusesFor(const LargeGraph& large) {
  if (IsTriedEachWay(large)) return {kFuses.begin(), kFuses.end()};
  return {kFuses[large.seed % kFuses.size()]};
}

int Count() {
  if (std::getenv("HOLDFAST_LARGE_GRAPH_SEED") != nullptr) return 1;
  const char* const count = std::getenv("HOLDFAST_LARGE_GRAPHS");
  return count == nullptr ? static_cast<int>(kLargeForms) : std::atoi(count);
}

std::string Described(const LargeGraph& large, ShardSize size, FuseMode fuse) {
  return fmt::format(
      "HOLDFAST_LARGE_GRAPH_SEED={}: {} of {} resources, {} tasks a template, {} a workflow, fuse "
      "{}",
      large.seed, large.form, large.graph.size(), size.max_tasks_per_template,
      size.max_tasks_per_workflow, fuse == FuseMode::kNone ? "none" : "leaf");
}

// One compile, read back, beside what it has to be.
class Proof {
 public:
  Proof(const CompileInput& input, const CompiledWorkflow& compiled)
      : input_(input),
        compiled_(compiled),
        defined_(input.graph, input.table, *input.options.fuse),
        exists_(input.graph.size() * kActivityKindCount) {}

  // What keeps it from being read.
  Wrong Read() {
    Wrong wrong;
    auto bundle = LoadBundle(compiled_.bundle);
    if (!bundle) return {bundle.error().Render()};
    bundle_ = std::move(*bundle);
    std::vector<local::SourceFile> sources{{"emitted.yaml", compiled_.text}};
    for (const EmittedFile& child : compiled_.children) sources.push_back({child.name, child.text});
    sources.push_back({"schedule.yaml", compiled_.schedule});
    std::vector<local::ParsedFile> files;
    for (local::SourceFile& source : sources) {
      files.push_back(local::ParseFile(std::move(source)));
      const auto& documents = files.back().documents;
      if (!documents) return {documents.error().Render()};
      if (documents->size() != 1) Note(wrong, files.back().source.path + " has several documents");
      for (const Value& document : *documents) objects_.push_back(document);
    }
    files.pop_back();
    const std::string steps = std::string(HOLDFAST_TEMPLATES) + "/holdfast-steps.yaml";
    std::ifstream in(steps, std::ios::binary);
    files.push_back(local::ParseFile({steps, {std::istreambuf_iterator<char>(in), {}}}));
    std::vector<const local::ParsedFile*> borrowed;
    for (const local::ParsedFile& file : files) borrowed.push_back(&file);
    auto read = local::ReadParsedWorkflow(borrowed);
    if (!read) return {read.error().Render()};
    read_ = std::move(*read);
    emitted_ = RunOf(read_);
    return wrong;
  }

  Wrong Limits() const {
    Wrong wrong;
    for (const Value& object : objects_) {
      if (object.StringOr("kind", "") == "Kustomization") continue;
      const ArgoObjectFacts facts = CheckArgoObject(object, input_.options.emit);
      for (const std::string& fault : facts.wrong) Note(wrong, fault);
      if (facts.child_ids > kMostChildIds)
        Note(wrong, fmt::format("{} ids because of one template", facts.child_ids));
    }
    for (const auto& made : read_.templates) {
      if (!made.dag) continue;
      for (const local::Task& task : made.dag->tasks) {
        if (task.depends.over_limit()) Note(wrong, "the expression of " + task.name);
        if (!task.needed) Note(wrong, task.name + " would never start");
      }
    }
    if (const auto index = IndexFaults(); !index.empty()) Note(wrong, index);
    return wrong;
  }

  // The bundle has the steps of the definition, each once in the files, with all of their gates.
  Wrong Steps() {
    Wrong wrong;
    step_of_name_.clear();
    for (const BundleShard& shard : bundle_.shards) {
      for (const BundleStep& step : shard.steps) CheckStep(step, wrong);
    }
    if (step_of_name_.size() != defined_.steps().size()) Note(wrong, "other steps in the bundle");
    if (emitted_.steps.size() != defined_.steps().size()) Note(wrong, "other steps in the files");
    step_of_.clear();
    std::vector<bool> seen(defined_.steps().size(), false);
    for (const std::string& name : emitted_.steps) {
      const auto at = step_of_name_.find(name);
      if (at == step_of_name_.end() || seen[at->second]) {
        Note(wrong, name + " is no step, or is there twice");
        continue;
      }
      seen[at->second] = true;
      step_of_.push_back(at->second);
    }
    return wrong;
  }

  // Every pair of steps: whatever comes before another by the definition does so in the files. They wait
  // for nothing else where nothing is cut, and in trees without a pre_finish that are not far deeper than
  // templates can stand in each other; and no preparation ever waits for a copy.
  Wrong Order() {
    if (!defined_order_sorted_) return {"the definition is a circle"};
    if (!emitted_.order.Sort()) return {"the files wait in a circle"};
    Wrong wrong;
    const std::size_t count = emitted_.steps.size();
    const bool exact = emitted_.groups.size() == 1 ||
                       (IsForestWithoutPreFinish() &&
                        Depth() <= std::size_t{3} * input_.options.emit.max_tasks_per_template);
    // In blocks, so that it stays in the cache.
    constexpr std::size_t kBlock = 4096;
    for (std::size_t begin = 0; begin < count; begin += kBlock) {
      const std::size_t size = std::min(kBlock, count - begin);
      std::vector<std::uint32_t> wanted_nodes(size);
      std::vector<std::uint32_t> emitted_nodes(size);
      for (std::size_t i = 0; i < size; ++i) {
        wanted_nodes[i] = defined_.nodes()[step_of_[begin + i]];
        emitted_nodes[i] = emitted_.nodes[begin + i];
      }
      const auto wanted = defined_.order().Close(wanted_nodes);
      const auto emitted = emitted_.order.Close(emitted_nodes);
      CompareRows(begin, size, exact, wanted, emitted, wrong);
    }
    return wrong;
  }

  // The files, run as Argo runs them with these failures: the activities that run and those that succeed
  // are those of the definition; and no step is started for nothing where the file can say its gate.
  Wrong RunWith(const std::vector<bool>& fails) const {
    const DefinedRun::Outcome expected = defined_.Run(fails);
    DefinedRun::Outcome outcome{std::vector<bool>(fails.size(), false),
                                std::vector<bool>(fails.size(), false)};
    std::vector<bool> started(defined_.steps().size(), false);
    std::vector<bool> whole(defined_.steps().size(), false);
    RunWorkflow(read_, [&](const std::string& name) {
      if (name == "begin") return Phase::kSucceeded;
      const std::uint32_t step = step_of_name_.at(name);
      started[step] = whole[step] = true;
      // A step checks its gates in the journal.
      for (const ActivityRef activity : defined_.steps()[step]) {
        const std::size_t number = NumberOf(activity);
        const auto gates = defined_.GatesOf(activity);
        outcome.ran[number] = std::all_of(gates.begin(), gates.end(), [&](ActivityRef gate) {
          return outcome.succeeded[NumberOf(gate)];
        });
        outcome.succeeded[number] = outcome.ran[number] && !fails[number];
        if (!outcome.succeeded[number]) whole[step] = false;
      }
      return whole[step] ? Phase::kSucceeded : Phase::kFailed;
    });
    Wrong wrong;
    for (std::size_t i = 0; i < fails.size(); ++i) {
      if (outcome.ran[i] != expected.ran[i] || outcome.succeeded[i] != expected.succeeded[i]) {
        Note(wrong, fmt::format("activity {} of {} {}", i % kActivityKindCount,
                                input_.graph.nodes()[i / kActivityKindCount].key.str(),
                                outcome.ran[i] ? "ran" : "did not run"));
      }
    }
    CheckStarted(started, whole, wrong);
    return wrong;
  }

  const std::vector<bool>& exists() const { return exists_; }

  std::string Lint() const {
    const auto templates = local::ReadTemplateFolder(HOLDFAST_TEMPLATES);
    if (!templates) return templates.error().Render();
    std::vector<local::SourceFile> files{{"emitted.yaml", compiled_.text},
                                         {"schedule.yaml", compiled_.schedule}};
    for (const EmittedFile& child : compiled_.children) files.push_back({child.name, child.text});
    std::string said;
    for (const lint::Finding& finding : lint::LintArgo(files, *templates))
      said += finding.trap + ": " + finding.error.OneLine() + "\n";
    return said;
  }

 private:
  std::string IndexFaults() const {
    std::vector<std::string> listed;
    std::vector<std::string> there;
    for (const EmittedFile& child : compiled_.children) {
      if (child.name != "kustomization.yaml") there.push_back(child.name);
    }
    for (const Value& object : objects_) {
      if (object.StringOr("kind", "") != "Kustomization") continue;
      for (const Value& name : object.Find("resources")->AsList())
        listed.push_back(name.AsString());
    }
    if (read_.children.size() != there.size()) return "not every child is started once";
    return listed == there ? "" : "the index lists other files";
  }

  void CheckStep(const BundleStep& step, Wrong& wrong) {
    std::vector<ActivityRef> activities;
    for (const BundleActivity& activity : step.activities) {
      const ActivityRef here{*input_.graph.Find(activity.resource), activity.kind};
      activities.push_back(here);
      exists_[NumberOf(here)] = true;
      std::vector<ActivityRef> gates;
      for (const BundleGate& gate : activity.gates)
        gates.push_back({*input_.graph.Find(gate.resource), gate.kind});
      std::sort(gates.begin(), gates.end());
      if (gates != defined_.GatesOf(here)) Note(wrong, "the gates of " + step.name);
    }
    const std::uint32_t number = defined_.StepOf(activities.front());
    if (defined_.steps()[number] != activities) Note(wrong, "what is in " + step.name);
    if (!step_of_name_.emplace(step.name, number).second) Note(wrong, "two steps " + step.name);
  }

  bool IsForestWithoutPreFinish() const {
    for (std::uint32_t i = 0; i < input_.graph.size(); ++i) {
      if (input_.graph.parents(ResourceId{i}).size() > 1 ||
          input_.table.Exists(ResourceId{i}, ActivityKind::kPreFinish)) {
        return false;
      }
    }
    return true;
  }

  // Of a forest, in resources.
  std::size_t Depth() const {
    std::vector<std::size_t> depth(input_.graph.size(), 0);
    for (std::uint32_t i = 0; i < input_.graph.size(); ++i) {
      // Upwards to the next whose depth is known, and back.
      std::vector<ResourceId> way{ResourceId{i}};
      while (depth[way.back().value] == 0 && !input_.graph.parents(way.back()).empty())
        way.push_back(input_.graph.parents(way.back()).front());
      if (depth[way.back().value] == 0) depth[way.back().value] = 1;
      for (std::size_t at = way.size() - 1; at-- != 0;)
        depth[way[at].value] = depth[way[at + 1].value] + 1;
    }
    return *std::max_element(depth.begin(), depth.end());
  }

  // By position in the files.
  bool Copies(std::size_t step) const {
    const auto& activities = defined_.steps()[step_of_[step]];
    return activities.back().kind == ActivityKind::kParallel ||
           activities.back().kind == ActivityKind::kPost;
  }

  void CompareRows(std::size_t begin, std::size_t size, bool exact,
                   const std::vector<std::uint64_t>& wanted,
                   const std::vector<std::uint64_t>& emitted, Wrong& wrong) const {
    const std::size_t words = Precedence::Words(size);
    std::vector<std::uint64_t> copies(words, 0);
    for (std::size_t i = 0; i < size; ++i) {
      if (Copies(begin + i)) copies[i / 64] |= std::uint64_t{1} << (i % 64);
    }
    for (std::size_t step = 0; step < emitted_.steps.size(); ++step) {
      const std::uint64_t* const must = &wanted[defined_.nodes()[step_of_[step]] * words];
      const std::uint64_t* const does = &emitted[emitted_.nodes[step] * words];
      const bool copies_itself = Copies(step);
      for (std::size_t word = 0; word < words; ++word) {
        const auto note = [&](std::uint64_t bits, std::string_view what) {
          if (bits == 0) return;
          const auto first = static_cast<std::size_t>(__builtin_ctzll(bits));
          Note(wrong, fmt::format("{} {} {}", emitted_.steps[step], what,
                                  emitted_.steps[begin + word * 64 + first]));
        };
        note(must[word] & ~does[word], "does not wait for");
        if (exact) note(does[word] & ~must[word], "waits needlessly for");
        if (!copies_itself) note(does[word] & copies[word], "is a preparation and waits for");
      }
    }
  }

  // The gates of a step of one activity, as steps; those that are in steps of several are left out: such
  // a step fails as a whole.
  std::vector<std::uint32_t> PlainGates(std::uint32_t step) const {
    std::vector<std::uint32_t> gates;
    if (defined_.steps()[step].size() != 1) return gates;
    for (const ActivityRef gate : defined_.GatesOf(defined_.steps()[step].front())) {
      const std::uint32_t of = defined_.StepOf(gate);
      if (defined_.steps()[of].size() == 1) gates.push_back(of);
    }
    return gates;
  }

  // A gate beside a step keeps it from being started; and so does one beside a group whose steps all
  // have that gate, but for those that have one inside.
  void CheckStarted(const std::vector<bool>& started, const std::vector<bool>& succeeded,
                    Wrong& wrong) const {
    std::vector<std::uint32_t> position(defined_.steps().size());
    for (std::uint32_t i = 0; i < step_of_.size(); ++i) position[step_of_[i]] = i;
    for (std::uint32_t i = 0; i < step_of_.size(); ++i) {
      if (!started[step_of_[i]]) continue;
      for (const std::uint32_t gate : PlainGates(step_of_[i])) {
        const bool beside = emitted_.group_of_step[position[gate]] == emitted_.group_of_step[i];
        if (beside && !succeeded[gate])
          Note(wrong, emitted_.steps[i] + " is started without " + emitted_.steps[position[gate]]);
      }
    }
    for (std::size_t group = 1; group < emitted_.groups.size(); ++group)
      CheckGroupStarted(emitted_.groups[group], position, started, succeeded, wrong);
  }

  void CheckGroupStarted(const EmittedGroup& group, const std::vector<std::uint32_t>& position,
                         const std::vector<bool>& started, const std::vector<bool>& succeeded,
                         Wrong& wrong) const {
    std::optional<std::vector<std::uint32_t>> common;
    bool any = false;
    for (std::uint32_t i = group.first_step; i < group.end_step; ++i) {
      if (started[step_of_[i]]) any = true;
      std::vector<std::uint32_t> gates = PlainGates(step_of_[i]);
      const bool enters = std::none_of(gates.begin(), gates.end(), [&](std::uint32_t gate) {
        return position[gate] >= group.first_step && position[gate] < group.end_step;
      });
      if (!enters) continue;
      std::sort(gates.begin(), gates.end());
      if (common) {
        std::vector<std::uint32_t> both;
        std::set_intersection(common->begin(), common->end(), gates.begin(), gates.end(),
                              std::back_inserter(both));
        gates = std::move(both);
      }
      common = std::move(gates);
      if (common->empty()) return;
    }
    if (!any || !common) return;
    for (const std::uint32_t gate : *common) {
      if (emitted_.group_of_step[position[gate]] == group.parent && !succeeded[gate])
        Note(wrong, fmt::format("template {} is started without {}",
                                read_.templates[group.template_index].name,
                                emitted_.steps[position[gate]]));
    }
  }

  const CompileInput& input_;
  const CompiledWorkflow& compiled_;
  DefinedRun defined_;
  const bool defined_order_sorted_ = defined_.Sort();
  std::vector<bool> exists_;  // by activity number
  LoadedBundle bundle_;
  std::vector<Value> objects_;
  local::Workflow read_;
  EmittedRun emitted_;
  std::map<std::string, std::uint32_t> step_of_name_;
  std::vector<std::uint32_t> step_of_;  // by position in the files
};

// Which activities fail: one of `of`.
std::vector<bool> AnyFailures(const std::vector<bool>& exists, std::uint64_t seed,
                              std::uint64_t of) {
  std::mt19937_64 random(seed);
  std::vector<bool> fails(exists.size(), false);
  for (std::size_t i = 0; i < fails.size(); ++i) fails[i] = exists[i] && random() % of == 0;
  return fails;
}

class LargeGraphs : public ::testing::TestWithParam<int> {
 protected:
  LargeGraphs() : large(MakeLargeGraph(SeedOf(GetParam()))) {}
  const LargeGraph large;
};

void CheckOne(const LargeGraph& large, ShardSize size, FuseMode fuse) {
  const CompileInput input = InputOf(large, size, fuse);
  const auto compiled = Compile(input);
  ASSERT_TRUE(compiled) << compiled.error().Render();
  Proof proof(input, *compiled);
  ASSERT_THAT(proof.Read(), IsEmpty());
  EXPECT_THAT(proof.Limits(), IsEmpty());
  ASSERT_THAT(proof.Steps(), IsEmpty());
  EXPECT_THAT(proof.Order(), IsEmpty());
  for (const std::uint64_t of : {std::uint64_t{3}, std::uint64_t{50}}) {
    SCOPED_TRACE(fmt::format("one activity of {} fails", of));
    EXPECT_THAT(proof.RunWith(AnyFailures(proof.exists(), large.seed, of)), IsEmpty());
  }
  if (fuse == FuseMode::kNone && size.max_tasks_per_template == 60) {
    EXPECT_EQ(proof.Lint(), "");
  }
}

TEST_P(LargeGraphs, KeepOrderGatesAndLimits) {
  for (const ShardSize size : SizesFor(large)) {
    for (const FuseMode fuse : FusesFor(large)) {
      SCOPED_TRACE(Described(large, size, fuse));
      CheckOne(large, size, fuse);
    }
  }
}

// Where numbers are written 1.234,5, an I is no capital of i, and it is another day, until it goes.
class AnotherPlace {
 public:
  AnotherPlace()
      : cpp_(std::locale::global(std::locale(std::locale::classic(), new Commas))),
        c_(std::setlocale(LC_ALL, nullptr)) {
    if (const char* const zone = std::getenv("TZ"); zone != nullptr) zone_ = zone;
    setenv("LOCPATH", HOLDFAST_TEST_LOCALES, 1);
    found_ = std::setlocale(LC_ALL, "tr_TR.UTF-8") != nullptr;
    setenv("TZ", "Pacific/Kiritimati", 1);
    tzset();
  }
  ~AnotherPlace() {
    std::locale::global(cpp_);
    std::setlocale(LC_ALL, c_.c_str());
    unsetenv("LOCPATH");
    if (zone_) {
      setenv("TZ", zone_->c_str(), 1);
    } else {
      unsetenv("TZ");
    }
    tzset();
  }
  AnotherPlace(const AnotherPlace&) = delete;
  AnotherPlace& operator=(const AnotherPlace&) = delete;

  // C's locale, which Debian's package `locales` has the source of; that of C++ is always there.
  bool found() const { return found_; }

 private:
  struct Commas : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
    std::string do_truename() const override { return "wahr"; }
    std::string do_falsename() const override { return "falsch"; }
  };
  std::locale cpp_;
  std::string c_;
  bool found_ = false;
  std::optional<std::string> zone_;
};

TEST(AnotherPlace, IsAnother) {
  const AnotherPlace place;
  if (!place.found()) GTEST_SKIP() << "the locale tr_TR could not be made: is locales installed?";
  EXPECT_STREQ(std::localeconv()->decimal_point, ",");
  EXPECT_NE(std::tolower('I'), 'i');
  EXPECT_EQ(fmt::format(std::locale(), "{:L}", 12345), "12.345");
}

// By name.
std::map<std::string, std::string> FilesOf(const CompiledWorkflow& compiled) {
  std::map<std::string, std::string> files = compiled.bundle.files;
  files["workflow.yaml"] = compiled.text;
  files["schedule.yaml"] = compiled.schedule;
  for (const EmittedFile& child : compiled.children) files["children/" + child.name] = child.text;
  return files;
}

// Names only: the texts are megabytes.
Wrong Differing(const std::map<std::string, std::string>& a,
                const std::map<std::string, std::string>& b) {
  Wrong wrong;
  for (const auto* one : {&a, &b}) {
    for (const auto& [name, text] : *one) {
      const auto at = (one == &a ? b : a).find(name);
      if (at == (one == &a ? b : a).end() || at->second != text) Note(wrong, name);
    }
  }
  return wrong;
}

// Without a schedule, of which not every engine takes every one.
CompileInput ForEngine(const std::string& engine, CompileInput input) {
  input.options.engine = engine;
  input.options.emit.kind = WorkflowKind::kWorkflow;
  auto& most = input.options.emit.max_tasks_per_template;
  most = std::max(most, kFewestTasks);
  return input;
}

TEST_P(LargeGraphs, AreTheSameBytesWheneverAndWhereverTheyAreCompiled) {
  const LargeGraph shuffled = Shuffled(large);
  std::uint64_t turn = large.seed;
  for (const ShardSize size : SizesFor(large)) {
    const FuseMode fuse = kFuses[++turn % 2];
    SCOPED_TRACE(Described(large, size, fuse));
    const auto first = Compile(InputOf(large, size, fuse));
    const auto second = Compile(InputOf(large, size, fuse));
    const auto other_engine = Compile(ForEngine("mistral", InputOf(large, size, fuse)));
    ASSERT_TRUE(first && second && other_engine);
    EXPECT_FALSE(first->schedule.empty());
    EXPECT_THAT(Differing(FilesOf(*first), FilesOf(*second)), IsEmpty());
    const AnotherPlace elsewhere;
    const auto third = Compile(InputOf(shuffled, size, fuse));
    const auto other_again = Compile(ForEngine("mistral", InputOf(shuffled, size, fuse)));
    ASSERT_TRUE(third && other_again);
    EXPECT_THAT(Differing(FilesOf(*first), FilesOf(*third)), IsEmpty());
    EXPECT_THAT(Differing(FilesOf(*other_engine), FilesOf(*other_again)), IsEmpty());
  }
}

// One bundle, two engines: the files of each do what it says, and so both the same.
TEST_P(LargeGraphs, HaveFilesForBothEnginesThatDoWhatTheBundleSays) {
  std::uint64_t turn = large.seed;
  for (const ShardSize size : SizesFor(large)) {
    const FuseMode fuse = kFuses[++turn % 2];
    SCOPED_TRACE(Described(large, size, fuse));
    std::string bundle;
    for (const std::string& engine : EngineNames()) {
      SCOPED_TRACE(engine);
      const CompileInput input = ForEngine(engine, InputOf(large, size, fuse));
      const auto compiled = Compile(input);
      ASSERT_TRUE(compiled) << compiled.error().Render();
      if (bundle.empty()) bundle = compiled->bundle.sha256;
      EXPECT_EQ(compiled->bundle.sha256, bundle);
      const auto run = ReadRun(engine, *compiled);
      ASSERT_TRUE(run) << run.error().Render();
      const auto loaded = LoadBundle(compiled->bundle);
      ASSERT_TRUE(loaded);
      const verify::Proof proof = verify::Prove(*loaded, *run);
      EXPECT_THAT(proof.faults, IsEmpty());
      EXPECT_EQ(proof.steps, compiled->steps);
      EXPECT_TRUE(run->groups.size() > 1 || proof.added == 0);
      for (const EmittedFile& child : compiled->children) {
        if (engine != "mistral") continue;
        const auto definitions = mistral::ReadDefinitions({child.name, child.text});
        ASSERT_TRUE(definitions) << definitions.error().Render();
        EXPECT_LE(definitions->front().tasks.size(), input.options.emit.max_tasks_per_template);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Random, LargeGraphs, ::testing::Range(0, Count()));

// The definition that this test is held to is the one that the small graphs are held to.
TEST(DefinedRun, IsTheOraclesOnSmallGraphs) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    const LargeGraph small = MakeSmallGraph(seed);
    const FuseMode fuse = kFuses[seed % 2];
    DefinedRun defined(small.graph, small.table, fuse);
    ASSERT_TRUE(defined.Sort());
    auto steps = defined.steps();
    std::sort(steps.begin(), steps.end());
    ASSERT_EQ(steps, OracleSteps(small.graph, small.table, fuse));

    const Matrix order = OracleOrder(small.graph, small.table);
    Matrix between(steps.size(), std::vector<bool>(steps.size(), false));
    std::vector<bool> exists(order.size(), false);
    for (const auto& step : defined.steps()) {
      for (const ActivityRef activity : step) {
        exists[NumberOf(activity)] = true;
        EXPECT_EQ(defined.GatesOf(activity), OracleGates(small.graph, small.table, activity));
        for (std::size_t other = 0; other < order.size(); ++other) {
          if (!order[other][NumberOf(activity)]) continue;
          const ActivityRef before{ResourceId{static_cast<std::uint32_t>(other / 4)},
                                   kAllActivityKinds[other % 4]};
          if (defined.StepOf(before) != defined.StepOf(activity))
            between[defined.StepOf(before)][defined.StepOf(activity)] = true;
        }
      }
    }
    between = Close(std::move(between));
    const auto closed = defined.order().Close(defined.nodes());
    const std::size_t words = Precedence::Words(steps.size());
    for (std::size_t before = 0; before < steps.size(); ++before) {
      for (std::size_t after = 0; after < steps.size(); ++after) {
        const std::uint64_t word = closed[defined.nodes()[after] * words + before / 64];
        EXPECT_EQ(between[before][after], (word >> (before % 64) & 1U) != 0);
      }
    }
    const std::vector<bool> fails = AnyFailures(exists, seed, 4);
    const DefinedRun::Outcome outcome = defined.Run(fails);
    const OracleRun expected = RunOracle(small.graph, small.table, fails);
    EXPECT_EQ(outcome.ran, expected.ran);
    EXPECT_EQ(outcome.succeeded, expected.succeeded);
  }
}

// What the seeds are there for is in them.
TEST(LargeGraphForms, HaveEverythingInThem) {
  std::map<std::string_view, std::size_t> forms;
  std::size_t pre_finish = 0;
  std::size_t largest = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const LargeGraph large = MakeLargeGraph(seed);
    ++forms[large.form];
    bool any = false;
    for (std::uint32_t i = 0; i < large.graph.size(); ++i) {
      largest = std::max(largest, large.graph.children(ResourceId{i}).size());
      any = any || large.table.Exists(ResourceId{i}, ActivityKind::kPreFinish);
    }
    pre_finish += any ? 1 : 0;
  }
  EXPECT_EQ(forms.size(), kLargeForms);
  for (const auto& [form, count] : forms) EXPECT_EQ(count, 100 / kLargeForms) << form;
  EXPECT_GE(largest, 5000U);
  EXPECT_GE(pre_finish, 30U);
  EXPECT_LE(pre_finish, 80U);
}

}  // namespace
}  // namespace holdfast::compiler
