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

}  // namespace
}  // namespace holdfast::mistral
