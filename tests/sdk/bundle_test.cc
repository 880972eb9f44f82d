#include "plugins/sdk/bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

#include "plugins/sdk/file.h"
#include "plugins/sdk/sha256.h"
#include "tests/sdk/bundle_parts.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::string Numbered(std::string_view prefix, std::size_t i) {
  std::string digits = std::to_string(i);
  return std::string(prefix) + std::string(6 - digits.size(), '0') + digits;
}

struct Parts {
  Bundle bundle;
  std::vector<BundleStep> steps;
  std::vector<BundleResource> resources;
};

// `count` resources below one parent, each with a pre and a post; the parent has no step.
Parts MakeParts(std::size_t count) {
  Parts parts;
  parts.bundle.operation = Operation::kProtect;
  parts.bundle.provider_id = "2e0c8826-81d6-44f5-bbe5-8f46a98c5845";
  parts.bundle.provider_name = "Foo";
  parts.bundle.plan = Value().Set("name", "nightly");
  parts.bundle.parameters = Value().Set("T::N", Value().Set("mode", "fast"));
  parts.bundle.roots = {"T::App#root"};
  parts.bundle.warnings = {"a listing failed"};
  PluginDescriptor plugin;
  plugin.name = "node";
  plugin.types = {"T::App", "T::N"};
  plugin.operation(Operation::kProtect).activities = {true, false, false, true};
  plugin.operation(Operation::kRestore).empty_on_purpose = true;
  plugin.quiesces = true;
  plugin.post_acts_on_failure = false;
  parts.bundle.plugins = {plugin};
  BundleResource root{{{"T::App", "root"}, "Root", {}, {}, {}}, "node", {}, {}};
  for (std::size_t i = 0; i < count; ++i) {
    const ResourceKey key{"T::N", Numbered("r", i)};
    BundleResource resource{{key,
                             "n\n" + key.id,
                             Value().Set("size", static_cast<std::int64_t>(i)),
                             {{root.resource.key, "Root", Value().Set("device", "/dev/vdb")}},
                             {}},
                            "node",
                            Value().Set("mode", "fast"),
                            {}};
    root.resource.children.push_back(
        {key, resource.resource.name, Value().Set("device", "/dev/vdb")});
    parts.resources.push_back(std::move(resource));
    const std::string name = Numbered("step-", i);
    parts.steps.push_back({name + "-pre", {{key, ActivityKind::kPre, {}}}, {}});
    parts.steps.push_back({name + "-post",
                           {{key, ActivityKind::kPost, {{name + "-pre", key, ActivityKind::kPre}}}},
                           {name + "-pre"}});
  }
  parts.resources.push_back(std::move(root));
  return parts;
}

BundleFiles Make(Parts parts) {
  auto files = testing_bundles::MakeBundleOf(std::move(parts.bundle), std::move(parts.steps),
                                             std::move(parts.resources));
  EXPECT_TRUE(files) << (files ? "" : files.error().Render());
  return files ? std::move(*files) : BundleFiles{};
}

TEST(Bundle, IsTheSameBytesInWhateverOrderItsPartsCome) {
  Parts shuffled = MakeParts(1300);
  std::mt19937 random(7);
  std::shuffle(shuffled.steps.begin(), shuffled.steps.end(), random);
  std::shuffle(shuffled.resources.begin(), shuffled.resources.end(), random);
  const BundleFiles one = Make(MakeParts(1300));
  const BundleFiles two = Make(std::move(shuffled));
  EXPECT_EQ(one.sha256, two.sha256);
  EXPECT_EQ(one.files, two.files);
  EXPECT_EQ(one.sha256, Sha256Hex(one.files.at("bundle.json")));
}

