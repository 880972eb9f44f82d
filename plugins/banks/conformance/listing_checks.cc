#include <algorithm>
#include <array>
#include <iterator>
#include <thread>

#include "plugins/banks/conformance/check_tools.h"

namespace holdfast::banks::conformance {
namespace {

// '-' and '.' sort before '/', digits, letters, '@' and '_' after it: a bank that lists folder by
// folder gets this wrong easily. In the order of the whole key:
const std::vector<std::string>& OrderedKeys() {
  static const std::vector<std::string> keys{
      "A",    "a-",   "a-b-c/d", "a-b/c", "a-b/c-d", "a-b0",    "a.",      "a.b/c", "a/-",
      "a/-.", "a/a",  "a/b-c",   "a/b.c", "a/b/c",   "a/b/d-e", "a/b/d/e", "a/b0",  "a/z",
      "a0",   "a@2F", "aB",      "a_b",   "ab",      "b/a",     "b0/a",    "z"};
  return keys;
}

Status PutAll(const BankCheckArea& area) {
  std::vector<std::string> shuffled = OrderedKeys();
  // Any order but the right one.
  std::sort(shuffled.begin(), shuffled.end(), [](const std::string& a, const std::string& b) {
    return std::string(a.rbegin(), a.rend()) < std::string(b.rbegin(), b.rend());
  });
  for (const std::string& key : shuffled) {
    HOLDFAST_RETURN_IF_ERROR(area.section.PutBytes(key, key));
  }
  return Ok();
}

std::vector<std::string> Reversed(std::vector<std::string> keys) {
  std::reverse(keys.begin(), keys.end());
  return keys;
}

ListOptions Backwards() {
  ListOptions options;
  options.direction = ListDirection::kDescending;
  return options;
}

Status ListsAreOrderedByTheWholeKey(const BankCheckArea& area) {
  HOLDFAST_RETURN_IF_ERROR(ExpectList(area, {}, {}));
  HOLDFAST_RETURN_IF_ERROR(PutAll(area));
  HOLDFAST_RETURN_IF_ERROR(ExpectList(area, {}, OrderedKeys()));
  HOLDFAST_RETURN_IF_ERROR(ExpectList(area, {}, OrderedKeys()));
  return ExpectList(area, Backwards(), Reversed(OrderedKeys()));
}

Status PagesJoinToTheWholeList(const BankCheckArea& area) {
  HOLDFAST_RETURN_IF_ERROR(PutAll(area));
  HOLDFAST_RETURN_IF_ERROR(ExpectList(area, {}, OrderedKeys()));
  for (const ListDirection direction : {ListDirection::kAscending, ListDirection::kDescending}) {
    const std::vector<std::string> whole =
        direction == ListDirection::kAscending ? OrderedKeys() : Reversed(OrderedKeys());
    for (const std::size_t limit : {1U, 2U, 3U, 7U, 25U, 26U, 27U}) {
      ListOptions options;
      options.direction = direction;
      options.limit = limit;
      for (std::size_t from = 0; from <= whole.size(); from += limit) {
        const std::size_t to = std::min(from + limit, whole.size());
        HOLDFAST_RETURN_IF_ERROR(ExpectList(area, options,
                                            {whole.begin() + static_cast<std::ptrdiff_t>(from),
                                             whole.begin() + static_cast<std::ptrdiff_t>(to)}));
        if (to == whole.size()) break;
        options.marker = whole[to - 1];
      }
    }
  }
  return Ok();
}

// Prefixes end anywhere in a key, and markers need not exist.
Status PrefixesAndMarkersAreBytes(const BankCheckArea& area) {
  HOLDFAST_RETURN_IF_ERROR(PutAll(area));
  HOLDFAST_RETURN_IF_ERROR(ExpectList(area, {}, OrderedKeys()));
  for (const ListDirection direction : {ListDirection::kAscending, ListDirection::kDescending}) {
    const bool ascending = direction == ListDirection::kAscending;
    for (const std::string_view prefix : {"", "a", "a-", "a-b", "a/", "a/b", "a/b/", "a/b/d", "aB",
                                          "b", "b0/a", "none", "a/none/", "z/"}) {
      for (const std::string_view marker :
           {"", "0", "A", "a", "a-b", "a-b/", "a/", "a/b", "a/b/c", "a/b/c/d", "a/b/d", "a/zz",
            "a0", "b", "c/d/e", "z", "zz"}) {
        std::vector<std::string> expected;
        for (const std::string& key : ascending ? OrderedKeys() : Reversed(OrderedKeys())) {
          const bool behind = marker.empty() || (ascending ? key > marker : key < marker);
          if (behind && key.starts_with(prefix)) expected.push_back(key);
        }
        ListOptions options;
        options.direction = direction;
        options.prefix = std::string(prefix);
        options.marker = std::string(marker);
        // A marker that ends in '/' is no key, but bytes.
        HOLDFAST_RETURN_IF_ERROR(ExpectList(area, options, expected));
      }
    }
  }
  return Ok();
}

Status LimitsOfAPageAreChecked(const BankCheckArea& area) {
  for (const std::size_t limit : {0U, 10'001U}) {
    ListOptions options;
    options.limit = limit;
    HOLDFAST_RETURN_IF_ERROR(ExpectCode(Page(area.section, options), ErrorCode::kInvalidInput,
                                        fmt::format("a page of {} objects", limit)));
  }
  ListOptions largest;
  largest.limit = 10'000;
  return ExpectList(area, largest, {});
}

constexpr int kWriters = 16;

// The pages of a whole listing, joined.
Result<std::vector<std::string>> AllPages(const BankSection& section, ListOptions options) {
  options.limit = 10'000;
  std::vector<std::string> all;
  while (true) {
    HOLDFAST_ASSIGN_OR_RETURN(std::vector<std::string> page, Page(section, options));
    if (page.empty()) return all;
    options.marker = page.back();
    std::move(page.begin(), page.end(), std::back_inserter(all));
  }
}

// Longer than a server lists at once: Swift 10,000 names, S3 1,000.
Status ALongListingIsWhole(const BankCheckArea& area) {
  std::vector<std::string> keys;
  for (std::size_t n = 0; n < area.options.listed_objects; ++n) {
    keys.push_back(fmt::format("long/{:07}", n));
  }
  Status written = AtOnce(kWriters, [&](int writer) -> Status {
    for (std::size_t n = static_cast<std::size_t>(writer); n < keys.size(); n += kWriters) {
      HOLDFAST_RETURN_IF_ERROR(area.section.PutBytes(keys[n], ""));
    }
    return Ok();
  });
  HOLDFAST_RETURN_IF_ERROR(std::move(written));
  const auto end = std::chrono::steady_clock::now() + area.options.list_lag;
  for (const ListDirection direction : {ListDirection::kAscending, ListDirection::kDescending}) {
    const bool ascending = direction == ListDirection::kAscending;
    const std::vector<std::string> expected = ascending ? keys : Reversed(keys);
    ListOptions options;
    options.direction = direction;
    while (true) {
      HOLDFAST_ASSIGN_OR_RETURN(const std::vector<std::string> listed,
                                AllPages(area.section, options));
      if (listed == expected) break;
      if (std::chrono::steady_clock::now() >= end) {
        const auto differs =
            std::mismatch(listed.begin(), listed.end(), expected.begin(), expected.end());
        return Violation(fmt::format(
            "an {} listing of {} objects has {}; where it should show '{}' it shows '{}'",
            ascending ? "ascending" : "descending", expected.size(), listed.size(),
            differs.second == expected.end() ? "its end" : *differs.second,
            differs.first == listed.end() ? "its end" : *differs.first));
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }
  return Ok();
}

Status ListsTellTheSize(const BankCheckArea& area) {
  HOLDFAST_RETURN_IF_ERROR(area.section.PutBytes("empty", ""));
  HOLDFAST_RETURN_IF_ERROR(area.section.PutBytes("many", Noise(12'345, 5)));
  HOLDFAST_RETURN_IF_ERROR(ExpectList(area, {}, {"empty", "many"}));
  ListOptions options;
  options.prefix = area.section.prefix() + "/";
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<ObjectInfo> page, area.section.bank().List(options));
  for (const ObjectInfo& listed : page) {
    HOLDFAST_ASSIGN_OR_RETURN(const ObjectInfo info, area.section.bank().Stat(listed.key));
    const std::uint64_t expected = listed.key.str().ends_with("/many") ? 12'345 : 0;
    if (listed.size != expected || info.size != expected) {
      return Violation(fmt::format("'{}' has {} bytes in a listing and {} in stat; {} were written",
                                   listed.key.str(), listed.size, info.size, expected));
    }
  }
  return Ok();
}

Status TheLastKeyOfASeriesIsFound(const BankCheckArea& area) {
  HOLDFAST_RETURN_IF_ERROR(
      ExpectCode(area.section.Last("state/"), ErrorCode::kNotFound, "the last of no keys"));
  for (int n = 1; n <= 12; ++n) {
    HOLDFAST_RETURN_IF_ERROR(area.section.PutBytes(fmt::format("state/{:06}", n), "x"));
  }
  ListOptions options = Backwards();
  options.prefix = "state/";
  options.limit = 1;
  HOLDFAST_RETURN_IF_ERROR(ExpectList(area, options, {"state/000012"}));
  HOLDFAST_ASSIGN_OR_RETURN(const std::string last, area.section.Last("state/"));
  if (last != "state/000012") return Violation("the last key is said to be " + last);
  return Ok();
}

#define HOLDFAST_BANK_CHECK(name) \
  BankCheck { #name, name }

constexpr std::array kChecks{
    HOLDFAST_BANK_CHECK(ListsAreOrderedByTheWholeKey),
    HOLDFAST_BANK_CHECK(PagesJoinToTheWholeList),
    HOLDFAST_BANK_CHECK(PrefixesAndMarkersAreBytes),
    HOLDFAST_BANK_CHECK(LimitsOfAPageAreChecked),
    HOLDFAST_BANK_CHECK(ListsTellTheSize),
    HOLDFAST_BANK_CHECK(ALongListingIsWhole),
    HOLDFAST_BANK_CHECK(TheLastKeyOfASeriesIsFound),
};

}  // namespace

std::span<const BankCheck> ListingChecks() { return kChecks; }

}  // namespace holdfast::banks::conformance
