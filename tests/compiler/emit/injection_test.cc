// Tenants choose names and ids, and what they write is hostile: in no emitted file does anything of it
// stand outside a comment, but the safe short form in the names of steps. (design: argo, "Text that is
// interpreted")

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <ostream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/compile.h"
#include "compiler/plan/plan.h"
#include "plugins/sdk/text.h"
#include "plugins/sdk/yaml/yaml_in.h"
#include "runtime/lint/argo_lint.h"
#include "runtime/local/workflow_file.h"
#include "tests/compiler/any_plugin.h"
#include "tests/compiler/emit/argo_simulation.h"

namespace holdfast::compiler {
namespace {

using ::testing::IsEmpty;

constexpr std::string_view kType = "Test::Node";

// Each is the name of one resource and the id of another, and stands in what is known of both.
const std::vector<std::string>& Corpus() {
  static const std::vector<std::string> corpus{
      // Argo, and what else expands templates.
      "{{workflow.name}}", "{{=sprig.env(\"X\")}}", "{{='{{'}}workflow.name}}",
      "{{inputs.parameters.zz}}", "{{=", "}}", "{{tasks.name}} {{retries}}",
      "{{ workflow.parameters.bundle }}", "{{=toJson(workflow.parameters)}}", "<% $.secret %>",
      "{% raw %}{{x}}{% endraw %}", "#{7*7} ${7*7}", "%(name)s {0} {name!r}",
      // Shells.
      "$(rm -rf ~)", "`id`", "; shutdown -h now #", "-- --help", "$HOME/.ssh", "| tee /etc/passwd",
      // YAML: quotes, lines, documents, tags, anchors, words.
      "\"", "'", "a\"b'c\\", "\\", "x\"\n- name: \"evil", "x'\n  evil: 'y", "\n---\nkind: Pod\n",
      "---", "...\n", "%YAML 1.1\n---\n", "!!python/object/apply:os.system [\"id\"]",
      "!!binary aGk=", "!<tag:x>", "&anchor *alias", "<<: *default", "? complex", "- - -",
      "key: value", "key: |\n  evil", ">-\n  evil", "{a: b}", "[a, b]", "# comment", "x # comment",
      "@at `tick", "%percent", "~", "null", "yes", "on", "n", "0x1F", "1e3", "012", "2024-01-01",
      "=", "\t tab",
      // Lines that not every reader ends.
      "x\r\nkind: Pod", "x\rkind: Pod", "x\u0085kind: Pod", "x\u2028kind: Pod", "x\u2029kind: Pod",
      "x\vkind: Pod", "x\fkind: Pod",
      // Terminals and the order of what one reads.
      "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x1b[2J\x1b[1;1H", "\x7f\x08\x08\x08", "\u009b31m",
      "\u202Etxt.exe", "\u2066\u2067x\u2069", "\u200Eltr\u200Frtl", "\u061Carabic", "\uFEFFbom",
      // What no reader of YAML takes, not even in a comment.
      "no \uFFFE", "no \uFFFF", "no \U0001FFFE",
      // Names of ours, and words of expressions.
      "begin", "end", "main", "gate-1", "wait-1", "child", "not", "in", "true", "evaluation",
      "holdfast-steps", "x.Succeeded || true", "../../etc/passwd", "..",
      // Long ones; what is cut in the middle of a character.
      std::string(1000, 'y'), std::string(76, 'a') + "\u65e5\u672c\u8a9e",
      std::string(75, 'a') + "\x1b[31m", std::string(300, '{'),
      "\u00c4\u00d6\u00dc \U0001f600 \u65e5\u672c\u8a9e"};
  return corpus;
}

const PluginDescriptor kPlugin = AnyPlugin(kType);

// By number of a resource: its id and its name. The number is in the id, so that ids differ, and with it
// their order, which the shape of a workflow goes by, is that of the numbers.
using Texts = std::function<std::pair<std::string, std::string>(std::size_t)>;

std::pair<std::string, std::string> HostileTexts(std::size_t i) {
  const auto& corpus = Corpus();
  return {fmt::format("{:03}{}", i, corpus[i % corpus.size()]),
          corpus[(i + corpus.size() / 2) % corpus.size()]};
}

struct Case {
  std::string name;
  Operation operation = Operation::kProtect;
  std::string policy;
  std::uint32_t max_tasks_per_template = 200;
  std::uint32_t max_tasks_per_workflow = 1500;
  WorkflowKind kind = WorkflowKind::kWorkflow;
  FuseMode fuse = FuseMode::kNone;
  bool children = false;  // it has some
  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }
};

// Three roots of which one has a pre_finish, the others below them, every tenth below two, and one kind
// of activity of some in one step.
CompileInput InputOf(const Case& c, const Texts& texts, bool hostile) {
  const std::size_t size = Corpus().size();
  const auto key = [&](std::size_t i) { return ResourceKey{std::string(kType), texts(i).first}; };
  ResourceGraphBuilder builder;
  for (std::size_t i = 0; i < size; ++i) {
    const auto [id, name] = texts(i);
    const Value extra = Value().Set(hostile ? name : "key", hostile ? id : "value");
    EXPECT_TRUE(builder.AddResource({key(i), name, extra}));
    if (i < 3) continue;
    EXPECT_TRUE(builder.AddEdge(key(i % 3), key(i), extra));
    if (i % 10 != 0) continue;
    EXPECT_TRUE(builder.AddEdge(key((i + 1) % 3), key(i), extra));
  }
  CompileInput input;
  input.graph = builder.Build().value();
  for (std::size_t i = 0; i < size; ++i) {
    auto& choices = input.table.choices.emplace_back();
    choices.fill(StepChoice::Own());
    if (i != 0) choices[static_cast<std::size_t>(ActivityKind::kPreFinish)] = StepChoice::None();
    if (i > 60 && i < 64)
      choices.back() = StepChoice::Aggregate(hostile ? "{{workflow.name}}\n---\n" : "key");
  }
  const std::string plan =
      "name: safe\nprovider: any\nresources: [\"Test::Node#x\"]\n"
      "schedule: {cron: \"0 2 * * *\", timezone: Europe/Berlin}\n" +
      c.policy;
  input.operation = c.operation;
  input.plan = ParsePlan(plan, "plan.yaml").value().value;
  if (c.operation != Operation::kProtect) input.checkpoint = "0f2d6a54-0c1e-4b7a-9a35-7d1c0b9e4f10";
  input.provider_id = "2e0c8826-81d6-44f5-bbe5-8f46a98c5845";
  input.provider_name = hostile ? "any {{workflow.name}}\n---\n\x1b[31m" : "any";
  input.plugins[std::string(kType)] = &kPlugin;
  input.parameters.resize(size);
  input.options.fuse = c.fuse;
  input.options.emit.kind = c.kind;
  input.options.emit.tool_version = "test";
  input.options.emit.max_tasks_per_template = c.max_tasks_per_template;
  input.options.emit.max_tasks_per_workflow = c.max_tasks_per_workflow;
  return input;
}

std::vector<EmittedFile> FilesOf(const CompiledWorkflow& compiled) {
  std::vector<EmittedFile> files{{"workflow.yaml", compiled.text}};
  files.insert(files.end(), compiled.children.begin(), compiled.children.end());
  if (!compiled.schedule.empty()) files.push_back({"schedule.yaml", compiled.schedule});
  return files;
}

bool IsSafe(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; }

std::vector<std::string_view> LinesOf(std::string_view text) { return Split(text, '\n'); }

bool IsComment(std::string_view line) { return Trim(line).starts_with('#'); }

std::string WithoutComments(const std::vector<EmittedFile>& files) {
  std::string out;
  for (const EmittedFile& file : files) {
    for (const std::string_view line : LinesOf(file.text)) {
      if (!IsComment(line)) out += std::string(line) + "\n";
    }
  }
  return out;
}

// Pieces of the hostile texts that no safe form has in it: seven bytes, or all of a shorter text. What
// files of the same shape say by themselves (`own`) is none.
class Fragments {
 public:
  explicit Fragments(const std::string& own) {
    constexpr std::size_t kLength = 7;
    constexpr std::size_t kShortest = 3;
    for (const std::string& text : Corpus()) {
      if (text.size() < kShortest) continue;
      const std::size_t length = std::min(kLength, text.size());
      for (std::size_t at = 0; at + length <= text.size(); ++at) {
        const std::string piece = text.substr(at, length);
        if (std::all_of(piece.begin(), piece.end(), IsSafe)) continue;
        if (own.find(piece) == own.npos) pieces_.insert(piece);
      }
    }
  }
  bool AreIn(std::string_view text) const {
    return std::any_of(pieces_.begin(), pieces_.end(),
                       [text](const std::string& piece) { return text.find(piece) != text.npos; });
  }
  std::size_t size() const { return pieces_.size(); }

