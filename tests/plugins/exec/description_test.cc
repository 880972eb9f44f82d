// What an executable says of itself, and how it is found: every fault is told when the provider is
// opened, and spoils no other provider.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "plugins/exec/description.h"
#include "tests/plugins/exec/script_plugin.h"

namespace holdfast::testing_plugins {
namespace {

using plugins::exec::ChooseByRules;
using plugins::exec::Description;
using plugins::exec::DescriptionFromValue;
using plugins::exec::Executable;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kHead =
    R"({"message_type":"result","protocol":1,"state":"done","plugin":{"types":["A::B"],)";
constexpr std::string_view kOperations =
    R"("operations":{"protect":{"activities":["parallel"]},"restore":{"activities":["post"]},"delete":{"empty_on_purpose":true}})";

class ExecDescription : public ScriptPluginTest {
 protected:
  std::string Saying(std::string_view json) {
    return Script("says.sh",
                  "#!/bin/sh\nread -r request\ncat <<'END'\n" + std::string(json) + "\nEND\n");
  }
  std::string SayingMore(std::string_view more) {
    return Saying(std::string(kHead) + std::string(kOperations) + std::string(more) + "}}");
  }
  // The fault of making it known; it leaves the registry as it was.
  std::string Fault(const std::string& name) {
    const Status status = registry_.Resolve(name);
    EXPECT_FALSE(status.has_value()) << "no fault";
    if (!status) {
      EXPECT_NE(status.error().code(), ErrorCode::kNotFound)
          << "it would read as an unknown plugin";
    }
    EXPECT_EQ(ErrorText(registry_.status()), "") << "every other provider is spoilt";
    EXPECT_TRUE(registry_.protections().empty());
    return ErrorText(status);
  }
};

TEST_F(ExecDescription, BecomesAPluginOfThatVeryName) {
  const std::string name = SayingMore(R"(,"description":"of a test","quiesces":true)");
  ASSERT_EQ(ErrorText(registry_.Resolve(name)), "");
  const ProtectionEntry* const entry = registry_.FindProtection(name);
  ASSERT_NE(entry, nullptr);
  const PluginDescriptor& d = entry->descriptor;
  EXPECT_EQ(d.name, name);
  EXPECT_EQ(d.settings_section, "says");
  EXPECT_THAT(d.types, ElementsAre("A::B"));
  EXPECT_TRUE(d.quiesces);
  EXPECT_TRUE(d.operation(Operation::kProtect).Defines(ActivityKind::kParallel));
  EXPECT_FALSE(d.operation(Operation::kProtect).Defines(ActivityKind::kPost));
  EXPECT_TRUE(d.operation(Operation::kDelete).empty_on_purpose);
}

TEST_F(ExecDescription, HasPollAndCallSettingsBesideItsOwn) {
  ASSERT_EQ(
      ErrorText(Open(
          SayingMore(
              R"(,"settings":{"fields":[{"name":"folder","type":"string","required":true}]})"),
          Value().Set("folder", "/x").Set("poll_interval", "5s").Set("call_timeout", "1 min"))),
      "");
  EXPECT_THAT(ErrorText(Open("exec:" + (folder_ / "says.sh"))), HasSubstr("folder"));
}

TEST_F(ExecDescription, IsAskedOnce) {
  const std::string name = SayingMore("");
  ASSERT_EQ(ErrorText(registry_.Resolve(name)), "");
  ::unlink((folder_ / "says.sh").c_str());
  EXPECT_EQ(ErrorText(registry_.Resolve(name)), "");
}

TEST_F(ExecDescription, ThePathMustBeAbsolute) {
  EXPECT_THAT(Fault("exec:says.sh"), HasSubstr("write exec: and an absolute path"));
  EXPECT_THAT(Fault("exec:"), HasSubstr("write exec: and an absolute path"));
}

TEST_F(ExecDescription, TheFileMustBeAProgram) {
  EXPECT_THAT(Fault("exec:/nowhere/at/all"),
              HasSubstr("the executable /nowhere/at/all: No such file"));
  EXPECT_THAT(Fault("exec:" + folder_.path()), HasSubstr("is no file"));
  const std::string path = folder_ / "says.sh";
  std::ignore = SayingMore("");
  ::chmod(path.c_str(), 0644);
  EXPECT_THAT(Fault("exec:" + path), HasSubstr("help: chmod +x"));
  EXPECT_THAT(Fault(Script("none.sh", "#!/nowhere/interpreter\n")),
              HasSubstr("there is no program"));
}

TEST_F(ExecDescription, AFileThatEverybodyMayChangeIsRefused) {
  const std::string name = SayingMore("");
  ::chmod((folder_ / "says.sh").c_str(), 0777);
  EXPECT_THAT(Fault(name), HasSubstr("may be changed by everybody"));
}

TEST_F(ExecDescription, AnotherProtocolIsSaid) {
  EXPECT_THAT(
      Fault(Saying(R"({"message_type":"result","protocol":2,"state":"done","new_in_two":{}})")),
      HasSubstr("it speaks protocol 2, this build speaks 1"));
}

TEST_F(ExecDescription, ItsOwnFailureIsSaid) {
  EXPECT_THAT(
      Fault(Saying(
          R"({"message_type":"result","protocol":1,"state":"failed","error":{"code":"not-found","message":"no licence"}})")),
      HasSubstr("no licence"));
  EXPECT_THAT(Fault(Script("dies.sh", "#!/bin/sh\necho broken >&2\nexit 9\n")),
              HasSubstr("exit code 9: broken"));
}

TEST_F(ExecDescription, FaultsAreRefused) {
  EXPECT_THAT(Fault(Saying(R"({"message_type":"result","protocol":1,"state":"done"})")),
              HasSubstr("says no 'plugin'"));
  EXPECT_THAT(Fault(Saying(R"({"message_type":"result","protocol":1,"state":"done","plugin":[]})")),
              HasSubstr("is a JSON object"));
  EXPECT_THAT(Fault(SayingMore(R"(,"setings":{})")), HasSubstr("did you mean 'settings'?"));
  EXPECT_THAT(Fault(SayingMore(R"(,"quiesces":"yes")")), HasSubstr("'quiesces' is true or false"));
  EXPECT_THAT(Fault(SayingMore(R"(,"settings_section":"provider")")),
              HasSubstr("no name of a settings section"));
  EXPECT_THAT(Fault(SayingMore(R"(,"settings":{"fields":[{"name":"a","type":"text"}]})")),
              HasSubstr("type"));
  EXPECT_THAT(
      Fault(SayingMore(R"(,"settings":{"fields":[{"name":"poll_interval","type":"duration"}]})")),
      HasSubstr("every exec plugin has already"));
  EXPECT_THAT(Fault(SayingMore(R"(,"protectables":[{"type":"C::D"}])")),
              HasSubstr("not among its 'types'"));
  EXPECT_THAT(Fault(SayingMore(R"(,"choices":[{"answer":"perhaps"}])")),
              HasSubstr("there are none, own and aggregate"));
  EXPECT_THAT(Fault(SayingMore(R"(,"choices":[{"answer":"aggregate"}])")),
              HasSubstr("exactly when its answer is aggregate"));
  EXPECT_THAT(Fault(SayingMore(R"(,"choices":[{"answer":"aggregate","key":"{name}"}])")),
              HasSubstr("cannot be read"));
  EXPECT_THAT(Fault(SayingMore(R"(,"choices":[{"answer":"aggregate","key":"{extra.a"}])")),
              HasSubstr("cannot be read"));
  EXPECT_THAT(Fault(SayingMore(R"(,"choices":[{"answer":"none","when":{"id":"x"}}])")),
              HasSubstr("extra.NAME or parameters.NAME"));
  EXPECT_THAT(Fault(Saying(std::string(kHead) +
                           R"("operations":{"protect":{"activities":["parallel"]}}}})")),
              HasSubstr("it defines no activity of restore"));
  EXPECT_THAT(Fault(Saying(std::string(kHead) +
                           R"("operations":{"protect":{"activities":["paralel"]}}}})")),
              HasSubstr("no activity 'paralel'"));
  EXPECT_THAT(Fault(Saying(std::string(kHead) + R"("operations":{"protect":{"parallel":true}}}})")),
              HasSubstr("has no field 'parallel'"));
}

// The exit code of a command is that of the error: 3 for whatever is no plugin.
TEST_F(ExecDescription, WhatIsNoPluginIsAFaultOfTheProviderFile) {
  const auto code = [this](const std::string& name) {
    auto plugin = Open(name);
    EXPECT_FALSE(plugin) << name;
    return plugin ? ErrorCode::kInternal : plugin.error().code();
  };
  EXPECT_EQ(code("exec:/bin/true"), ErrorCode::kInvalidInput);
  EXPECT_EQ(code("exec:/bin/false"), ErrorCode::kInvalidInput);
  EXPECT_EQ(code("exec:/no/such/file"), ErrorCode::kInvalidInput);
  EXPECT_EQ(code(Script("says-no-json", "#!/bin/sh\necho hello\n")), ErrorCode::kInvalidInput);
  EXPECT_EQ(code(Script("is-killed", "#!/bin/sh\nkill -KILL $$\n")), ErrorCode::kInvalidInput);
  EXPECT_EQ(code(Script("has-no-interpreter", "#!/no/such/shell\n")), ErrorCode::kInvalidInput);
  EXPECT_EQ(code(Script("is-no-program",
                        "\x7F"
                        "ELF, but not really\n")),
            ErrorCode::kInvalidInput);
  EXPECT_EQ(
      code(Saying(
          R"({"message_type":"result","protocol":1,"state":"failed","error":{"code":"internal","message":"oh"}})")),
      ErrorCode::kInvalidInput);
  // Of its own: what may be better the next time, and what somebody must permit.
  EXPECT_EQ(
      code(Saying(
          R"({"message_type":"result","protocol":1,"state":"failed","error":{"code":"unavailable","message":"later"}})")),
      ErrorCode::kUnavailable);
  EXPECT_EQ(
      code(Saying(
          R"({"message_type":"result","protocol":1,"state":"failed","error":{"code":"denied","message":"no"}})")),
      ErrorCode::kDenied);
}

// --- choices --------------------------------------------------------------------------------------

class ExecChoices : public ExecDescription {
 protected:
  Result<StepChoice> Choose(std::string_view choices, Operation operation, ActivityKind kind,
                            const Value& extra, const Value& parameters = Value(Value::Map{})) {
    auto plugin = Open(SayingMore(R"(,"choices":)" + std::string(choices)));
    if (!plugin) return Error(std::move(plugin).error());
    Resource resource;
    resource.key = {"A::B", "id1"};
    resource.extra = extra;
    return (*plugin)->Choose(operation, kind, resource, parameters);
  }
};

TEST_F(ExecChoices, WithoutARuleItIsAStepOfItsOwn) {
  EXPECT_EQ(*Choose("[]", Operation::kProtect, ActivityKind::kParallel, {}), StepChoice::Own());
}

TEST_F(ExecChoices, TheFirstRuleThatFitsCounts) {
  const std::string_view rules =
      R"([{"operation":"protect","activity":"pre","answer":"none"},)"
      R"({"operation":"protect","answer":"aggregate","key":"all"},{"type":"A::B","answer":"none"}])";
  EXPECT_EQ(*Choose(rules, Operation::kProtect, ActivityKind::kPre, {}), StepChoice::None());
  registry_ = PluginRegistry();
  plugins::exec::Register(registry_);
  EXPECT_EQ(*Choose(rules, Operation::kProtect, ActivityKind::kPost, {}),
            StepChoice::Aggregate("all"));
  registry_ = PluginRegistry();
  plugins::exec::Register(registry_);
  EXPECT_EQ(*Choose(rules, Operation::kDelete, ActivityKind::kPost, {}), StepChoice::None());
}

TEST_F(ExecChoices, AKeyIsMadeOfTheResourcesFacts) {
  const std::string_view rules =
      R"([{"answer":"aggregate","key":"group-{extra.group}/{extra.n}-{id}-{parameters.mode}"}])";
  EXPECT_EQ(*Choose(rules, Operation::kProtect, ActivityKind::kPre,
                    Value().Set("group", "g").Set("n", 3), Value().Set("mode", "m")),
            StepChoice::Aggregate("group-g/3-id1-m"));
}

TEST_F(ExecChoices, AKeyWithoutItsFactIsAnError) {
  EXPECT_THAT(
      ErrorText(Choose(R"([{"answer":"aggregate","key":"{extra.group}"}])", Operation::kProtect,
                       ActivityKind::kPre, Value().Set("group", true))),
      HasSubstr("A::B#id1 has no text or number 'extra.group'"));
}

TEST_F(ExecChoices, ARuleMayDependOnFactsAndParameters) {
  const std::string_view rules =
      R"([{"when":{"extra.empty":true,"parameters.n":2},"answer":"none"}])";
  EXPECT_EQ(*Choose(rules, Operation::kProtect, ActivityKind::kPre, Value().Set("empty", true),
                    Value().Set("n", 2)),
            StepChoice::None());
  registry_ = PluginRegistry();
  plugins::exec::Register(registry_);
  EXPECT_EQ(*Choose(rules, Operation::kProtect, ActivityKind::kPre, Value().Set("empty", true),
                    Value().Set("n", 3)),
            StepChoice::Own());
}

}  // namespace
}  // namespace holdfast::testing_plugins
