#include "runtime/mistral/definition_owner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "runtime/local/workflow_file.h"

namespace holdfast::mistral {
namespace {

std::string Text(const std::string& golden) {
  return local::ReadSourceFile(std::string(HOLDFAST_TEST_GOLDEN) + "/" + golden)->text;
}

std::string Without(std::string text, const std::string& what) {
  const std::size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.erase(at, what.size());
}

std::string WithoutComments(const std::string& text) {
  std::string out;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = text.find('\n', at);
    const std::string line = text.substr(at, end - at);
    if (line.find_first_not_of(' ') == std::string::npos ||
        line[line.find_first_not_of(' ')] != '#')
      out += line + "\n";
    at = end + 1;
  }
  return out;
}

std::string TagsIn(const std::string& text) {
  const std::size_t at = text.find("  tags: ");
  return text.substr(at, text.find('\n', at) + 1 - at);
}

const std::string kFile = "aggregation/expected.mistral.yaml";
const std::string kName = "group-protect";

TEST(DefinitionOwner, IsWhatItsTagsSay) {
  const DefinitionOwner owner = OwnerOf(Text(kFile), kName);
  EXPECT_EQ(owner.operation, "protect");
  EXPECT_EQ(owner.plan, "group");
  EXPECT_FALSE(owner.provider.empty());
  EXPECT_EQ(owner.str(), "Protect of plan group for provider " + owner.provider);
  const DefinitionOwner restore =
      OwnerOf(Text("restore_of_checkpoint/expected.mistral.yaml"), "nightly-restore");
  EXPECT_EQ(restore.operation, "restore");
  EXPECT_EQ(restore.plan, "nightly");
}

TEST(DefinitionOwner, IsTheSameWhateverTheCommentsSay) {
  const std::string text = Text(kFile);
  const DefinitionOwner owner = OwnerOf(text, kName);
  for (const std::string& other :
       {"# Reviewed by Bob, OK\n" + text, "---\n" + text, "\xEF\xBB\xBF" + text,
        WithoutComments(text), "# Protect of plan other: x\n# Compiled by Holdfast: x\n" + text}) {
    const DefinitionOwner said = OwnerOf(other, kName);
    EXPECT_TRUE(IsSameOwner(said, owner, kName)) << other.substr(0, 100);
    EXPECT_EQ(said.provider, owner.provider);
  }
}

TEST(DefinitionOwner, OfAnEarlierBuildIsWhatItsCommentsSay) {
  const std::string text = Text(kFile);
  const DefinitionOwner owner = OwnerOf(text, kName);
  const std::string old = Without(text, TagsIn(text));
  for (const std::string& each :
       {old, "# Reviewed by Bob, OK\n" + old, "---\n" + old, "\n# x\n\n" + old}) {
    const DefinitionOwner said = OwnerOf(each, kName);
    EXPECT_EQ(said.operation, "protect");
    EXPECT_EQ(said.plan, "group");
    EXPECT_EQ(said.provider, owner.provider) << "its input has it";
    EXPECT_TRUE(IsSameOwner(said, owner, kName));
  }
  EXPECT_TRUE(OwnerOf(WithoutComments(old), kName).is_unknown());
  const DefinitionOwner part = OwnerOf(
      "# 3 steps: all of x\n# Compiled by Holdfast. group-protect starts it: begin and end of the "
      "run are there.\nversion: '2.0'\ngroup-protect.x-all: {tasks: {}}\n",
      "group-protect.x-all");
  EXPECT_EQ(part.whole, "group-protect");
  EXPECT_TRUE(IsSameOwner(part, owner, "group-protect"));
  EXPECT_FALSE(IsSameOwner(part, owner, "other-protect"));
  const DefinitionOwner restore = OwnerOf(
      "# Restore of plan n, checkpoint c: 1 step\n# Compiled by Holdfast: x\nversion: '2.0'\nn: "
      "{}\n",
      "n");
  EXPECT_EQ(restore.operation + restore.plan, "restoren");
}

TEST(DefinitionOwner, OfAnotherPlanOperationOrProviderIsAnother) {
  const std::string text = Text(kFile);
  const DefinitionOwner owner = OwnerOf(text, kName);
  for (const auto& [from, to] :
       {std::pair("operation=protect", "operation=restore"), std::pair("plan=group", "plan=Group"),
        std::pair("provider=", "provider=x")}) {
    std::string other = text;
    other.replace(other.find(from), std::string(from).size(), to);
    EXPECT_FALSE(IsSameOwner(OwnerOf(other, kName), owner, kName)) << to;
  }
}

TEST(DefinitionOwner, OfNothingOfOursIsUnknownAndNobodysSame) {
  const std::string text = Text(kFile);
  for (const std::string& foreign :
       {std::string(), std::string("version: '2.0'\ngroup-protect: {tasks: {}}\n"),
        std::string("version: '2.0'\n# Protect of plan group: x\n# Compiled by Holdfast: x\n"
                    "group-protect: {tasks: {}}\n"),
        std::string("# Mine: it is not\nversion: '2.0'\ngroup-protect: {tags: [mine]}\n"),
        Without(text, "\"holdfast.plan=group\", "),
        std::string("version: '2.0'\ngroup-protect: {tags: [holdfast.operation=protect, "
                    "holdfast.plan=group, holdfast.plan=other, holdfast.provider=p]}\n"),
        std::string("[not, a: map")}) {
    const DefinitionOwner said = OwnerOf(foreign, kName);
    EXPECT_TRUE(said.is_unknown()) << foreign.substr(0, 100);
    EXPECT_FALSE(IsSameOwner(said, said, kName)) << "nothing is not the same as nothing";
  }
}

}  // namespace
}  // namespace holdfast::mistral
