#include "plugins/sdk/volume.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace holdfast {
namespace {

using testing::HasSubstr;

Value Claim(const std::string& name, const std::string& path) {
  return Value().Set("claim", name).Set("path", path);
}

TEST(Volume, IsReadAsItIsWritten) {
  for (const Volume& volume : {Volume{Volume::Kind::kClaim, "shop-data", "/srv/shop"},
                               Volume{Volume::Kind::kHostPath, "/var/lib/shop", "/srv/shop"}}) {
    const auto read = VolumeFromValue(VolumeToValue(volume), "f");
    ASSERT_TRUE(read) << read.error().Render();
    EXPECT_EQ(*read, volume);
    EXPECT_EQ(*VolumeOf(Value().Set("volume", VolumeToValue(volume)), "f"), volume);
  }
  EXPECT_EQ(*VolumeOf(Value(), "f"), std::nullopt);
  EXPECT_EQ(*VolumeOf(Value().Set("path", "/x"), "f"), std::nullopt);
}

TEST(Volume, RefusesWhatKubernetesWouldRefuse) {
  const auto said = [](const Value& value) {
    const auto read = VolumeFromValue(value, "inventory.yaml");
    return read ? std::string() : read.error().message();
  };
  EXPECT_THAT(said(Value().Set("path", "/srv")), HasSubstr("either 'claim' or 'hostPath'"));
  EXPECT_THAT(said(Claim("a", "/srv").Set("hostPath", "/x")),
              HasSubstr("either 'claim' or 'hostPath'"));
  for (const char* const name : {"Shop", "shop_data", "-shop", "shop-", "a/b", "{{workflow.name}}"})
    EXPECT_THAT(said(Claim(name, "/srv")), HasSubstr("can be called")) << name;
  EXPECT_THAT(said(Claim(std::string(254, 'a'), "/srv")), HasSubstr("can be called"));
  for (const char* const path : {"srv", "/srv/../etc", "/srv/", "/srv//shop", "./srv"})
    EXPECT_THAT(said(Claim("shop", path)), HasSubstr("absolute path")) << path;
  EXPECT_THAT(said(Claim("shop", "/")), HasSubstr("root of its own"));
  EXPECT_THAT(said(Claim("shop", "/srv").Set("claims", "x")), HasSubstr("claims"));
}

TEST(Volume, HasANameOfItsOwnThatIsATaskName) {
  std::set<std::string> names;
  std::size_t volumes = 0;
  for (const Volume::Kind kind : {Volume::Kind::kClaim, Volume::Kind::kHostPath}) {
    for (const char* const source : {"shop", "/shop", "/srv/shop", "2024", "/", "/日本"}) {
      for (const char* const path : {"/srv", "/srv/shop"}) {
        const std::string name = NameOfVolume({kind, source, path});
        names.insert(name);
        ++volumes;
        EXPECT_LE(name.size(), 33U);
        EXPECT_TRUE(name.front() >= 'a' && name.front() <= 'z') << name;
        EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-"),
                  std::string::npos)
            << name;
      }
    }
  }
  EXPECT_EQ(names.size(), volumes);
}

}  // namespace
}  // namespace holdfast
