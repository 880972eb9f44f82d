#include "plugins/sdk/sha256_pair.h"

#include <gtest/gtest.h>

#include <random>

namespace holdfast {
namespace {

// OpenSSL's, one by one: at every end of a block, and of texts of which one is longer.
TEST(Sha256OfBothTexts, IsThatOfEach) {
  std::mt19937_64 random(1);
  std::string bytes(300'000, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  const std::string_view all = bytes;
  const auto check = [](std::string_view first, std::string_view second) {
    const auto [one, other] = Sha256HexOfBoth(first, second);
    ASSERT_EQ(one, Sha256Hex(first)) << first.size() << " beside " << second.size();
    ASSERT_EQ(other, Sha256Hex(second)) << second.size() << " beside " << first.size();
  };
  for (std::size_t first = 0; first <= 130; ++first) {
    for (std::size_t second = 0; second <= 130; ++second) {
      check(all.substr(first % 17, first), all.substr(1000 + second % 13, second));
    }
  }
  for (int i = 0; i < 200; ++i) {
    check(all.substr(random() % 100, random() % 200'000),
          all.substr(random() % 100, random() % 200'000));
  }
  check(all, all.substr(20));
  check({}, all);
}

}  // namespace
}  // namespace holdfast
