// Resource types that an executable brings: an answer is complete or an error.

#include <gtest/gtest.h>

#include <fstream>

#include "plugins/sdk/provider.h"
#include "tests/plugins/exec/script_plugin.h"

namespace holdfast::testing_plugins {
namespace {

using testing::HasSubstr;

class ExecProtectables : public ScriptPluginTest {
 protected:
  // A plugin that answers list, show and dependents with `answers`, which are lines of JSON.
  ProtectablePlugin& Answering(std::string_view answers) {
    const std::string name = Script("lists.sh", R"(#!/bin/sh
read -r request
case $request in
*'"call":"describe"'*) printf '%s\n' '{"message_type":"result","protocol":1,"state":"done","plugin":{"types":["A::B"],"settings_section":"x","operations":{"protect":{"activities":["parallel"]},"restore":{"empty_on_purpose":true},"delete":{"empty_on_purpose":true}},"protectables":[{"type":"A::B","parent_types":["A::Parent"]}]}}'; exit ;;
esac
printf '%s\n' "$request" >> )" + (folder_ / "calls.log") +
                                                    "\ncat <<'END'\n" + std::string(answers) +
                                                    "\nEND\n");
    auto all = Plugin(name, Value().Set("call_timeout", "30s")).TakeProtectables();
    HOLDFAST_CHECK(all.size() == 1);
    protectable_ = std::move(all.front());
    return *protectable_;
  }
  std::unique_ptr<ProtectablePlugin> protectable_;
};

constexpr std::string_view kEnd =
    "\n"
    R"({"message_type":"result","protocol":1,"state":"done"})";

TEST_F(ExecProtectables, SaysItsTypeAndItsParents) {
  const ProtectableDescriptor& d = Answering("").descriptor();
  EXPECT_EQ(d.type, "A::B");
  EXPECT_THAT(d.parent_types, testing::ElementsAre("A::Parent"));
}

TEST_F(ExecProtectables, ListsResources) {
  const auto found =
      Answering(R"({"message_type":"resource","id":"1","name":"one","extra":{"size":3}}
{"message_type":"resource","id":"2"})" +
                std::string(kEnd))
          .List(*context_);
  ASSERT_EQ(ErrorText(found), "");
  ASSERT_EQ(found->size(), 2U);
  EXPECT_EQ(found->at(0).key.str(), "A::B#1");
  EXPECT_EQ(found->at(0).extra.IntOr("size", 0), 3);
  EXPECT_EQ(found->at(1).name, "2");
}

TEST_F(ExecProtectables, ALongListIsNoLongLine) {
  std::string lines;
  for (int i = 0; i < 20000; ++i) {
    lines += R"({"message_type":"resource","id":")" + std::to_string(i) +
             R"(","extra":{"path":"/a/long/path/of/a/resource"}})"
             "\n";
  }
  const auto found = Answering(lines + std::string(kEnd)).List(*context_);
  ASSERT_EQ(ErrorText(found), "");
  EXPECT_EQ(found->size(), 20000U);
}

TEST_F(ExecProtectables, DependentsHaveFactsAndAreOfAParent) {
  const auto found =
      Answering(R"({"message_type":"resource","id":"1","facts":{"device":"vda"}})" +
                std::string(kEnd))
          .Dependents(*context_, {{"A::Parent", "p"}, "parent", Value().Set("k", 1)});
  ASSERT_EQ(ErrorText(found), "");
  EXPECT_EQ(found->at(0).facts.StringOr("device", ""), "vda");
  EXPECT_THAT(
      Requests("calls"),
      HasSubstr(R"("parent":{"extra":{"k":1},"id":"p","name":"parent","type":"A::Parent"})"));
}

TEST_F(ExecProtectables, ShowsOne) {
  ProtectablePlugin& plugin = Answering(
      R"({"message_type":"result","protocol":1,"state":"done","resource":{"id":"1","name":"one"}})");
  EXPECT_EQ(plugin.Show(*context_, "1")->name, "one");
  EXPECT_THAT(ErrorText(plugin.Show(*context_, "2")), HasSubstr("asked for '2', it answers '1'"));
}

TEST_F(ExecProtectables, OneThatIsGoneIsNotFound) {
  const auto found =
      Answering(
          R"({"message_type":"result","protocol":1,"state":"failed","error":{"code":"not-found","message":"gone"}})")
          .Show(*context_, "1");
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().code(), ErrorCode::kNotFound);
}

TEST_F(ExecProtectables, AHalfListIsAnError) {
  EXPECT_THAT(ErrorText(Answering(R"({"message_type":"resource","id":"1"})").List(*context_)),
              HasSubstr("ended without a result"));
}

