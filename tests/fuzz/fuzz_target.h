#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

// Every file beside this one defines this: one call reads `size` hostile bytes as what its name
// says. libFuzzer calls it (preset `fuzz`), and replay.cc does with every seed in the other builds.
// It must not crash, leak, take long or end the process, whatever the bytes are.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace holdfast::fuzz {

inline std::string_view TextOf(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// A promise of a reader, beyond not crashing. Aborts: that is what libFuzzer keeps the input of.
inline void Require(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "not kept: %s\n", promise);
  std::abort();
}

}  // namespace holdfast::fuzz
