#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/runtime/world.h"

namespace holdfast::testing_runtime {

// An application with two volumes: quiesced while the snapshots are taken.
class Protect : public ::testing::Test {
 protected:
  Protect() {
    world.Add("T::App#shop");
    world.Add("T::Volume#a", {"T::App#shop"});
    world.Add("T::Volume#b", {"T::App#shop"});
  }
  void Publish() { bundle = world.Publish(); }
  std::size_t Position(const std::string& call) const {
    const auto at = std::find(world.calls.begin(), world.calls.end(), call);
    EXPECT_NE(at, world.calls.end()) << call << " was not called";
    return static_cast<std::size_t>(at - world.calls.begin());
  }
  World world;
  std::string bundle;
};

}  // namespace holdfast::testing_runtime
