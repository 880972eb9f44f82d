#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "plugins/sdk/key_file.h"
#include "tests/bank/temporary_folder.h"

namespace holdfast::testing {

// A key that everybody knows: 00 01 02 ... 1f, and one like it.
inline constexpr const char* kKnownKey =
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
inline constexpr const char* kKnownKeyId = "a7143c5da0fcd080";
inline constexpr const char* kOtherKey =
    "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

// Keys of a provider, in a file of their own.
class TestKeys {
 public:
  explicit TestKeys(const std::string& text = std::string(kKnownKey) + "\n") { Write(text); }

  void Write(const std::string& text) {
    std::ofstream(path(), std::ios::binary) << text;
    ::chmod(path().c_str(), 0600);
  }
  std::string path() const { return (folder_.path() / "keys").string(); }
  const KeyRing& ring() const { return ring_; }

 private:
  TemporaryFolder folder_;
  KeyRing ring_{(folder_.path() / "keys").string(), "line 7 of p.conf"};
};

}  // namespace holdfast::testing
