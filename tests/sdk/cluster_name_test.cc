#include "plugins/sdk/cluster_name.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

TEST(ClusterName, ALabelIsWhatKubernetesTakesAsANamespace) {
  for (const std::string& good : {std::string("a"), std::string("argo"), std::string("a-1"),
                                  std::string("1"), std::string(63, 'a')}) {
    EXPECT_TRUE(IsDnsLabel(good)) << good;
  }
  for (const std::string& bad :
       {std::string(), std::string("x: y"), std::string("a # b"), std::string("A B"),
        std::string("A"), std::string("-a"), std::string("a-"), std::string("a/b"),
        std::string("a.b"), std::string("a\n"), std::string(64, 'a')}) {
    EXPECT_FALSE(IsDnsLabel(bad)) << bad;
  }
}

TEST(ClusterName, ASubdomainIsLabelsBetweenDots) {
  for (const char* good : {"a", "a.b", "0.a-b.c"}) EXPECT_TRUE(IsDnsSubdomain(good)) << good;
  EXPECT_TRUE(IsDnsSubdomain(std::string(253, 'a')));
  for (const char* bad : {"", "Wf", "a..b", ".a", "a.", "a.-b", "a-.b", "a_b", "a b"})
    EXPECT_FALSE(IsDnsSubdomain(bad)) << bad;
  EXPECT_FALSE(IsDnsSubdomain(std::string(254, 'a')));
}

TEST(ClusterName, ALabelHasAKeyOfTwoPartsAndAPlainValue) {
  for (const char* good : {"a", "A_b.c-1", "example.org/a", "workflows.argoproj.io/Name"})
    EXPECT_TRUE(IsLabelKey(good)) << good;
  EXPECT_TRUE(IsLabelKey("example.org/" + std::string(63, 'a')));
  for (const char* bad : {"", "a b", "/a", "a/", "a/b/c", "Example.org/a", "-a", "a."})
    EXPECT_FALSE(IsLabelKey(bad)) << bad;
  EXPECT_FALSE(IsLabelKey(std::string(64, 'a')));
  for (const char* good : {"", "a", "A_b.c-1"}) EXPECT_TRUE(IsLabelValue(good)) << good;
  for (const char* bad : {"c d", "a/b", "-a", "a_", "a\n"}) EXPECT_FALSE(IsLabelValue(bad)) << bad;
  EXPECT_TRUE(IsLabelValue(std::string(63, 'a')));
  EXPECT_FALSE(IsLabelValue(std::string(64, 'a')));
}

TEST(ClusterName, AKeyOfAConfigMapIsAPlainFileName) {
  for (const char* good : {"p.conf", "A_b-c.1", ".hidden"}) EXPECT_TRUE(IsConfigKey(good)) << good;
  for (const char* bad : {"", "a b.conf", "a=b", "a/b", "caf\xc3\xa9.conf", ".", "..", "..a"})
    EXPECT_FALSE(IsConfigKey(bad)) << bad;
  EXPECT_TRUE(IsConfigKey(std::string(253, 'a')));
  EXPECT_FALSE(IsConfigKey(std::string(254, 'a')));
}

TEST(ClusterName, AnImageIsHostPathTagAndDigest) {
  for (const std::string& good :
       {std::string("step"), std::string("other/image:1"),
        std::string("localhost/holdfast-step:0.9"), std::string("localhost:5000/a"),
        std::string("host:5000/a/b:V1_2"), std::string("10.0.0.1:5000/a__b/c--d"),
        std::string("[::1]:5000/a"), std::string("Registry.Example.org/a"),
        "registry.example.org/a/b@" + kDigest, "registry.example.org/a:1@" + kDigest}) {
    EXPECT_TRUE(IsImageName(good)) << good;
  }
  for (const std::string& bad : {std::string(),
                                 std::string("a b"),
                                 std::string("a #b"),
                                 std::string("a: b"),
                                 std::string("'a'"),
                                 std::string("\"a\""),
                                 std::string("Repo"),
                                 std::string("Repo/a"),
                                 std::string("registry.example.org/Repo"),
                                 std::string("a:"),
                                 std::string("a/"),
                                 std::string("/a"),
                                 std::string("a//b"),
                                 std::string("a.-b"),
                                 std::string("a:.tag"),
                                 "a:" + std::string(129, 't'),
                                 std::string("a@sha256:abc"),
                                 "a@md5:" + std::string(64, 'a'),
                                 "a@sha256:" + std::string(64, 'A'),
                                 "a@" + kDigest + "0",
                                 std::string("a\n"),
                                 std::string("https://registry.example.org/a"),
                                 std::string(1'000'000, 'a')}) {
    EXPECT_FALSE(IsImageName(bad)) << bad.substr(0, 80);
  }
}

}  // namespace
}  // namespace holdfast
