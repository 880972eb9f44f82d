#include "plugins/sdk/secret.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/bank/temporary_folder.h"

namespace holdfast {
namespace {

using ::testing::HasSubstr;

SecretReference InFile(const std::string& path) {
  SecretReference reference;
  reference.kind = SecretReference::Kind::kFile;
  reference.where = path;
  return reference;
}

TEST(Secret, IsTheFilesTextWithoutItsLastNewline) {
  const testing::TemporaryFolder dir;
  std::ofstream(dir.path() / "password") << "pass ;word \n\n";
  std::filesystem::create_symlink("password", dir.path() / "link");
  for (const std::string name : {"password", "link"}) {
    const auto secret = InFile(dir.path() / name).Read();
    ASSERT_TRUE(secret) << secret.error().Render();
    EXPECT_EQ(secret->Reveal(), "pass ;word \n");
  }
}

TEST(Secret, IsLookedForInTheFolderOfSecretsFirst) {
  const testing::TemporaryFolder dir;
  std::filesystem::create_directory(dir.path() / "here");
  std::ofstream(dir.path() / "password") << "as written";
  std::ofstream(dir.path() / "other") << "as written";
  std::ofstream(dir.path() / "here" / "password") << "of this machine";
  const auto read = [&](const std::string& path) {
    const auto secret = InFile(path).Read();
    return secret ? secret->Reveal() : secret.error().OneLine();
  };
  setenv("HOLDFAST_SECRET_DIR", (dir.path() / "here").c_str(), 1);
  EXPECT_EQ(read(dir.path() / "password"), "of this machine");
  EXPECT_EQ(read("/etc/holdfast/secrets/password"), "of this machine");
  EXPECT_EQ(read(dir.path() / "other"), "as written");
  unsetenv("HOLDFAST_SECRET_DIR");
  EXPECT_EQ(read(dir.path() / "password"), "as written");
}

TEST(Secret, WhatIsNoFileIsAnErrorAndBlocksNothing) {
  const testing::TemporaryFolder dir;
  ASSERT_EQ(mkfifo((dir.path() / "fifo").c_str(), 0600), 0);
  for (const std::string& path :
       {(dir.path() / "fifo").string(), std::string("/dev/zero"), dir.path().string()}) {
    const auto secret = InFile(path).Read();
    ASSERT_FALSE(secret) << path;
    EXPECT_EQ(secret.error().code(), ErrorCode::kInvalidInput);
    EXPECT_THAT(secret.error().message(), HasSubstr("the secret in " + path + " is not in a file"));
  }
}

}  // namespace
}  // namespace holdfast