 private:
  std::set<std::string> pieces_;
};

// Also keys.
void EachScalar(const Value& value, const std::function<void(const std::string&)>& visit) {
  if (value.is_string()) visit(value.AsString());
  if (value.is_list()) {
    for (const Value& entry : value.AsList()) EachScalar(entry, visit);
  }
  if (value.is_map()) {
    for (const auto& [key, entry] : value.AsMap()) {
      visit(key);
      EachScalar(entry, visit);
    }
  }
}

// Nothing that moves a cursor, ends a line or turns the order of what one reads.
bool IsPlainText(std::string_view text) {
  if (!IsUtf8(text)) return false;
  for (const char c : text) {
    if (c != '\n' && (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)) return false;
  }
  std::vector<std::string> steering{"\u061C", "\u200E", "\u200F", "\uFEFF", "\uFFFE", "\uFFFF"};
  for (int last = 0x80; last <= 0x9F; ++last) steering.push_back({'\xC2', static_cast<char>(last)});
  for (int last = 0xA8; last <= 0xAE; ++last)
    steering.push_back({'\xE2', '\x80', static_cast<char>(last)});
  for (int last = 0xA6; last <= 0xA9; ++last)
    steering.push_back({'\xE2', '\x81', static_cast<char>(last)});
  return std::none_of(steering.begin(), steering.end(), [text](const std::string& character) {
    return text.find(character) != text.npos;
  });
}

using Names = std::set<std::string, std::less<>>;

// The names of all steps and groups, each of which stands for one of them and is safe
// (NamesOfStepsAreSafe).
Names TaskNames(const local::Workflow& workflow) {
  Names names;
  for (const auto& made : workflow.templates) {
    if (!made.dag || made.name == "end") continue;
    for (const local::Task& task : made.dag->tasks) names.insert(task.name);
  }
  return names;
}

// The text with each of the names as one word: what stands before it, an operator or a blank, makes no
// fragment of it.
std::string WithoutNames(std::string_view text, const Names& names) {
  std::string out;
  while (!text.empty()) {
    const auto end =
        static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), IsSafe) - text.begin());
    const std::string_view word = text.substr(0, end);
    out += names.contains(word) ? "STEP" : word;
    out += text.substr(end, 1);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