TEST(Bundle, CutsStepsIntoShardsOfAThousand) {
  const BundleFiles files = Make(MakeParts(1300));
  const auto loaded = LoadBundle(files);
  ASSERT_TRUE(loaded) << loaded.error().Render();
  EXPECT_EQ(loaded->bundle.steps, 2600U);
  EXPECT_EQ(loaded->bundle.resources, 1301U);
  std::size_t steps = 0;
  for (const BundleShard& shard : loaded->shards) {
    EXPECT_LE(shard.steps.size(), 1000U);
    EXPECT_TRUE(std::is_sorted(shard.steps.begin(), shard.steps.end(),
                               [](const auto& a, const auto& b) { return a.name < b.name; }));
    steps += shard.steps.size();
  }
  EXPECT_EQ(steps, 2600U);
  // A step finds its shard by name alone, and in it all that it acts on.
  for (std::size_t i : {0U, 499U, 500U, 501U, 1299U}) {
    const std::string name = Numbered("step-", i) + "-post";
    const auto shard = ShardOfStep(loaded->bundle, name);
    ASSERT_TRUE(shard);
    const auto& own = loaded->shards[*shard];
    EXPECT_TRUE(std::any_of(own.steps.begin(), own.steps.end(), [&](const auto& step) {
      return step.name == name;
    })) << name;
    EXPECT_TRUE(std::any_of(own.resources.begin(), own.resources.end(), [&](const auto& resource) {
      return resource.resource.key.id == Numbered("r", i);
    })) << name;
    ASSERT_NE(loaded->FindStep(name), nullptr);
    EXPECT_EQ(loaded->FindStep(name)->order,
              std::vector<std::string>{Numbered("step-", i) + "-pre"});
  }
  EXPECT_EQ(loaded->FindStep("step-000000-par"), nullptr);
}

TEST(Bundle, SaysInEachResourceWhereItsStepsAre) {
  const auto loaded = LoadBundle(Make(MakeParts(1300)));
  ASSERT_TRUE(loaded);
  const BundleResource* resource = loaded->FindResource({"T::N", "r000700"});
  ASSERT_NE(resource, nullptr);
  EXPECT_EQ(resource->steps,
            (std::array<std::string, 4>{"step-000700-pre", "", "", "step-000700-post"}));
  EXPECT_EQ(resource->resource.name, "n\nr000700");
  EXPECT_EQ(resource->resource.extra.IntOr("size", 0), 700);
  EXPECT_EQ(resource->parameters.StringOr("mode", ""), "fast");
}

TEST(Bundle, KeepsTheWholeGraphAndTheDescriptors) {
  const auto loaded = LoadBundle(Make(MakeParts(20)));
  ASSERT_TRUE(loaded);
  const auto graph = GraphOfBundle(*loaded);
  ASSERT_TRUE(graph) << graph.error().Render();
  EXPECT_EQ(graph->size(), 21U);
  EXPECT_EQ(graph->warnings(), std::vector<std::string>{"a listing failed"});
  EXPECT_EQ(graph->edges().size(), 20U);
  EXPECT_EQ(graph->edges().front().facts.StringOr("device", ""), "/dev/vdb");
  EXPECT_NE(loaded->FindResource({"T::App", "root"}), nullptr);
  const PluginDescriptor* plugin = loaded->FindPlugin("node");
  ASSERT_NE(plugin, nullptr);
  EXPECT_TRUE(plugin->quiesces);
  EXPECT_FALSE(plugin->post_acts_on_failure);
  EXPECT_TRUE(plugin->operation(Operation::kRestore).empty_on_purpose);
  EXPECT_EQ(plugin->operation(Operation::kProtect).activities,
            (std::array<bool, 4>{true, false, false, true}));
}

TEST(Bundle, RefusesStepsOfTheSameNameAndStrangersResources) {
  Parts twice = MakeParts(2);
  twice.steps.push_back(twice.steps.front());
  EXPECT_FALSE(testing_bundles::MakeBundleOf(twice.bundle, twice.steps, twice.resources));
  Parts stranger = MakeParts(2);
  stranger.steps.front().activities.front().resource.id = "nobody";
  EXPECT_FALSE(testing_bundles::MakeBundleOf(stranger.bundle, stranger.steps, stranger.resources));
}

