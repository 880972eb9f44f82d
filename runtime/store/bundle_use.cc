#include "runtime/store/bundle_use.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "plugins/sdk/json.h"
#include "runtime/store/claim.h"
#include "runtime/store/layout.h"

namespace holdfast::runtime {
namespace {

std::string HeadKey(std::string_view sha256) { return BundlePrefix(sha256) + "/bundle.json"; }
std::string UsedKey(std::string_view sha256) { return BundlePrefix(sha256) + "/used"; }
std::string GoingKey(std::string_view sha256) { return BundlePrefix(sha256) + "/going"; }

// When the object was written, by the bank; nullopt: there is none.
Result<std::optional<WallTime>> WrittenAt(const BankSection& tenant, const std::string& key) {
  const auto info = tenant.Stat(key);
  if (info) return std::optional<WallTime>(info->written);
  if (info.error().code() == ErrorCode::kNotFound) return std::optional<WallTime>();
  return info.error();
}

// What a mark says; empty: there is none.
Result<std::string> TextOf(const BankSection& tenant, const std::string& key) {
  auto text = tenant.GetBytes(key);
  if (!text && text.error().code() == ErrorCode::kNotFound) return std::string();
  return text;
}

// Is the mark of a process that is gone for sure?
bool IsOfDead(const std::string& text, const std::string& key) {
  const auto holder = ParseJson(text, key);
  return holder && holder->is_map() && IsGone(OwnProcessIdentity(), HolderFromValue(*holder));
}

// A bundle that this gc has marked.
struct Going {
  std::string sha256;
  std::string text;  // that of no other mark
  WallTime marked;   // by the bank
  // Before that, by both clocks: one may stand still while a machine is suspended, and the other one may be set.
  SteadyTime since;
  WallTime since_wall;
};

class Remover {
 public:
  Remover(const BankSection& tenant, const Clock& clock, std::chrono::seconds min_age)
      : tenant_(tenant), clock_(clock), min_age_(min_age) {}

  // False: another gc has it.
  Result<bool> Mark(const std::string& sha256) {
    const std::string key = GoingKey(sha256);
    HOLDFAST_ASSIGN_OR_RETURN(
        const std::string by,
        DumpJson(HolderToValue(OwnProcessIdentity()).Set("mark", NewAttemptId(1))));
    const SteadyTime since = clock_.Steady();
    const WallTime since_wall = clock_.Now();
    Status created = tenant_.CreateExclusive(key, by);
    if (!created && created.error().code() == ErrorCode::kConflict) {
      HOLDFAST_ASSIGN_OR_RETURN(const std::string text, TextOf(tenant_, key));
      HOLDFAST_ASSIGN_OR_RETURN(const auto theirs, WrittenAt(tenant_, key));
      // A clock that is wrong by as much as kGoingExpiry is longer than kLongestRemoval does no harm.
      const bool over = theirs && *theirs + kGoingExpiry <= clock_.Now();
      if (text.empty() || !theirs || (!over && !IsOfDead(text, key))) return false;
      HOLDFAST_ASSIGN_OR_RETURN(const std::string still, TextOf(tenant_, key));
      if (still != text) return false;
      // Of several that do so at once the last one has it, and there is a mark all the while.
      created = tenant_.Replace(key, by);
    }
    if (!created) return std::move(created).error();
    marked_.push_back({sha256, by, {}, since, since_wall});
    HOLDFAST_ASSIGN_OR_RETURN(const auto marked, WrittenAt(tenant_, key));
    if (!marked) return Corrupt(fmt::format("{}/{} is gone again", tenant_.prefix(), key));
    marked_.back().marked = *marked;
    return true;
  }

  // Whether it may go now, as far as its own objects say.
  Result<bool> IsOutOfUse(const Going& going) const {
    HOLDFAST_ASSIGN_OR_RETURN(const bool published, tenant_.Exists(PublishedKey(going.sha256)));
    if (published) return false;
    HOLDFAST_ASSIGN_OR_RETURN(const auto used, WrittenAt(tenant_, UsedKey(going.sha256)));
    const std::chrono::seconds use_begins = kUseBegins;
    if (used && *used + std::max(min_age_, use_begins) > going.marked) return false;
    HOLDFAST_ASSIGN_OR_RETURN(const auto head, WrittenAt(tenant_, HeadKey(going.sha256)));
    return !head || *head + min_age_ <= going.marked;
  }

