#include "plugins/sdk/stable_hash.h"

namespace holdfast {

std::uint64_t TextHash(std::initializer_list<std::string_view> parts) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const std::string_view part : parts) {
    for (const char c : part) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  }
  return hash;
}

std::uint64_t MixHash(std::uint64_t state) {
  state += kMixStep;
  state = (state ^ (state >> 30U)) * 0xBF58476D1CE4E5B9U;
  state = (state ^ (state >> 27U)) * 0x94D049BB133111EBU;
  return state ^ (state >> 31U);
}

}  // namespace holdfast
