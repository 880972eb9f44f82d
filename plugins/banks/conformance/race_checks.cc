#include <algorithm>
#include <array>
#include <atomic>

#include "plugins/banks/conformance/check_tools.h"

namespace holdfast::banks::conformance {
namespace {

constexpr int kWriters = 8;
constexpr int kReaders = 2;

// A server takes milliseconds for what a folder does at once.
int RoundsOf(const BankCheckArea& area, int of_a_folder) {
  const bool atomic = area.section.bank().strength() == ExclusiveStrength::kAtomic;
  return atomic ? of_a_folder : of_a_folder / 3;
}

// Who of `kWriters` was told that it has the key, and who has it.
struct Race {
  std::array<bool, kWriters> won{};
  int holder = -1;
};

// Whose value that is; -1: nobody's, or of several.
int WriterOf(std::string_view value) {
  const int i = value.empty() ? -1 : value.front() - 'a';
  const bool whole = i >= 0 && i < kWriters &&
                     value == std::string(static_cast<std::size_t>(1000 + i * 100), value.front());
  return whole ? i : -1;
}

// All create it at once; where none of them waits, readers look at it until the last has ended.
Result<Race> RaceFor(const BankCheckArea& area, const std::string& key, Settling settling) {
  const bool atomic = area.section.bank().strength() == ExclusiveStrength::kAtomic;
  Race race;
  std::atomic<int> creating{kWriters};
  const auto create = [&](int i) -> Status {
    const std::string value(static_cast<std::size_t>(1000 + i * 100), static_cast<char>('a' + i));
    Status created = area.section.CreateExclusive(key, value, settling);
    race.won[static_cast<std::size_t>(i)] = created.has_value();
    if (!created && created.error().code() != ErrorCode::kConflict) return created;
    return Ok();
  };
  const auto read = [&]() -> Status {
    int before = -1;
    while (creating > 0) {
      const auto seen = area.section.GetBytes(key);
      // A server of several copies may give an older answer after a newer one.
      if (!seen && seen.error().code() == ErrorCode::kNotFound && !(atomic && before >= 0))
        continue;
      if (!seen) return seen.error();
      const int writer = WriterOf(*seen);
      if (writer < 0) return Violation("a reader saw what nobody wrote while it was created");
      if (atomic && before >= 0 && before != writer)
        return Violation("a reader saw another value than before");
      before = writer;
    }
    return Ok();
  };
  const int readers = settling == Settling::kAtOnce ? kReaders : 0;
  HOLDFAST_RETURN_IF_ERROR(AtOnce(kWriters + readers, [&](int i) -> Status {
    if (i >= kWriters) return read();
    Status created = create(i);
    --creating;
    return created;
  }));
  HOLDFAST_ASSIGN_OR_RETURN(const std::string stored, area.section.GetBytes(key));
  race.holder = WriterOf(stored);
  if (race.holder < 0) return Violation("the object holds what nobody wrote");
  return race;
}

Status OneOfManyCreatorsWins(const BankCheckArea& area) {
  const bool atomic = area.section.bank().strength() == ExclusiveStrength::kAtomic;
  for (int round = 0; round < (atomic ? 20 : 2); ++round) {
    HOLDFAST_ASSIGN_OR_RETURN(const Race race,
                              RaceFor(area, fmt::format("claim-{}", round), Settling::kWait));
    const auto winners = std::count(race.won.begin(), race.won.end(), true);
    if (!race.won[static_cast<std::size_t>(race.holder)]) {
      return Violation(
          fmt::format("writer {} holds the key and was told that it lost", race.holder));
    }
    if (winners != 1) {
      return Violation(fmt::format("{} of {} creators were told that they won", winners, kWriters));
    }
  }
  return Ok();
}

// Where nobody waits, several may believe that they have it; what is read meanwhile and then is still of one of them.
Status CreatorsThatDoNotWaitMixNothing(const BankCheckArea& area) {
  const bool atomic = area.section.bank().strength() == ExclusiveStrength::kAtomic;
  for (int round = 0; round < RoundsOf(area, 20); ++round) {
    HOLDFAST_ASSIGN_OR_RETURN(const Race race,
                              RaceFor(area, fmt::format("claim-{}", round), Settling::kAtOnce));
    const auto winners = std::count(race.won.begin(), race.won.end(), true);
    if (winners < 1 || (atomic && winners != 1)) {
      return Violation(fmt::format("{} of {} creators were told that they won", winners, kWriters));
    }
  }
  return Ok();
}

// Of many Puts on one key none may mix with another, whoever wins.
Status OneOfManyPutsIsStoredWhole(const BankCheckArea& area) {
  const bool atomic = area.section.bank().strength() == ExclusiveStrength::kAtomic;
  const auto value = [](int i) {
    return Noise(200'000 + static_cast<std::size_t>(i) * 1000, static_cast<std::uint64_t>(i) + 100);
  };
  std::array<bool, kWriters> won{};
  Status raced = AtOnce(kWriters, [&](int i) -> Status {
    Status put = area.section.PutBytes("key", value(i));
    won[static_cast<std::size_t>(i)] = put.has_value();
    if (!put && put.error().code() != ErrorCode::kConflict) return put;
    return Ok();
  });
  if (!raced) return raced;
  const auto winners = std::count(won.begin(), won.end(), true);
  if (winners < 1 || (atomic && winners != 1)) {
    return Violation(fmt::format("{} of {} puts on one key succeeded", winners, kWriters));
  }
  HOLDFAST_ASSIGN_OR_RETURN(const std::string stored, area.section.GetBytes("key"));
  for (int i = 0; i < kWriters; ++i) {
    if (won[static_cast<std::size_t>(i)] && stored == value(i)) return Ok();
  }
  return Violation("the object is not what a put that succeeded has written");
}

Status WritersOfDifferentKeysAllSucceed(const BankCheckArea& area) {
  Status raced = AtOnce(kWriters, [&](int i) -> Status {
    for (int n = 0; n < 10; ++n) {
      // The same new folders for all of them.
      const std::string key = fmt::format("folder-{}/below/writer-{}", n, i);
      HOLDFAST_RETURN_IF_ERROR(area.section.PutBytes(key, key));
    }
    return Ok();
  });
  if (!raced) return raced;
  std::vector<std::string> expected;
  for (int n = 0; n < 10; ++n) {
    for (int i = 0; i < kWriters; ++i) {
      expected.push_back(fmt::format("folder-{}/below/writer-{}", n, i));
      HOLDFAST_RETURN_IF_ERROR(ExpectBytes(area.section, expected.back(), expected.back()));
    }
  }
  std::sort(expected.begin(), expected.end());
  return ExpectList(area, {}, expected);
}

// A delete that empties a place must not lose what another puts there at the same moment.
Status PutsBesideDeletesSucceed(const BankCheckArea& area) {
  return AtOnce(kWriters, [&](int i) -> Status {
    const std::string key = fmt::format("a/b/c/writer-{}", i);
    for (int n = 0; n < RoundsOf(area, 25); ++n) {
      const std::string value = fmt::format("{} of {}", n, i);
      HOLDFAST_RETURN_IF_ERROR(area.section.PutBytes(key, value));
      HOLDFAST_RETURN_IF_ERROR(ExpectBytes(area.section, key, value));
      HOLDFAST_RETURN_IF_ERROR(area.section.Delete(key));
    }
    return Ok();
  });
}

Status ReadersOfAReplacedKeySeeOneWholeValue(const BankCheckArea& area) {
  const auto value = [](int n) {
    return std::string(static_cast<std::size_t>(20'000 + n % 7 * 3000),
                       static_cast<char>('a' + n % 26));
  };
  HOLDFAST_RETURN_IF_ERROR(area.section.Replace("lease", value(0)));
  return AtOnce(4, [&](int i) -> Status {
    for (int n = 0; n < 60; ++n) {
      if (i == 0) {
        HOLDFAST_RETURN_IF_ERROR(area.section.Replace("lease", value(n)));
        continue;
      }
      HOLDFAST_ASSIGN_OR_RETURN(const std::string seen, area.section.GetBytes("lease"));
      const int letter = seen.empty() ? -1 : seen.front() - 'a';
      bool whole = false;
      for (int k = 0; k < 60 && !whole; ++k) whole = k % 26 == letter && seen == value(k);
      if (!whole) return Violation("a reader saw a value that nobody wrote");
    }
    return Ok();
  });
}

#define HOLDFAST_BANK_CHECK(name) \
  BankCheck { #name, name }

constexpr std::array kChecks{
    HOLDFAST_BANK_CHECK(OneOfManyCreatorsWins),
    HOLDFAST_BANK_CHECK(CreatorsThatDoNotWaitMixNothing),
    HOLDFAST_BANK_CHECK(OneOfManyPutsIsStoredWhole),
    HOLDFAST_BANK_CHECK(WritersOfDifferentKeysAllSucceed),
    HOLDFAST_BANK_CHECK(PutsBesideDeletesSucceed),
    HOLDFAST_BANK_CHECK(ReadersOfAReplacedKeySeeOneWholeValue),
};

}  // namespace

std::span<const BankCheck> RaceChecks() { return kChecks; }

}  // namespace holdfast::banks::conformance
