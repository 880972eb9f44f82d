#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "plugins/sdk/clock.h"
#include "plugins/sdk/result.h"
#include "runtime/store/record.h"

namespace holdfast::runtime {

// That somebody wants a checkpoint kept: no rule of retention and no deletion takes it. What was said
// stands in a numbered series pin/<n> below the record, of which the last one counts: objects never
// change.

// A reason is one line for people.
inline constexpr std::size_t kLongestPinReason = 500;

struct Pin {
  std::string by;  // "root@host"
  std::string reason;
  WallTime time;
  // Why the last object cannot be read; empty: it was. Such a checkpoint counts as pinned, until
  // somebody says again what it is.
  std::string damage;

  // "by root@host on 2026-11-29T02:00:00.000Z: before the move", for people.
  std::string str() const;
};

// nullopt: it is not pinned.
Result<std::optional<Pin>> ReadPin(const Record& checkpoint);

// Says that it is pinned. One that is already, with the same reason, stays as it is. kNotFound where
// there is no such checkpoint, kInvalidInput for one that is deleted or a reason that is no line of
// text, kLocked where a deletion has begun: of a pin and a deletion that come at once at least one
// sees the other (CheckNotPinned).
Status PinCheckpoint(const Record& checkpoint, std::string_view by, std::string_view reason,
                     WallTime now);
// Says that it is not. False: it was not.
Result<bool> UnpinCheckpoint(const Record& checkpoint, std::string_view by, WallTime now);

// For who is about to delete it, and has a marker there that says so: PinnedError where it is pinned.
Status CheckNotPinned(const Record& checkpoint);
// That a checkpoint cannot be deleted (kInvalidInput), and what lets it go.
Error PinnedError(std::string_view checkpoint, const Pin& pin);

}  // namespace holdfast::runtime