// One document; hostile text only in lines that are comments.
void CheckFile(const EmittedFile& file, const Fragments& fragments, const Names& names) {
  SCOPED_TRACE(file.name);
  EXPECT_TRUE(IsPlainText(file.text));
  for (const std::string_view line : LinesOf(file.text)) {
    if (IsComment(line)) continue;
    EXPECT_FALSE(fragments.AreIn(WithoutNames(line, names))) << line;
    EXPECT_FALSE(line.starts_with("---") || line.starts_with("...")) << line;
    EXPECT_TRUE(std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c < 0x7F; }))
        << line;
    // A comment behind something else might be one of two readers' only.
    EXPECT_EQ(line.find('#'), line.npos) << line;
  }
  const auto documents = ParseYamlStream(file.text, file.name);
  ASSERT_TRUE(documents) << documents.error().Render();
  ASSERT_EQ(documents->size(), 1U);
  const std::set<std::string> interpreted{"{{workflow.status}}", "{{workflow.parameters.run}}"};
  EachScalar(documents->front(), [&](const std::string& scalar) {
    EXPECT_FALSE(fragments.AreIn(WithoutNames(scalar, names))) << scalar;
    if (scalar.find("{{") != scalar.npos || scalar.find("}}") != scalar.npos) {
      EXPECT_TRUE(interpreted.contains(scalar)) << scalar;
    }
  });
}

constexpr std::string_view kOpaque = "policy: {step_names: opaque}\n";

std::vector<Case> WholeCases() {
  using enum WorkflowKind;
  return {{"Whole", Operation::kProtect, "", 1000, 1500, kWorkflow},
          {"WholeWithFusedLeaves", Operation::kProtect, "", 1000, 1500, kWorkflow, FuseMode::kLeaf},
          {"WholeRestore", Operation::kRestore, "", 1000, 1500, kWorkflow},
          {"WholeOpaque", Operation::kProtect, std::string(kOpaque), 1000, 1500, kTemplate}};
}

