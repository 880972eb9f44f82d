#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/bank_section.h"

namespace holdfast::runtime {

// What earlier attempts at a stream have stored of it: whoever writes the same bytes again need not send them again.
// Listed once; a listing that fails or lags shows less, and then more is sent. Thread-safe once it is made.
class EarlierSegments {
 public:
  struct Segment {
    std::string attempt;
    std::uint64_t size = 0;  // stored bytes
  };

  // `attempts`: the newest last. Of very many the oldest are not looked at.
  EarlierSegments(const BankSection& data, std::string_view name,
                  const std::vector<std::string>& attempts);

  // nullptr: there is none, or they have turned out to be of other bytes.
  const Segment* Find(std::size_t number) const;
  // Reads the object, and compares it as it comes; every byte. One that cannot be read is not the same.
  bool IsSame(std::string_view key, std::string_view bytes);

 private:
  void List(std::string_view attempt, std::string_view name);

  const BankSection data_;
  std::map<std::size_t, Segment> segments_;
  std::atomic<unsigned> different_{0};
};

}  // namespace holdfast::runtime
