// Plugin families are opened when a provider names one of their plugins, from modules of this very
// build and no other.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "plugins/sdk/registry.h"
#include "runtime/modules/module_loader.h"

namespace holdfast::runtime {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

class ModuleLoaderTest : public testing::Test {
 protected:
  ModuleLoaderTest() {
    std::string pattern = (fs::temp_directory_path() / "holdfast-modules.XXXXXX").string();
    if (mkdtemp(pattern.data()) != nullptr) folder_ = pattern;
  }
  ~ModuleLoaderTest() override {
    unsetenv("HOLDFAST_MODULE_DIR");
    fs::remove_all(folder_);
  }
  // Only modules that this test puts into its own folder are found.
  void UseOwnFolder() { setenv("HOLDFAST_MODULE_DIR", folder_.c_str(), 1); }

  fs::path folder_;
  PluginRegistry registry_;
  std::unique_ptr<PluginSource> source_ = MakeModuleLoader();
};

TEST_F(ModuleLoaderTest, EveryNameThatItOffersIsInTheModuleOfItsTable) {
  const std::vector<std::string> names = source_->Names();
  EXPECT_THAT(names, Contains("noop"));
  EXPECT_THAT(names, Contains("local-directory"));
  for (const std::string& name : names) {
    const Status required = source_->Require(name, registry_);
    ASSERT_TRUE(required.has_value()) << required.error().Render();
    EXPECT_TRUE(registry_.FindProtection(name) != nullptr || registry_.FindBank(name) != nullptr)
        << name;
  }
  EXPECT_TRUE(registry_.status().has_value());
}

TEST_F(ModuleLoaderTest, OpensAFamilyOnce) {
  ASSERT_TRUE(source_->Require("local-sqlite", registry_).has_value());
  ASSERT_TRUE(source_->Require("local-directory", registry_).has_value());
  ASSERT_TRUE(source_->Require("local-sqlite", registry_).has_value());
  EXPECT_TRUE(registry_.status().has_value()) << registry_.status().error().Render();
}

TEST_F(ModuleLoaderTest, TwoRegistriesOfOneProcessBothGetThePlugin) {
  ASSERT_TRUE(source_->Require("noop", registry_).has_value());
  PluginRegistry second;
  const auto other_source = MakeModuleLoader();
  ASSERT_TRUE(other_source->Require("noop", second).has_value());
  EXPECT_NE(second.FindProtection("noop"), nullptr);
}

TEST_F(ModuleLoaderTest, OpensNothingThatIsNotAskedFor) {
  ASSERT_TRUE(source_->Require("noop", registry_).has_value());
  EXPECT_EQ(registry_.FindProtection("local-sqlite"), nullptr);
}

TEST_F(ModuleLoaderTest, ANameInNoModuleIsNotFound) {
  const Status required = source_->Require("no-such-plugin", registry_);
  ASSERT_FALSE(required.has_value());
  EXPECT_EQ(required.error().code(), ErrorCode::kNotFound);
}

TEST_F(ModuleLoaderTest, AMissingModuleNamesItsPathAndWhatToDo) {
  UseOwnFolder();
  const Status required = source_->Require("noop", registry_);
  ASSERT_FALSE(required.has_value());
  EXPECT_EQ(required.error().code(), ErrorCode::kInvalidInput);
  EXPECT_THAT(required.error().message(), HasSubstr((folder_ / "noop.so").string()));
  EXPECT_THAT(required.error().hint(), HasSubstr("HOLDFAST_MODULE_DIR"));
}

TEST_F(ModuleLoaderTest, AFileThatIsNoModuleIsRefused) {
  UseOwnFolder();
  std::ofstream(folder_ / "noop.so") << "not a shared object";
  EXPECT_FALSE(source_->Require("noop", registry_).has_value());
}

// The module's register function ends the process when it is called.
TEST_F(ModuleLoaderTest, AModuleOfAnotherBuildIsRefusedBeforeItRegistersAnything) {
  UseOwnFolder();
  fs::copy_file(HOLDFAST_FOREIGN_MODULE, folder_ / "noop.so");
  const Status required = source_->Require("noop", registry_);
  ASSERT_FALSE(required.has_value());
  EXPECT_EQ(required.error().code(), ErrorCode::kInvalidInput);
  EXPECT_THAT(required.error().message(), HasSubstr("is of another build than this program"));
}

TEST_F(ModuleLoaderTest, ASharedObjectThatIsNoModuleIsRefused) {
  UseOwnFolder();
  fs::copy_file(HOLDFAST_FOREIGN_OBJECT, folder_ / "noop.so");
  const Status required = source_->Require("noop", registry_);
  ASSERT_FALSE(required.has_value());
  EXPECT_THAT(required.error().message(), HasSubstr("noop.so"));
  EXPECT_THAT(required.error().message(), Not(HasSubstr("is of another build")));
}

TEST_F(ModuleLoaderTest, TheFilesystemBankNeedsNoModule) {
  UseOwnFolder();
  RegisterBuiltIns(registry_);
  EXPECT_NE(registry_.FindBank("filesystem"), nullptr);
  EXPECT_TRUE(registry_.status().has_value());
}

}  // namespace
}  // namespace holdfast::runtime
