#include "compiler/workflow/step_names.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "plugins/sdk/safe_name.h"

namespace holdfast::compiler {
namespace {

using step_names_internal::JoinParts;
using step_names_internal::NameParts;

TEST(StepNames, AreSafeWhateverTheResourceIsCalled) {
  EXPECT_EQ(SafeName("The Shop!"), "the-shop");
  EXPECT_EQ(SafeName("a--b__c"), "a-b-c");
  EXPECT_EQ(SafeName("2024 logs"), "r-2024-logs");
  EXPECT_EQ(SafeName("{{workflow.name}}"), "workflow-name");
  EXPECT_EQ(SafeName("日本語"), "");
  EXPECT_EQ(SafeName("..-.."), "");
  EXPECT_EQ(SafeName(std::string(300, 'x')), std::string(24, 'x'));
  EXPECT_EQ(SafeName("abcdefghijklmnopqrstuvw xyz"), "abcdefghijklmnopqrstuvw");
  EXPECT_EQ(SafeName("123456789012345678901234567890").size(), 24U);
}

TEST(StepNames, TakeMoreOfTheHashWhereNamesCollideWhateverTheirOrder) {
  const std::string same(8, 'a');
  const std::vector<std::string> hashes{same + std::string(56, '1'), same + std::string(56, '2'),
                                        same + std::string(56, '3'),
                                        same + std::string(8, '2') + std::string(48, '4')};
  std::vector<NameParts> parts{{"shop", hashes[0], "pre"},
                               {"shop", hashes[1], "pre"},
                               {"shop", hashes[1], "post"},
                               {"other", hashes[2], "pre"},
                               {"shop", hashes[3], "pre"}};
  const std::vector<std::string> names = JoinParts(parts);
  EXPECT_EQ(names[0], "shop-aaaaaaaa11111111-pre");
  EXPECT_EQ(names[1], "shop-aaaaaaaa2222222222222222-pre");
  EXPECT_EQ(names[2], "shop-aaaaaaaa-post");
  EXPECT_EQ(names[3], "other-aaaaaaaa-pre");
  EXPECT_EQ(names[4], "shop-aaaaaaaa2222222244444444-pre");
  std::reverse(parts.begin(), parts.end());
  std::vector<std::string> backward = JoinParts(parts);
  std::reverse(backward.begin(), backward.end());
  EXPECT_EQ(names, backward);
}

}  // namespace
}  // namespace holdfast::compiler
