#include "plugins/sdk/key_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <thread>
#include <vector>

#include "plugins/sdk/file.h"
#include "tests/sdk/test_keys.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::kKnownKey;
using testing::kKnownKeyId;
using testing::kOtherKey;
using ::testing::Not;
using testing::TestKeys;

std::vector<std::string> IdsOf(const std::vector<KeyEntry>& keys) {
  std::vector<std::string> ids;
  for (const KeyEntry& entry : keys) ids.push_back(entry.key.id());
  return ids;
}

mode_t ModeOf(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777;
}

TEST(EncryptionKey, ItsIdFollowsFromItAndIsNoPartOfIt) {
  const auto key = EncryptionKey::Parse(kKnownKey);
  ASSERT_TRUE(key);
  EXPECT_EQ(key->id(), kKnownKeyId);
  EXPECT_TRUE(IsKeyId(key->id()));
  EXPECT_EQ(key->Text().Reveal(), kKnownKey);
  EXPECT_THAT(std::string(kKnownKey), Not(HasSubstr(key->id())));
  EXPECT_NE(EncryptionKey::Parse(kOtherKey)->id(), key->id());
  EXPECT_NE(EncryptionKey::Generate().id(), EncryptionKey::Generate().id());
}

TEST(EncryptionKey, WhatIsNoKeyIsRefusedAndNotShown) {
  const std::string key = kKnownKey;
  for (const std::string& text : {std::string(), key.substr(2), key + "00", key.substr(1) + "g",
                                  key.substr(0, 32) + ":" + key.substr(33)}) {
    const auto read = EncryptionKey::Parse(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code(), ErrorCode::kInvalidInput);
    if (!text.empty()) {
      EXPECT_THAT(read.error().Render(), Not(HasSubstr(text.substr(0, 8))));
    }
  }
}

TEST(EncryptionKey, OpensOnlyWhatItSealedBoundToTheSame) {
  const auto key = EncryptionKey::Parse(kKnownKey);
  const auto other = EncryptionKey::Parse(kOtherKey);
  const auto nonce = EncryptionKey::RandomNonce();
  std::string sealed = "head" + std::string("what is secret");
  key->Seal(sealed, 4, nonce, "bound");
  EXPECT_EQ(sealed.size(), 4 + 14 + EncryptionKey::kTagSize);
  EXPECT_THAT(sealed, Not(HasSubstr("secret")));
  const auto opens = [&](const EncryptionKey& with, std::string bytes, EncryptionKey::Nonce at,
                         std::string_view bound_to) {
    const bool opened = with.Open(bytes.data() + 4, bytes.size() - 4, at, bound_to);
    return opened && bytes.substr(4, 14) == "what is secret";
  };
  EXPECT_TRUE(opens(*key, sealed, nonce, "bound"));
  EXPECT_FALSE(opens(*other, sealed, nonce, "bound"));
  EXPECT_FALSE(opens(*key, sealed, nonce, "elsewhere"));
  EXPECT_FALSE(opens(*key, sealed, EncryptionKey::RandomNonce(), "bound"));
  EXPECT_FALSE(opens(*key, sealed.substr(0, 10), nonce, "bound"));
}

TEST(EncryptionKey, ANonceOfContentsFollowsFromThemAndTheirPlace) {
  const auto key = EncryptionKey::Parse(kKnownKey);
  EXPECT_EQ(key->NonceOf("bytes", "place"), key->NonceOf("bytes", "place"));
  EXPECT_NE(key->NonceOf("bytes", "place"), key->NonceOf("bytes", "other"));
  EXPECT_NE(key->NonceOf("bytes", "place"), key->NonceOf("other", "place"));
  // Where the one ends and the other begins counts, too.
  EXPECT_NE(key->NonceOf("bytes", "place"), key->NonceOf("ebytes", "plac"));
  EXPECT_NE(key->NonceOf("bytes", "place"),
            EncryptionKey::Parse(kOtherKey)->NonceOf("bytes", "place"));
}

