#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace holdfast {

// Hashes that are the same on every machine and in every build: for boundaries and patterns that files
// depend on. No use against whoever wants a collision.

// FNV-1a, 64 bits, of the parts one behind the other.
std::uint64_t TextHash(std::initializer_list<std::string_view> parts);
// One step of splitmix64: all bits of the result depend on all of the state.
std::uint64_t MixHash(std::uint64_t state);
inline constexpr std::uint64_t kMixStep = 0x9E3779B97F4A7C15U;  // from one state to the next

}  // namespace holdfast
