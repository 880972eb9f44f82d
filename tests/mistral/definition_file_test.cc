#include "runtime/mistral/definition_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace holdfast::mistral {
namespace {

TEST(MistralFile, IsKnownByItsKeysHoweverTheyAreWritten) {
  for (const char* const text :
       {"version: '2.0'\nw: {}\n", "\"version\": '2.0'\n\"w\": {}\n", "'version' : 2.0\n",
        "version : 2.0\n", "w:\n  kind: x\nversion: '2.0'\n", "# apiVersion: x\nversion: '2.0'\n",
        "version: '2.0'\nw: [\n"})
    EXPECT_TRUE(IsMistralFile(text)) << text;
  for (const char* const text : {"", "w:\n  version: '2.0'\n", "apiVersion: x\nversion: '2.0'\n",
                                 "\"apiVersion\": x\n\"version\": '2.0'\n", "# version: '2.0'\n",
                                 "versions: 2\n", "\"version\n", "- version: '2.0'\n"})
    EXPECT_FALSE(IsMistralFile(text)) << text;
}

TEST(MistralFile, IsKnownInWhateverWritingItIs) {
  for (const char* const text :
       {R"({"version": "2.0", "w": {"tasks": {}}})", "  version: '2.0'\n  w: {}\n",
        "{\n  \"version\": \"2.0\"\n}\n", "\xEF\xBB\xBFversion: '2.0'\nw: {}\n",
        "\xEF\xBB\xBF{\"version\": \"2.0\"}", "--- {version: '2.0', w: {}}\n"})
    EXPECT_TRUE(IsMistralFile(text)) << text;
  for (const char* const text :
       {R"({"apiVersion": "x", "version": "2.0"})", R"({"w": {"version": "2.0"}})",
        "  apiVersion: x\n  version: '2.0'\n", "[version]", "{version"})
    EXPECT_FALSE(IsMistralFile(text)) << text;
}

TEST(MistralFile, IsNoCronTrigger) {
  for (const char* const text :
       {"name: n\nworkflow_name: n\n", R"({"workflow_name": "n", "pattern": "* * * * *"})",
        "  workflow_name: n\n"})
    EXPECT_TRUE(IsTriggerFile(text)) << text;
  for (const char* const text : {"", "workflow_name: n\nversion: '2.0'\n",
                                 "apiVersion: x\nworkflow_name: n\n", "w:\n  workflow_name: n\n"})
    EXPECT_FALSE(IsTriggerFile(text)) << text;
}

}  // namespace
}  // namespace holdfast::mistral