TEST(KeyFile, HoldsTheCurrentKeyFirst) {
  const auto keys = ParseKeyFile(
      std::string("# a comment\n\n2026-11-29T04:10:00.000Z ") + kOtherKey + "\r\n  " + kKnownKey,
      "keys");
  ASSERT_TRUE(keys) << keys.error().Render();
  EXPECT_THAT(IdsOf(*keys), ElementsAre(EncryptionKey::Parse(kOtherKey)->id(), kKnownKeyId));
  ASSERT_TRUE((*keys)[0].made);
  EXPECT_EQ(FormatTime(*(*keys)[0].made), "2026-11-29T04:10:00.000Z");
  EXPECT_FALSE((*keys)[1].made);
}

TEST(KeyFile, WhatIsNoneSaysWhereAndNeverWhat) {
  const std::string key = kKnownKey;
  for (const auto& [text, words] : std::vector<std::pair<std::string, std::string>>{
           {"", "there is no key in it"},
           {"# nothing\n\n", "there is no key in it"},
           {key + "\nsesame open\n", "keys:2:1"},
           {key + " " + key + "\n", "keys:1:1"},
           {"2026-11-29 " + key, "keys:1:1"},
           {"#\n" + key.substr(1) + "\n", "keys:2:1"},
           {key + "\n#\n" + key + "\n", "is there twice"}}) {
    const auto keys = ParseKeyFile(text, "keys");
    ASSERT_FALSE(keys) << text;
    EXPECT_EQ(keys.error().code(), ErrorCode::kInvalidInput);
    EXPECT_THAT(keys.error().Render(), HasSubstr(words));
    EXPECT_THAT(keys.error().Render(), Not(HasSubstr("sesame")));
    EXPECT_THAT(keys.error().Render(), Not(HasSubstr(key.substr(10, 20))));
  }
}

TEST(KeyFile, IsMadeWithOneKeyForItsUserAlone) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.path() / "keys";
  const mode_t before = ::umask(0);
  const auto made = AddKey(path, WallTime{});
  ::umask(before);
  ASSERT_TRUE(made) << made.error().Render();
  EXPECT_TRUE(made->made_file);
  EXPECT_EQ(ModeOf(path), 0600U);
  const KeyRing ring(path, "here");
  ASSERT_TRUE(ring.Current());
  EXPECT_EQ((*ring.Current())->id(), made->id);
  // Nothing is left beside it.
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 1);
}

TEST(KeyFile, ANewKeyComesBeforeTheOthersAndNothingElseChanges) {
  TestKeys keys("# ours\n\n# the first\n" + std::string(kKnownKey) + "\n# the end\n");
  fs::create_symlink(keys.path(), keys.path() + ".link");
  ::chmod(keys.path().c_str(), 0400);
  const auto made = AddKey(keys.path() + ".link", WallTime{});
  ASSERT_TRUE(made) << made.error().Render();
  EXPECT_FALSE(made->made_file);
  EXPECT_EQ(made->older, 1U);
  EXPECT_TRUE(fs::is_symlink(keys.path() + ".link"));
  EXPECT_EQ(ModeOf(keys.path()), 0400U);
  const std::string text = *ReadFile(keys.path());
  EXPECT_THAT(text, ::testing::StartsWith("# ours\n\n# the first\n1970-01-01T00:00:00.000Z "));
  EXPECT_THAT(text, ::testing::EndsWith("\n" + std::string(kKnownKey) + "\n# the end\n"));
  const auto all = keys.ring().All();
  ASSERT_TRUE(all);
  EXPECT_THAT(IdsOf(**all), ElementsAre(made->id, kKnownKeyId));
}

TEST(KeyFile, WhatIsNoKeyFileIsLeftAlone) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.path() / "notes";
  std::ofstream(path) << "dear diary\n";
  const auto made = AddKey(path, WallTime{});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code(), ErrorCode::kInvalidInput);
  EXPECT_EQ(*ReadFile(path), "dear diary\n");
  EXPECT_EQ(AddKey(folder.path(), WallTime{}).error().code(), ErrorCode::kInvalidInput);
  const auto nowhere = AddKey(folder.path() / "no" / "keys", WallTime{});
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code(), ErrorCode::kNotFound);
}