std::vector<Case> CutCases() {
  using enum WorkflowKind;
  const std::string opaque(kOpaque);
  return {
      {"Cut", Operation::kProtect, "", 20, 1500, kWorkflow},
      {"CutRestore", Operation::kRestore, "", 20, 1500, kTemplate},
      {"CutOpaque", Operation::kDelete, opaque, 20, 1500, kWorkflow},
      {"Scheduled", Operation::kProtect, "", 200, 1500, kTemplate},
      {"Children", Operation::kProtect, "", 20, 50, kTemplate, FuseMode::kNone, true},
      {"ChildrenRestore", Operation::kRestore, "", 20, 50, kWorkflow, FuseMode::kLeaf, true},
      {"ChildrenOpaque", Operation::kProtect, opaque, 20, 50, kTemplate, FuseMode::kNone, true}};
}

class Injection : public ::testing::TestWithParam<Case> {
 protected:
  CompiledWorkflow CompileCase(bool hostile = true) const {
    const auto tame = [](std::size_t i) {
      return std::pair(fmt::format("{:03}", i), std::string("tame"));
    };
    auto compiled = Compile(InputOf(GetParam(), hostile ? Texts(HostileTexts) : tame, hostile));
    EXPECT_TRUE(compiled) << (compiled ? "" : compiled.error().Render());
    return compiled ? std::move(*compiled) : CompiledWorkflow{};
  }
};

class InjectionIntoOneTemplate : public Injection {};

TEST_P(Injection, HostileTextStandsInCommentsOnly) {
  const CompiledWorkflow compiled = CompileCase();
  EXPECT_EQ(!compiled.children.empty(), GetParam().children);
  const bool scheduled =
      GetParam().operation == Operation::kProtect && GetParam().kind == WorkflowKind::kTemplate;
  EXPECT_EQ(!compiled.schedule.empty(), scheduled);
  const Fragments fragments(WithoutComments(FilesOf(CompileCase(false))));
  EXPECT_GT(fragments.size(), 300U);
  const auto read = ReadEmitted(compiled.text, compiled.children);
  ASSERT_TRUE(read) << read.error().Render();
  for (const EmittedFile& file : FilesOf(compiled)) CheckFile(file, fragments, TaskNames(*read));
  // And there it does stand, so that a reader knows what is what.
  EXPECT_TRUE(fragments.AreIn(compiled.text));
}

TEST_P(Injection, WhatTheyWriteHasNoTrap) {
  const CompiledWorkflow compiled = CompileCase();
  const auto templates = local::ReadTemplateFolder(HOLDFAST_TEMPLATES);
  ASSERT_TRUE(templates);
  std::vector<local::SourceFile> files;
  for (const EmittedFile& file : FilesOf(compiled)) files.push_back({file.name, file.text});
  for (const lint::Finding& finding : lint::LintArgo(files, *templates)) {
    // More tasks in a template than Argo's own definitions allow, which these cases ask for.
    if (finding.trap == "too-large" && GetParam().max_tasks_per_template > 200) continue;
    ADD_FAILURE() << finding.trap << ": " << finding.error.Render();
  }
}