TEST_F(ExecProtectables, FaultsAreRefused) {
  EXPECT_THAT(ErrorText(Answering(R"({"message_type":"resource","id":"1"}
{"message_type":"resource","id":"1"})" +
                                  std::string(kEnd))
                            .List(*context_)),
              HasSubstr("it names A::B#1 twice"));
  registry_ = PluginRegistry();
  plugins::exec::Register(registry_);
  EXPECT_THAT(ErrorText(Answering(R"({"message_type":"resource","type":"C::D","id":"1"})" +
                                  std::string(kEnd))
                            .List(*context_)),
              HasSubstr("it answers C::D#1"));
  registry_ = PluginRegistry();
  plugins::exec::Register(registry_);
  EXPECT_THAT(ErrorText(Answering(R"({"message_type":"resource","name":"x"})" + std::string(kEnd))
                            .List(*context_)),
              HasSubstr("list of exec:"));
  registry_ = PluginRegistry();
  plugins::exec::Register(registry_);
  EXPECT_THAT(
      ErrorText(Answering(R"({"message_type":"resource","id":"1","facts":{}})" + std::string(kEnd))
                    .List(*context_)),
      HasSubstr("has no field 'facts'"));
}

TEST_F(ExecProtectables, AListThatNeverEndsIsEnded) {
  const std::string name = Script("slow.sh", R"(#!/bin/sh
read -r request
case $request in
*'"call":"describe"'*) printf '%s\n' '{"message_type":"result","protocol":1,"state":"done","plugin":{"types":["A::B"],"settings_section":"x","operations":{"protect":{"activities":["parallel"]},"restore":{"empty_on_purpose":true},"delete":{"empty_on_purpose":true}},"protectables":[{"type":"A::B"}]}}'; exit ;;
esac
exec sleep 1000
)");
  auto all = Plugin(name, Value().Set("call_timeout", "100ms").Set("stop_grace", "50ms"))
                 .TakeProtectables();
  const auto found = all.front()->List(*context_);
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(found.error().message(), HasSubstr("it took longer than 100 ms and was ended"));
}

// --- in a provider --------------------------------------------------------------------------------

// What runtime/modules does for a name that begins with "exec:".
class ExecSource final : public PluginSource {
 public:
  Status Require(std::string_view name, PluginRegistry& registry) override {
    return registry.Resolve(name);
  }
  std::vector<std::string> Names() const override { return {}; }
};

class ExecProvider : public ScriptPluginTest {
 protected:
  Result<std::unique_ptr<Provider>> OpenProvider(const std::string& plugin,
                                                 const std::string& more) {
    const std::string file = (folder_ / "p.conf");
    std::ofstream(file)
        << "[provider]\nname = p\nid = 0b0f6b1e-53f6-4f5c-9d0e-0f0a6d1d7a01\nbank = none\nplugin = "
        << plugin << "\n"
        << more;
    if (registry_.FindBank("none") == nullptr) {
      BankEntry bank;
      bank.name = "none";
      bank.settings_section = "none";
      bank.open = [](const Value&, BankUse, const BankParts&) -> Result<std::unique_ptr<Bank>> {
        return Unavailable("no bank");
      };
      registry_.AddBank(std::move(bank));
    }
    HOLDFAST_ASSIGN_OR_RETURN(const ProviderConfig config, LoadProviderFile(file));
    return Provider::Open(config, registry_, source_);
  }
  ExecSource source_;
};

TEST_F(ExecProvider, OpensWithItsTypesAndSection) {
  const auto provider =
      OpenProvider(std::string("exec:") + HOLDFAST_SAMPLE, "[keyvalue]\nfolder = /tmp\n");
  ASSERT_EQ(ErrorText(provider), "");
  EXPECT_TRUE((*provider)->ProtectionFor("Sample::KeyValue").has_value());
  EXPECT_TRUE((*provider)->ProtectableFor("Sample::KeyValue").has_value());
}

TEST_F(ExecProvider, FaultsNameTheLineOfTheFile) {
  EXPECT_THAT(ErrorText(OpenProvider("exec:/nowhere/plugin", "")),
              HasSubstr("p.conf:5:10: the executable /nowhere/plugin"));
  EXPECT_THAT(ErrorText(OpenProvider(std::string("exec:") + HOLDFAST_SAMPLE,
                                     "[keyvalue]\nfolder = /tmp\nfoldr = x\n")),
              HasSubstr("did you mean 'folder'?"));
  EXPECT_THAT(ErrorText(OpenProvider(std::string("exec:") + HOLDFAST_SAMPLE, "")),
              HasSubstr("folder"));
}

}  // namespace
}  // namespace holdfast::testing_plugins
