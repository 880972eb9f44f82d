#include "runtime/store/pin.h"

#include <fmt/format.h>

#include <utility>

#include "plugins/sdk/text.h"
#include "runtime/store/layout.h"
#include "runtime/store/stored_object.h"

namespace holdfast::runtime {
namespace {

constexpr int kFormat = 1;

// The last of the series: its number (0: there is none), and what it says.
struct LastPin {
  std::uint64_t number = 0;
  std::optional<Pin> pin;
};

Result<std::optional<Pin>> PinOf(const Value& value, const std::string& key) {
  const Value* const pinned = value.Find("pinned");
  if (pinned == nullptr || !pinned->is_bool())
    return Corrupt(fmt::format("the object {} does not say whether it is pinned", key));
  if (!pinned->AsBool()) return std::optional<Pin>();
  Pin pin;
  HOLDFAST_ASSIGN_OR_RETURN(pin.time, TimeMember(value, "time", key));
  pin.by = value.StringOr("by", "");
  pin.reason = value.StringOr("reason", "");
  return std::optional<Pin>(std::move(pin));
}

// Read upwards, as states are: a listing may lag.
Result<LastPin> ReadLast(const Record& checkpoint) {
  const BankSection& section = checkpoint.section();
  LastPin last;
  DamagedInARow damaged_ones;
  while (true) {
    const std::string below = PinPrefix() + NumberPart(last.number + 1);
    const std::string key = section.prefix() + "/" + below;
    const auto value = ReadRecordObject(section, below, kFormat);
    if (value && !*value) return last;
    ++last.number;
    auto pin = value ? PinOf(**value, key) : Result<std::optional<Pin>>(value.error());
    if (pin) {
      damaged_ones.Reset();
      last.pin = std::move(*pin);
      continue;
    }
    if (!IsDamage(pin.error())) return std::move(pin).error();
    HOLDFAST_RETURN_IF_ERROR(damaged_ones.Add(pin.error()));
    last.pin.emplace();
    last.pin->damage = pin.error().OneLine();
  }
}

Status Add(const Record& checkpoint, bool pinned, std::string_view by, std::string_view reason,
           WallTime now) {
  constexpr int kTries = 5;
  Value value = Value().Set("pinned", pinned).Set("time", FormatTime(now)).Set("by", by);
  if (!reason.empty()) value.Set("reason", reason);
  HOLDFAST_ASSIGN_OR_RETURN(const std::string bytes,
                            DumpRecordObject(checkpoint.section(), std::move(value), kFormat));
  for (int i = 0; i < kTries; ++i) {
    HOLDFAST_ASSIGN_OR_RETURN(const LastPin last, ReadLast(checkpoint));
    Status created = checkpoint.section().CreateExclusive(PinPrefix() + NumberPart(last.number + 1),
                                                          bytes, Settling::kWait);
    if (created || created.error().code() != ErrorCode::kConflict) return created;
  }
  return Unavailable(fmt::format("somebody else pins and unpins checkpoint {} all the time",
                                 Printable(checkpoint.id())));
}

Status CheckReason(std::string_view reason) {
  if (reason.size() > kLongestPinReason) {
    return InvalidInput(fmt::format("the reason of a pin has at most {} bytes, not {}",
                                    kLongestPinReason, reason.size()));
  }
  if (Printable(reason) != reason)
    return InvalidInput("the reason of a pin is one line of text: '" + Printable(reason) + "'");
  return Ok();
}

Error BeingDeleted(const Record& checkpoint) {
  return Error(ErrorCode::kLocked, fmt::format("checkpoint {} is being deleted: it cannot be "
                                               "pinned any more",
                                               Printable(checkpoint.id())));
}

enum class BeingDeletedIs { kAnError, kNoMatter };

Status CheckThere(const Record& checkpoint, BeingDeletedIs being_deleted) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto states, checkpoint.ReadableStates());
  if (states.empty()) {
    return NotFound("there is no checkpoint " + Printable(checkpoint.id()))
        .Hint("holdfast checkpoints list");
  }
  if (!states.back().damage.empty()) return Ok();
  if (states.back().state == RecordState::kDeleted)
    return NotFound("the checkpoint " + Printable(checkpoint.id()) + " was deleted");
  if (states.back().state == RecordState::kDeleting && being_deleted == BeingDeletedIs::kAnError)
    return BeingDeleted(checkpoint);
  return Ok();
}

}  // namespace

std::string Pin::str() const {
  if (!damage.empty()) return "perhaps; what says it is damaged: " + damage;
  return fmt::format("by {} on {}{}", Printable(by), FormatTime(time),
                     reason.empty() ? "" : ": " + Printable(reason));
}

Result<std::optional<Pin>> ReadPin(const Record& checkpoint) {
  HOLDFAST_ASSIGN_OR_RETURN(LastPin last, ReadLast(checkpoint));
  return std::move(last.pin);
}

Status PinCheckpoint(const Record& checkpoint, std::string_view by, std::string_view reason,
                     WallTime now) {
  HOLDFAST_RETURN_IF_ERROR(CheckReason(reason));
  HOLDFAST_RETURN_IF_ERROR(CheckThere(checkpoint, BeingDeletedIs::kAnError));
  HOLDFAST_ASSIGN_OR_RETURN(const auto pin, ReadPin(checkpoint));
  if (!pin || !pin->damage.empty() || pin->reason != reason)
    HOLDFAST_RETURN_IF_ERROR(Add(checkpoint, true, by, reason, now));
  // First the pin, then the look: a deletion's begin does it the other way round, so that one of the
  // two sees the other. Should both, the pin stays and says what was meant.
  HOLDFAST_ASSIGN_OR_RETURN(const auto deletion, DeletionOf(checkpoint.tenant(), checkpoint.id()));
  if (!deletion) return CheckThere(checkpoint, BeingDeletedIs::kAnError);
  return BeingDeleted(checkpoint)
      .Hint(
          "if that deletion did not begin, 'holdfast checkpoints show' says that it is pinned all "
          "the "
          "same");
}

Result<bool> UnpinCheckpoint(const Record& checkpoint, std::string_view by, WallTime now) {
  // A pin that was too late stays: it is let go of as any other.
  HOLDFAST_RETURN_IF_ERROR(CheckThere(checkpoint, BeingDeletedIs::kNoMatter));
  HOLDFAST_ASSIGN_OR_RETURN(const auto pin, ReadPin(checkpoint));
  if (!pin) return false;
  HOLDFAST_RETURN_IF_ERROR(Add(checkpoint, false, by, "", now));
  return true;
}

Status CheckNotPinned(const Record& checkpoint) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto pin, ReadPin(checkpoint));
  if (!pin) return Ok();
  return PinnedError(checkpoint.id(), *pin);
}

Error PinnedError(std::string_view checkpoint, const Pin& pin) {
  return InvalidInput(fmt::format("checkpoint {} is pinned {}", Printable(checkpoint), pin.str()))
      .Hint(fmt::format("'holdfast checkpoints unpin {}' lets it go", Printable(checkpoint)));
}

}  // namespace holdfast::runtime
