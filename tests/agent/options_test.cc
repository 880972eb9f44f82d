#include "runtime/agent/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/agent/agent_fixture.h"

namespace holdfast::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(AgentOptions, ListenToThisMachineAlone) {
  const auto options = ParseAgentOptions(
      {"--token-file", "t", "--step-option=--log-dir=/l", "--step-option=--verbose"});
  ASSERT_TRUE(options) << options.error().Render();
  EXPECT_EQ(options->listen.Text(), "127.0.0.1:8779");
  EXPECT_THAT(options->step_options, ElementsAre("--log-dir=/l", "--verbose"));
  EXPECT_THAT(options->step_program, ::testing::EndsWith("/holdfast-step"));
  EXPECT_EQ(options->jobs, 16U);
}

TEST(AgentOptions, AreRefusedWithWhatToWrite) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> wrong{
      {{}, "--token-file is required"},
      {{"--token-file=t", "--listen=0.0.0.0:1"}, "or say --insecure"},
      {{"--token-file=t", "--listen=here:1"}, "--listen"},
      {{"--token-file=t", "--tls-key=k"}, "belong together"},
      {{"--token-file=t", "--jobs=0"}, "--jobs"},
      {{"--token-file=t", "--jobs=x"}, "--jobs"},
      {{"--token-file=t", "--rate=0"}, "--rate"},
      {{"--token-file=t", "--step-option=--run=x"}, "'--run=x' is no option for every step"},
      {{"--token-file=t", "--step-option=log-dir=x"}, "no option for every step"},
      {{"--token-file=t", "--nothing"}, "--nothing"},
      {{"--token-file=t", "word"}, "word"},
  };
  for (const auto& [arguments, why] : wrong) {
    const auto options = ParseAgentOptions(arguments);
    ASSERT_FALSE(options) << why;
    EXPECT_EQ(options.error().code(), ErrorCode::kUsage) << why;
    EXPECT_THAT(options.error().OneLine(), HasSubstr(why));
  }
  EXPECT_TRUE(ParseAgentOptions({"--token-file=t", "--listen=0.0.0.0:1", "--insecure"}));
  EXPECT_TRUE(ParseAgentOptions(
      {"--token-file=t", "--listen=0.0.0.0:1", "--tls-certificate=c", "--tls-key=k"}));
}

TEST(AgentOptions, SayWhatTheyAre) {
  EXPECT_THAT(AgentHelp(), HasSubstr("--step-option"));
  EXPECT_THAT(AgentHelp(), HasSubstr("another agent works in the state folder"));
  EXPECT_THAT(ParseAgentOptions({"--version"})->said, HasSubstr("holdfast-agent "));
}

TEST(TokenFile, IsForItsOwnerAlone) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.path() / "token";
  const auto write = [&path](const std::string& text, std::filesystem::perms mode) {
    std::ofstream(path) << text;
    std::filesystem::permissions(path, mode);
  };
  using std::filesystem::perms;
  EXPECT_EQ(ReadTokenFile(path).error().code(), ErrorCode::kNotFound);
  const std::string token = "0123456789abcdef";
  write(token + "\n", perms::owner_read | perms::owner_write);
  const auto read = ReadTokenFile(path);
  ASSERT_TRUE(read) << read.error().Render();
  EXPECT_EQ(read->Reveal(), token);
  for (const perms others : {perms::group_read, perms::others_read, perms::group_write}) {
    write(token, perms::owner_read | perms::owner_write | others);
    const auto refused = ReadTokenFile(path);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::kDenied);
    EXPECT_THAT(refused.error().hint(), HasSubstr("chmod 600"));
  }
  for (const char* const none : {"", "short", "0123456789 abcdef", "0123456789\nabcdefgh"}) {
    write(none, perms::owner_read | perms::owner_write);
    const auto refused = ReadTokenFile(path);
    ASSERT_FALSE(refused) << none;
    EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidInput);
    EXPECT_THAT(refused.error().OneLine(), Not(HasSubstr("0123456789")));
  }
  EXPECT_FALSE(ReadTokenFile(folder.path()));
}

}  // namespace
}  // namespace holdfast::agent