// The words of a file without comments; names of steps are numbers, in their order.
std::string Shape(const CompiledWorkflow& compiled, const Names& names) {
  std::map<std::string, std::size_t, std::less<>> numbers;
  std::string out;
  std::string_view rest;
  const std::string text = WithoutComments({{"workflow.yaml", compiled.text}});
  for (rest = text; !rest.empty();) {
    const auto end =
        static_cast<std::size_t>(std::find_if_not(rest.begin(), rest.end(), IsSafe) - rest.begin());
    const std::string word(rest.substr(0, end));
    if (names.contains(word)) {
      out += fmt::format("<{}>", numbers.emplace(word, numbers.size()).first->second);
    } else if (word != compiled.bundle.sha256) {
      out += word;
    }
    // Where a line is wrapped depends on the names.
    const std::string_view behind = rest.substr(end, 1);
    out += behind == " " || behind == "\n" ? " " : behind;
    if (out.ends_with("  ")) out.pop_back();
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out;
}

// The same graph with tame names: another name for each step, and not another thing.
// (Where a file is cut, it depends on the ids in which place.)
TEST_P(InjectionIntoOneTemplate, TheFileIsThatOfTameNames) {
  const CompiledWorkflow hostile = CompileCase();
  const CompiledWorkflow tame = CompileCase(false);
  const auto hostile_read = ReadEmitted(hostile.text);
  const auto tame_read = ReadEmitted(tame.text);
  ASSERT_TRUE(hostile_read && tame_read);
  EXPECT_EQ(hostile.steps, tame.steps);
  EXPECT_EQ(Shape(hostile, TaskNames(*hostile_read)), Shape(tame, TaskNames(*tame_read)));
}

// [a-z0-9-], and what is readable is short; opaque: nothing is.
TEST_P(Injection, NamesOfStepsAreSafe) {
  const CompiledWorkflow compiled = CompileCase();
  const auto read = ReadEmitted(compiled.text, compiled.children);
  ASSERT_TRUE(read) << read.error().Render();
  const bool opaque = !GetParam().policy.empty();
  std::size_t readable = 0;
  for (const std::string& name : TaskNames(*read)) {
    if (name == "begin" || name.starts_with("gate-") || name.starts_with("wait-")) continue;
    EXPECT_LE(name.size(), 63U) << name;
    EXPECT_TRUE(std::all_of(name.begin(), name.end(), IsSafe)) << name;
    EXPECT_TRUE(name.front() >= 'a' && name.front() <= 'z') << name;
    const bool plain =
        name.starts_with("r-") && name.find_first_not_of("0123456789abcdef", 2) == 10;
    if (!plain && !name.starts_with("group-")) ++readable;
  }
  EXPECT_EQ(readable == 0, opaque);
}

constexpr auto kNameOfCase = [](const auto& info) { return info.param.name; };
INSTANTIATE_TEST_SUITE_P(Corpus, Injection, ::testing::ValuesIn([] {
                           std::vector<Case> cases = WholeCases();
                           for (const Case& c : CutCases()) cases.push_back(c);
                           return cases;
                         }()),
                         kNameOfCase);
INSTANTIATE_TEST_SUITE_P(Corpus, InjectionIntoOneTemplate, ::testing::ValuesIn(WholeCases()),
                         kNameOfCase);

// A volume's path is an administrator's or a tenant's; its leaf template's name is made of it.
Result<CompiledWorkflow> CompileOnVolume(const std::string& text) {
  const Value volume = Value().Set("hostPath", "/srv/" + text).Set("path", "/data/" + text);
  ResourceGraphBuilder builder;
  HOLDFAST_RETURN_IF_ERROR(
      builder.AddResource({{std::string(kType), "x"}, "x", Value().Set("volume", volume)}));
  CompileInput input = InputOf({.name = "", .policy = ""}, HostileTexts, true);
  input.graph = builder.Build().value();
  input.table.choices.resize(1);
  input.parameters.resize(1);
  return Compile(input);
}

TEST(InjectionIntoVolumes, LeafTemplatesHaveSafeNames) {
  const Fragments fragments(WithoutComments({{"tame", CompileOnVolume("tame").value().text}}));
  std::size_t compiles = 0;
  for (const std::string& text : Corpus()) {
    SCOPED_TRACE(Printable(text));
    const auto compiled = CompileOnVolume(text);
    // What cannot be a path is refused.
    if (!compiled) {
      EXPECT_THAT(compiled.error().Render(), ::testing::HasSubstr("volume"));
      EXPECT_TRUE(IsPlainText(compiled.error().Render()));
      continue;
    }
    ++compiles;
    CheckFile({"workflow.yaml", compiled->text}, fragments, {});
    const auto documents = ParseYamlStream(compiled->text, "workflow.yaml");
    ASSERT_TRUE(documents && documents->size() == 1);
    EachScalar(documents->front(), [](const std::string& scalar) {
      if (!scalar.starts_with("step-")) return;
      EXPECT_TRUE(std::all_of(scalar.begin(), scalar.end(), IsSafe)) << scalar;
      EXPECT_LE(scalar.size(), 63U) << scalar;
    });
  }
  EXPECT_GT(compiles, 20U);
}

// It names files and objects.
TEST(InjectionIntoPlanNames, IsRefused) {
  for (const std::string& text : Corpus()) {
    if (IsPlanName(text)) continue;  // some are words
    CompileInput input = InputOf({.name = "", .policy = ""}, HostileTexts, true);
    input.plan.Set("name", text);
    const auto compiled = Compile(input);
    ASSERT_FALSE(compiled) << Printable(text);
    EXPECT_TRUE(IsPlainText(compiled.error().Render()));
  }
}

}  // namespace
}  // namespace holdfast::compiler
