#include "plugins/sdk/sha256_pair.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace holdfast {
namespace {

#if defined(__x86_64__)

constexpr std::size_t kBlock = 64;

// FIPS 180-4, 4.2.2 and 5.3.3.
alignas(16) constexpr std::array<std::uint32_t, 64> kRoundConstants{
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

// The words of the state in the order that the instructions want them: F E B A and H G D C, from the lowest.
struct State {
  alignas(16) std::array<std::uint32_t, 4> feba{0x9b05688c, 0x510e527f, 0xbb67ae85, 0x6a09e667};
  alignas(16) std::array<std::uint32_t, 4> hgdc{0x5be0cd19, 0x1f83d9ab, 0xa54ff53a, 0x3c6ef372};
};

// Takes `blocks` blocks of each of kLanes texts, whose rounds do not wait for each other.
template <std::size_t kLanes>
__attribute__((target("sha,sse4.1,ssse3"))) void Compress(const std::array<State*, kLanes>& states,
                                                          std::array<const char*, kLanes> data,
                                                          std::size_t blocks) {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  __m128i abef[kLanes];
  __m128i cdgh[kLanes];
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    abef[lane] = _mm_load_si128(reinterpret_cast<const __m128i*>(states[lane]->feba.data()));
    cdgh[lane] = _mm_load_si128(reinterpret_cast<const __m128i*>(states[lane]->hgdc.data()));
  }
  for (; blocks > 0; --blocks) {
    __m128i abef_before[kLanes];
    __m128i cdgh_before[kLanes];
    __m128i words[kLanes][4];
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      abef_before[lane] = abef[lane];
      cdgh_before[lane] = cdgh[lane];
    }
#pragma GCC unroll 16
    for (std::size_t four = 0; four < 16; ++four) {
      const __m128i constants =
          _mm_load_si128(reinterpret_cast<const __m128i*>(&kRoundConstants[4 * four]));
#pragma GCC unroll 2
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        __m128i* const w = words[lane];
        if (four < 4) {
          w[four] = _mm_shuffle_epi8(
              _mm_loadu_si128(reinterpret_cast<const __m128i*>(data[lane] + 16 * four)),
              big_endian);
        } else {
          const __m128i newest = w[(four + 3) % 4];
          const __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(w[four % 4], w[(four + 1) % 4]),
                                            _mm_alignr_epi8(newest, w[(four + 2) % 4], 4));
          w[four % 4] = _mm_sha256msg2_epu32(sum, newest);
        }
        const __m128i two = _mm_add_epi32(w[four % 4], constants);
        cdgh[lane] = _mm_sha256rnds2_epu32(cdgh[lane], abef[lane], two);
        abef[lane] = _mm_sha256rnds2_epu32(abef[lane], cdgh[lane], _mm_shuffle_epi32(two, 0x0e));
      }
    }
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      abef[lane] = _mm_add_epi32(abef[lane], abef_before[lane]);
      cdgh[lane] = _mm_add_epi32(cdgh[lane], cdgh_before[lane]);
      data[lane] += kBlock;
    }
  }
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    _mm_store_si128(reinterpret_cast<__m128i*>(states[lane]->feba.data()), abef[lane]);
    _mm_store_si128(reinterpret_cast<__m128i*>(states[lane]->hgdc.data()), cdgh[lane]);
  }
}

// Of a text of which `blocks` whole blocks are in the state.
Sha256::Digest Finish(State& state, std::string_view text, std::size_t blocks) {
  const std::size_t rest = text.size() - blocks * kBlock;
  const std::size_t whole = rest / kBlock;
  Compress<1>({&state}, {text.data() + blocks * kBlock}, whole);
  const std::string_view end = text.substr((blocks + whole) * kBlock);
  // A bit, zeros, and the length in bits, big-endian.
  std::array<char, 2 * kBlock> tail{};
  if (!end.empty()) std::memcpy(tail.data(), end.data(), end.size());
  tail[end.size()] = '\x80';
  const std::size_t size = end.size() + 9 <= kBlock ? kBlock : 2 * kBlock;
  const std::uint64_t bits = std::uint64_t{text.size()} * 8;
  for (std::size_t i = 0; i < 8; ++i)
    tail[size - 1 - i] = static_cast<char>((bits >> (8 * i)) & 0xFFU);
  Compress<1>({&state}, {tail.data()}, size / kBlock);
  const std::array<std::uint32_t, 8> words{state.feba[3], state.feba[2], state.hgdc[3],
                                           state.hgdc[2], state.feba[1], state.feba[0],
                                           state.hgdc[1], state.hgdc[0]};
  Sha256::Digest digest{};
  for (std::size_t i = 0; i < digest.size(); ++i)
    digest[i] = static_cast<std::byte>((words[i / 4] >> (24 - 8 * (i % 4))) & 0xFFU);
  return digest;
}

// g++ 12 does not know "sha" in __builtin_cpu_supports.
bool HasShaInstructions() {
  static const bool has = [] {
    constexpr unsigned kSha = 1U << 29U;
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __builtin_cpu_supports("sse4.1") != 0 && __builtin_cpu_supports("ssse3") != 0 &&
           __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & kSha) != 0;
  }();
  return has;
}

#endif

}  // namespace

std::pair<Sha256::Digest, Sha256::Digest> Sha256OfBoth(std::string_view first,
                                                       std::string_view second) {
#if defined(__x86_64__)
  if (HasShaInstructions()) {
    State one;
    State other;
    const std::size_t both = std::min(first.size(), second.size()) / kBlock;
    Compress<2>({&one, &other}, {first.data(), second.data()}, both);
    return {Finish(one, first, both), Finish(other, second, both)};
  }
#endif
  return {Sha256::Of(first), Sha256::Of(second)};
}

std::pair<std::string, std::string> Sha256HexOfBoth(std::string_view first,
                                                    std::string_view second) {
  const auto [one, other] = Sha256OfBoth(first, second);
  return {Hex(one), Hex(other)};
}

}  // namespace holdfast
