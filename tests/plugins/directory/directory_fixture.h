#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "plugins/banks/filesystem/filesystem_bank.h"
#include "plugins/local/directory/directory_protection.h"
#include "tests/plugins/activity_harness.h"
#include "tests/plugins/directory/sample_tree.h"
#include "tests/plugins/directory/tree_comparison.h"

namespace holdfast::plugins::directory {

// A directory `source`, a filesystem bank, and operations on them as the runtime does them.
class DirectoryTest : public ::testing::Test {
 protected:
  DirectoryTest() {
    auto bank = OpenFilesystemBank(folder_ / "bank");
    HOLDFAST_CHECK(bank.has_value());
    bank_ = std::move(*bank);
    resource_.key = {"Local::Directory", "files"};
    resource_.name = "files";
    SetExtra("path", source_);
  }
  void SetExtra(std::string_view key, Value value) { resource_.extra.Set(key, std::move(value)); }
  static Value Map(std::vector<std::pair<std::string, Value>> members) {
    Value map(Value::Map{});
    for (auto& [key, value] : members) map.Set(key, std::move(value));
    return map;
  }
  static Value List(const std::vector<std::string>& texts) {
    Value::List list;
    for (const std::string& text : texts) list.emplace_back(text);
    return Value(std::move(list));
  }

  Status Protect(const Value& parameters = {}) {
    testing_plugins::MemoryCheckpoint checkpoint(*bank_, "c1");
    return testing_plugins::RunAllActivities(*plugin_, checkpoint, context_.context(), resource_,
                                             parameters);
  }
  Status Restore(const Value& parameters, const std::string& record = "r1") {
    testing_plugins::MemoryCheckpoint checkpoint(*bank_, Operation::kRestore, "c1", record);
    return testing_plugins::RunAllActivities(*plugin_, checkpoint, context_.context(), resource_,
                                             parameters);
  }
  Status RestoreTo(const std::string& target, Value parameters = Value(Value::Map{})) {
    parameters.Set("target", target);
    return Restore(parameters, "r-" + KeyPart(target));
  }
  Status Verify() {
    testing_plugins::MemoryCheckpoint checkpoint(*bank_, Operation::kVerify, "c1", "v1");
    return testing_plugins::RunAllActivities(*plugin_, checkpoint, context_.context(), resource_);
  }
  Status Run(testing_plugins::MemoryCheckpoint& checkpoint, ActivityKind kind,
             const Value& parameters) {
    return testing_plugins::RunActivity(*plugin_, kind, checkpoint, context_.context(), resource_,
                                        parameters);
  }
  DirectoryProtection::SavedInfo Saved() {
    testing_plugins::MemoryCheckpoint checkpoint(*bank_, Operation::kVerify, "c1", "look");
    checkpoint.set_saved_info_schema(plugin_->descriptor().saved_info);
    auto info = checkpoint.SavedInfo(resource_);
    HOLDFAST_CHECK(info.has_value());
    return BindChecked<DirectoryProtection::SavedInfo>(*info);
  }
  // Forgets what was protected and restored: for loops over seeds.
  void SetUpAgain(int number) {
    std::filesystem::remove_all(source_);
    std::filesystem::remove_all(target_);
    auto bank = OpenFilesystemBank(folder_ / fmt::format("bank-{}", number));
    HOLDFAST_CHECK(bank.has_value());
    bank_ = std::move(*bank);
  }
  // The names in the test's folder that the plugin makes for itself.
  std::vector<std::string> WorkFolders() const;

  testing_plugins::TempFolder folder_;
  std::string source_ = folder_ / "source";
  std::string target_ = folder_ / "target";
  std::unique_ptr<Bank> bank_;
  Resource resource_;
  testing_plugins::TestContext context_;
  std::unique_ptr<ProtectionPlugin> plugin_ = testing_plugins::MakePlugin<DirectoryProtection>();
};

inline std::vector<std::string> DirectoryTest::WorkFolders() const {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path())) {
    const std::string name = entry.path().filename();
    if (name.rfind(".holdfast-", 0) == 0) found.push_back(entry.path());
  }
  return found;
}

}  // namespace holdfast::plugins::directory

#define EXPECT_OK(expression)                                           \
  do {                                                                  \
    const auto& expect_ok_status = (expression);                        \
    EXPECT_TRUE(expect_ok_status.has_value())                           \
        << (expect_ok_status ? "" : expect_ok_status.error().Render()); \
  } while (false)
#define ASSERT_OK(expression)                                           \
  do {                                                                  \
    const auto& assert_ok_status = (expression);                        \
    ASSERT_TRUE(assert_ok_status.has_value())                           \
        << (assert_ok_status ? "" : assert_ok_status.error().Render()); \
  } while (false)
