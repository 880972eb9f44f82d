// Broken provider folders, each with the errors that it gives: tests/bad_input/providers/<case>.
// One test per case. HOLDFAST_UPDATE_GOLDEN=1 writes the files expected.err anew.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <regex>

#include "plugins/sdk/file.h"
#include "plugins/sdk/provider.h"
#include "runtime/modules/module_loader.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> Cases() {
  std::vector<std::string> cases;
  for (const auto& entry : fs::directory_iterator(HOLDFAST_BAD_PROVIDERS)) {
    if (entry.is_directory()) cases.push_back(entry.path().filename());
  }
  std::sort(cases.begin(), cases.end());
  return cases;
}

// Every error of the folder as a user sees it, with the folder's name left out.
std::vector<Error> ErrorsOf(const std::string& folder) {
  PluginRegistry registry;
  runtime::RegisterBuiltIns(registry);
  const auto modules = runtime::MakeModuleLoader();
  std::vector<Error> errors;
  auto read = LoadProviderFolder(folder);
  if (!read) return {std::move(read).error()};
  const auto open = [&](const ProviderConfig& config) {
    auto provider = Provider::Open(config, registry, *modules);
    if (!provider) errors.push_back(std::move(provider).error());
  };
  // As `providers check` does it.
  for (const ProviderFolder::Broken& broken : read->broken) {
    if (broken.config.faults.empty()) {
      errors.push_back(broken.error);
    } else {
      open(broken.config);
    }
  }
  for (const ProviderConfig& config : read->providers) open(config);
  return errors;
}

class BrokenProvider : public ::testing::TestWithParam<std::string> {};

TEST_P(BrokenProvider, IsRefusedWithPlaceAndHint) {
  const std::string folder = std::string(HOLDFAST_BAD_PROVIDERS) + "/" + GetParam();
  const std::vector<Error> errors = ErrorsOf(folder);
  ASSERT_FALSE(errors.empty()) << "nobody finds fault with it";
  std::string text;
  for (const Error& error : errors) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidInput);
    text += error.Render() + "\n";
  }
  for (std::size_t at = text.find(folder + "/"); at != std::string::npos;
       at = text.find(folder + "/")) {
    text.erase(at, folder.size() + 1);
  }
  EXPECT_TRUE(std::regex_search(text, std::regex("^[a-z]+\\.conf:[0-9]+:[0-9]+: "))) << text;
  EXPECT_THAT(text, ::testing::Not(::testing::HasSubstr("hunter2")));
  const std::string golden = folder + "/expected.err";
  if (std::getenv("HOLDFAST_UPDATE_GOLDEN") != nullptr) {
    ASSERT_TRUE(WriteFileDurably(golden, text));
  }
  const auto expected = ReadFile(golden);
  ASSERT_TRUE(expected) << expected.error().Render();
  EXPECT_EQ(text, *expected);
}

INSTANTIATE_TEST_SUITE_P(Corpus, BrokenProvider, ::testing::ValuesIn(Cases()),
                         [](const auto& one) { return one.param; });

}  // namespace
}  // namespace holdfast