  bool IsInTime(const Going& going) const {
    return clock_.Steady() - going.since < kLongestRemoval &&
           clock_.Now() - going.since_wall < kLongestRemoval;
  }

  // It may be somebody else's by now, and the bundle with it.
  Result<bool> HasIt(const Going& going) const {
    if (!IsInTime(going)) return false;
    HOLDFAST_ASSIGN_OR_RETURN(const std::string text, TextOf(tenant_, GoingKey(going.sha256)));
    return text == going.text && IsInTime(going);
  }

  // False: it is not to be any more.
  Result<bool> Remove(const Going& going, const std::vector<std::string>& keys) const {
    // A bundle that has its bundle.json is whole.
    std::vector<std::string> all{HeadKey(going.sha256)};
    for (const std::string& key : keys) {
      const bool last = key == GoingKey(going.sha256) || key == UsedKey(going.sha256);
      if (!last && key != all.front()) all.push_back(key);
    }
    all.push_back(UsedKey(going.sha256));
    bool begun = false;
    for (const std::string& key : all) {
      HOLDFAST_ASSIGN_OR_RETURN(const bool has_it, HasIt(going));
      if (!has_it) return begun;
      HOLDFAST_RETURN_IF_ERROR(tenant_.DeleteIfPresent(key));
      begun = true;
    }
    return true;
  }

  const std::vector<Going>& marked() const { return marked_; }
  Status TakeBack(const Going& going) const {
    HOLDFAST_ASSIGN_OR_RETURN(const bool has_it, HasIt(going));
    if (!has_it) return Ok();
    return tenant_.DeleteIfPresent(GoingKey(going.sha256));
  }

 private:
  const BankSection& tenant_;
  const Clock& clock_;
  std::chrono::seconds min_age_;
  std::vector<Going> marked_;
};

}  // namespace

Status MarkBundleUsed(const BankSection& tenant, std::string_view sha256) {
  HOLDFAST_RETURN_IF_ERROR(tenant.Replace(UsedKey(sha256), "used\n"));
  HOLDFAST_ASSIGN_OR_RETURN(const auto going, WrittenAt(tenant, GoingKey(sha256)));
  if (!going) return Ok();
  HOLDFAST_ASSIGN_OR_RETURN(const auto now, WrittenAt(tenant, UsedKey(sha256)));
  // Of a gc that was killed: no other one goes on with that mark.
  if (now && *going + kGoingExpiry <= *now) return Ok();
  HOLDFAST_ASSIGN_OR_RETURN(const std::string text, TextOf(tenant, GoingKey(sha256)));
  if (IsOfDead(text, GoingKey(sha256))) return Ok();
  return Unavailable(fmt::format("a gc is just removing the bundle {}, which nothing named",
                                 sha256.substr(0, 12)))
      .Hint(
          "try again: 'holdfast run FILE' and 'holdfast publish FILE' put it there anew; where "
          "that gc was killed on another machine, in an hour");
}

Status RemoveBundles(const BankSection& tenant, const Clock& clock, const BundleKeys& bundles,
                     std::chrono::seconds min_age, const NamedBundles& named,
                     const std::function<void(const std::string&)>& removed) {
  Remover remover(tenant, clock, min_age);
  Status done = [&]() -> Status {
    for (const auto& [sha256, keys] : bundles) HOLDFAST_RETURN_IF_ERROR(remover.Mark(sha256));
    if (remover.marked().empty()) return Ok();
    HOLDFAST_ASSIGN_OR_RETURN(const auto names, named());
    if (!names) return Ok();
    for (const Going& going : remover.marked()) {
      if (names->contains(going.sha256)) continue;
      HOLDFAST_ASSIGN_OR_RETURN(const bool out_of_use, remover.IsOutOfUse(going));
      if (!out_of_use) continue;
      HOLDFAST_ASSIGN_OR_RETURN(const bool gone, remover.Remove(going, bundles.at(going.sha256)));
      if (gone) removed(going.sha256);
    }
    return Ok();
  }();
  for (const Going& going : remover.marked()) {
    Status taken = remover.TakeBack(going);
    if (!taken && done) done = std::move(taken);
  }
  return done;
}

}  // namespace holdfast::runtime