TEST(KeyFile, ManyAtOnceLoseNoKey) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.path() / "keys";
  constexpr int kAdders = 8;
  std::vector<std::thread> adders;
  std::vector<std::string> ids(kAdders);
  for (int i = 0; i < kAdders; ++i) {
    adders.emplace_back([&, i] {
      const auto made = AddKey(path, WallTime{});
      if (made) ids[static_cast<std::size_t>(i)] = made->id;
    });
  }
  for (std::thread& adder : adders) adder.join();
  const KeyRing ring(path, "here");
  const auto all = ring.All();
  ASSERT_TRUE(all) << all.error().Render();
  EXPECT_THAT(IdsOf(**all), ::testing::UnorderedElementsAreArray(ids));
}

TEST(KeyRing, IsReadWhenItIsFirstAskedAndKept) {
  TestKeys keys;
  ASSERT_TRUE(keys.ring().Find(kKnownKeyId));
  fs::remove(keys.path());
  const auto again = keys.ring().Find(kKnownKeyId);
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)->id(), kKnownKeyId);
}

TEST(KeyRing, AMissingKeyIsNamedWithItsSetting) {
  const TestKeys keys;
  const auto missing = keys.ring().Find("0123456789abcdef");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::kDenied);
  EXPECT_THAT(missing.error().message(), HasSubstr("key 0123456789abcdef"));
  EXPECT_THAT(missing.error().hint(), HasSubstr("key_file"));
  EXPECT_THAT(missing.error().hint(), HasSubstr("line 7 of p.conf"));
  const auto none = FindKey(nullptr, "0123456789abcdef");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code(), ErrorCode::kDenied);
  EXPECT_THAT(none.error().message(), HasSubstr("key 0123456789abcdef"));
  EXPECT_THAT(none.error().hint(), HasSubstr("key_file"));
}

// Neither is taken for an object that is not there, nor for a damaged one.
TEST(KeyRing, AFileThatCannotBeReadIsDeniedWhateverIsWrongWithIt) {
  TestKeys keys;
  keys.Write("nonsense\n");
  for (int i = 0; i < 2; ++i) {
    const auto read = keys.ring().Find(kKnownKeyId);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code(), ErrorCode::kDenied);
    EXPECT_THAT(read.error().message(),
                HasSubstr("encrypted with key " + std::string(kKnownKeyId)));
    EXPECT_THAT(read.error().message(), HasSubstr("key_file, line 7 of p.conf"));
    fs::remove(keys.path());
  }
  // It is read once it is there.
  keys.Write(std::string(kKnownKey) + "\n");
  EXPECT_TRUE(keys.ring().Find(kKnownKeyId));
}

TEST(KeyRing, AFileThatOthersMayReadOrWriteIsRefused) {
  for (const mode_t mode : {0640U, 0604U, 0644U, 0620U, 0602U, 0666U}) {
    const TestKeys keys;
    ::chmod(keys.path().c_str(), mode);
    const auto read = keys.ring().Current();
    ASSERT_FALSE(read) << std::oct << mode;
    EXPECT_EQ(read.error().code(), ErrorCode::kDenied);
    EXPECT_THAT(read.error().message(), HasSubstr("is not for this user alone"));
    EXPECT_THAT(read.error().hint(), HasSubstr("chmod 600"));
  }
  for (const mode_t mode : {0600U, 0400U}) {
    const TestKeys keys;
    ::chmod(keys.path().c_str(), mode);
    EXPECT_TRUE(keys.ring().Current()) << std::oct << mode;
  }
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file to another user";
  const TestKeys keys;
  ASSERT_EQ(::chown(keys.path().c_str(), 12345, 12345), 0);
  const auto read = keys.ring().Current();
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message(), HasSubstr("another user's"));
}

TEST(KeyRing, IsLookedForInTheFolderOfSecretsFirst) {
  const TestKeys keys;
  const KeyRing ring("/etc/holdfast/no-such-folder/keys", "line 7 of p.conf");
  ::setenv("HOLDFAST_SECRET_DIR", fs::path(keys.path()).parent_path().c_str(), 1);
  EXPECT_TRUE(ring.Find(kKnownKeyId));
  ::unsetenv("HOLDFAST_SECRET_DIR");
}

}  // namespace
}  // namespace holdfast
