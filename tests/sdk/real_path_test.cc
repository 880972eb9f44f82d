#include "plugins/sdk/real_path.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

namespace holdfast {
namespace {

namespace fs = std::filesystem;

class RealPathTest : public testing::Test {
 protected:
  RealPathTest() {
    std::string name = (fs::temp_directory_path() / "holdfast-test-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = fs::canonical(name);
  }
  ~RealPathTest() override { fs::remove_all(folder_); }
  std::string At(const std::string& name) const { return folder_ + "/" + name; }
  std::string folder_;
};

TEST_F(RealPathTest, LinksAreFollowedAndWhatIsNotThereIsKept) {
  fs::create_directories(At("real/deep"));
  fs::create_directory_symlink("real", At("link"));
  fs::create_directory_symlink(At("link/deep"), At("deeper"));
  EXPECT_EQ(RealPath(At("real/x")), At("real/x"));
  EXPECT_EQ(RealPath(At("link/not/yet")), At("real/not/yet"));
  EXPECT_EQ(RealPath(At("deeper") + "//./x/"), At("real/deep/x"));
  EXPECT_EQ(RealPath(At("deeper/../x")), At("real/x")) << "the folder above what the link leads to";
  EXPECT_EQ(RealPath("/"), "/");
  EXPECT_EQ(RealPath("/.."), "/");
}

TEST_F(RealPathTest, ALinkThatLeadsToNothingLeadsToWhatWouldBeMade) {
  fs::create_symlink("later/shop.db", At("shop.db"));
  EXPECT_EQ(RealPath(At("shop.db")), At("later/shop.db"));
}

TEST_F(RealPathTest, LinksInACircleAreLeftAsTheyAre) {
  fs::create_symlink("b", At("a"));
  fs::create_symlink("a", At("b"));
  EXPECT_EQ(RealPath(At("a//x")), At("a/x"));
}

}  // namespace
}  // namespace holdfast