TEST(Bundle, RefusesOtherFormatsAndWhatIsNone) {
  BundleFiles files = Make(MakeParts(1));
  std::string& text = files.files.at("bundle.json");
  const auto at = text.find("\"format\": 1");
  ASSERT_NE(at, std::string::npos);
  text.replace(at, 11, "\"format\": 2");
  const auto other = ParseBundle(text, "bundle.json");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code(), ErrorCode::kInvalidInput);
  for (const char* bad :
       {"", "{", "[]", "{\"format\": 1}", "{\"format\": 1, \"operation\": \"fly\"}"}) {
    const auto parsed = ParseBundle(bad, "bundle.json");
    ASSERT_FALSE(parsed) << bad;
  }
  EXPECT_EQ(ParseShard("not json", "shard-0.json").error().code(), ErrorCode::kCorrupt);
}

class BundleFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "holdfast-test-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    top_ = pattern;
    folder_ = top_ + "/plan.bundle";
  }
  void TearDown() override { fs::remove_all(top_); }

  std::string top_;
  std::string folder_;
};

TEST_F(BundleFolder, IsReadBackEqual) {
  const BundleFiles files = Make(MakeParts(1300));
  ASSERT_TRUE(WriteBundleFolder(folder_, files));
  const auto read = ReadBundleFolder(folder_);
  ASSERT_TRUE(read) << read.error().Render();
  EXPECT_EQ(read->files, files.files);
  EXPECT_EQ(read->sha256, files.sha256);
}

TEST_F(BundleFolder, LosesTheShardsOfABundleThatWasLargerAndKeepsStrangers) {
  ASSERT_TRUE(WriteBundleFolder(folder_, Make(MakeParts(1300))));
  ASSERT_TRUE(fs::exists(folder_ + "/shard-2.json"));
  std::ofstream(folder_ + "/README") << "mine";
  ASSERT_TRUE(WriteBundleFolder(folder_, Make(MakeParts(3))));
  EXPECT_FALSE(fs::exists(folder_ + "/shard-2.json"));
  EXPECT_TRUE(fs::exists(folder_ + "/README"));
  EXPECT_TRUE(ReadBundleFolder(folder_));
}

TEST_F(BundleFolder, DoesNotTouchWhatIsTheSame) {
  const BundleFiles files = Make(MakeParts(3));
  ASSERT_TRUE(WriteBundleFolder(folder_, files));
  struct stat before {};
  ASSERT_EQ(stat((folder_ + "/shard-0.json").c_str(), &before), 0);
  ASSERT_TRUE(WriteBundleFolder(folder_, files));
  struct stat after {};
  ASSERT_EQ(stat((folder_ + "/shard-0.json").c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
}

TEST_F(BundleFolder, IsRefusedWhenAnyByteOfItChanged) {
  const BundleFiles files = Make(MakeParts(3));
  ASSERT_TRUE(WriteBundleFolder(folder_, files));
  std::ofstream(folder_ + "/shard-0.json", std::ios::app) << " ";
  const auto read = ReadBundleFolder(folder_);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), ErrorCode::kInvalidInput);
  EXPECT_THAT(read.error().message(), HasSubstr("shard-0.json"));
}

// bundle.json is written last: a writer that died before leaves shards that the old one refuses.
TEST_F(BundleFolder, IsRefusedWhenItsWriterDiedHalfWay) {
  ASSERT_TRUE(WriteBundleFolder(folder_, Make(MakeParts(3))));
  const BundleFiles next = Make(MakeParts(4));
  ASSERT_TRUE(WriteFileDurably(folder_ + "/shard-0.json", next.files.at("shard-0.json")));
  EXPECT_FALSE(ReadBundleFolder(folder_));
  ASSERT_TRUE(WriteBundleFolder(folder_, next));
  EXPECT_TRUE(ReadBundleFolder(folder_));
}

TEST_F(BundleFolder, SaysWhatIsMissing) {
  EXPECT_EQ(ReadBundleFolder(folder_).error().code(), ErrorCode::kNotFound);
  ASSERT_TRUE(WriteBundleFolder(folder_, Make(MakeParts(3))));
  fs::remove(folder_ + "/shard-0.json");
  const auto read = ReadBundleFolder(folder_);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(read.error().Render(), HasSubstr("shard-0.json"));
}

}  // namespace
}  // namespace holdfast
