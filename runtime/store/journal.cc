#include "runtime/store/journal.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "plugins/sdk/text.h"
#include "runtime/store/layout.h"
#include "runtime/store/sealed_member.h"
#include "runtime/store/stored_object.h"

namespace holdfast::runtime {
namespace {

const Formats kIntentFormats{1, kSealedFormat};
const Formats kResultFormats{1, kSealedFormat};

constexpr std::array<std::string_view, 4> kOutcomeNames{"succeeded", "failed", "omitted",
                                                        "half-done"};

int Weight(const ActivityOutcome& outcome) {
  if (outcome.final()) return 2;
  return outcome.outcome == Outcome::kHalfDone ? 1 : 0;
}

// Tells what is encrypted of one outcome from that of the others in its object.
std::string WhereOf(const ActivityOutcome& outcome) {
  return fmt::format("{} {} {}", outcome.resource.str(), NameOf(outcome.kind), outcome.epoch);
}

Result<Value> ToValue(const ActivityOutcome& outcome, const BankSection& record,
                      std::string_view key) {
  Value value = ResourceKeyToValue(outcome.resource);
  value.Set("activity", NameOf(outcome.kind))
      .Set("epoch", outcome.epoch)
      .Set("outcome", NameOf(outcome.outcome))
      .Set("started", FormatTime(outcome.started))
      .Set("ended", FormatTime(outcome.ended))
      .Set("by", outcome.by);
  const std::string where = WhereOf(outcome);
  if (!outcome.reason.empty()) value.Set("reason", outcome.reason);
  if (!outcome.error.empty())
    HOLDFAST_RETURN_IF_ERROR(SetSealed(value, "error", outcome.error, record, key, where));
  HOLDFAST_RETURN_IF_ERROR(SetWarnings(value, outcome.warnings, record, key, where));
  if (!outcome.streams.is_null()) value.Set("streams", outcome.streams);
  if (!outcome.raw.is_null()) value.Set("raw", outcome.raw);
  if (!outcome.saved.is_null())
    HOLDFAST_RETURN_IF_ERROR(SetSealed(value, "saved", outcome.saved, record, key, where));
  if (!outcome.point_in_time.empty()) value.Set("point_in_time", outcome.point_in_time);
  if (outcome.sample) {
    value.Set("sample", Value().Set("read", outcome.sample->read).Set("of", outcome.sample->of));
  }
  return value;
}

Result<ActivityKind> KindMember(const Value& value, std::string_view key) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string name, TextMember(value, "activity", key));
  const auto kind = ParseActivityKind(name);
  if (!kind) return Corrupt(fmt::format("the object {} has an unknown activity '{}'", key, name));
  return *kind;
}

Result<ActivityOutcome> OutcomeFromValue(const Value& value, const BankSection& record,
                                         std::string_view key, std::string_view attempt) {
  ActivityOutcome outcome;
  HOLDFAST_ASSIGN_OR_RETURN(outcome.resource, ResourceKeyFromValue(value, key));
  HOLDFAST_ASSIGN_OR_RETURN(outcome.kind, KindMember(value, key));
  HOLDFAST_ASSIGN_OR_RETURN(outcome.epoch, NumberMember(value, "epoch", key));
  HOLDFAST_ASSIGN_OR_RETURN(const std::string name, TextMember(value, "outcome", key));
  bool known = false;
  for (std::size_t i = 0; i < kOutcomeNames.size(); ++i) {
    if (kOutcomeNames[i] != name) continue;
    outcome.outcome = static_cast<Outcome>(i);
    known = true;
  }
  if (!known) return Corrupt(fmt::format("the object {} has an unknown outcome '{}'", key, name));
  HOLDFAST_ASSIGN_OR_RETURN(outcome.started, TimeMember(value, "started", key));
  HOLDFAST_ASSIGN_OR_RETURN(outcome.ended, TimeMember(value, "ended", key));
  outcome.by = value.StringOr("by", "");
  outcome.reason = value.StringOr("reason", "");
  const std::string where = WhereOf(outcome);
  HOLDFAST_ASSIGN_OR_RETURN(outcome.error, ReadSealedText(value, "error", record, key, where));
  outcome.point_in_time = value.StringOr("point_in_time", "");
  HOLDFAST_ASSIGN_OR_RETURN(outcome.warnings, WarningsOf(value, record, key, where));
  if (const Value* streams = value.Find("streams"); streams != nullptr) outcome.streams = *streams;
  if (const Value* raw = value.Find("raw"); raw != nullptr) outcome.raw = *raw;
  if (auto saved = ReadSealed(value, "saved", record, key, where); saved) {
    if (*saved) outcome.saved = std::move(**saved);
  } else if (saved.error().code() == ErrorCode::kDenied) {
    outcome.saved_closed = std::move(saved).error();
  } else {
    return std::move(saved).error();
  }
  if (const Value* sample = value.Find("sample"); sample != nullptr) {
    outcome.sample.emplace();
    HOLDFAST_ASSIGN_OR_RETURN(outcome.sample->read, NumberMember(*sample, "read", key));
    HOLDFAST_ASSIGN_OR_RETURN(outcome.sample->of, NumberMember(*sample, "of", key));
  }
  outcome.attempt = std::string(attempt);
  return outcome;
}

Result<Value> OutcomesToValue(const std::vector<ActivityOutcome>& outcomes,
                              const BankSection& record, std::string_view key) {
  Value::List list;
  for (const ActivityOutcome& outcome : outcomes) {
    HOLDFAST_ASSIGN_OR_RETURN(Value value, ToValue(outcome, record, key));
    list.push_back(std::move(value));
  }
  return Value(std::move(list));
}

Status ReadOutcomes(const Value& object, const BankSection& record, std::string_view key,
                    std::string_view attempt, std::vector<ActivityOutcome>& out) {
  const Value* list = object.Find("activities");
  if (list == nullptr || !list->is_list()) {
    return Corrupt(fmt::format("the object {} lacks the list 'activities'", key));
  }
  for (const Value& value : list->AsList()) {
    HOLDFAST_ASSIGN_OR_RETURN(auto outcome, OutcomeFromValue(value, record, key, attempt));
    out.push_back(std::move(outcome));
  }
  return Ok();
}

Result<Attempt> ReadAttempt(const BankSection& record, std::string_view step, Claim claim) {
  Attempt attempt;
  attempt.claim = std::move(claim);
  const std::string prefix = AttemptPrefix(step, attempt.claim.attempt);
  const std::string key = prefix + "/result";
  HOLDFAST_ASSIGN_OR_RETURN(const auto value, ReadObject(record, key, kResultFormats));
  if (value) {
    // An older build did not say whose it is.
    const std::string of_step = value->StringOr("step", step);
    const std::string of_attempt = value->StringOr("attempt", attempt.claim.attempt);
    if (of_step != step || of_attempt != attempt.claim.attempt) {
      return Corrupt(
          fmt::format("the object {} is of attempt {} of step {}: it was copied or moved "
                      "there",
                      key, Printable(of_attempt), Printable(of_step)));
    }
    AttemptResult result;
    HOLDFAST_ASSIGN_OR_RETURN(result.run, TextMember(*value, "run", key));
    HOLDFAST_ASSIGN_OR_RETURN(result.token, NumberMember(*value, "token", key));
    HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t exit_code,
                              NumberMember(*value, "exit_code", key));
    result.exit_code = static_cast<int>(exit_code);
    result.clean = value->BoolOr("clean", false);
    result.how = value->StringOr("how", "");
    HOLDFAST_ASSIGN_OR_RETURN(result.why, ReadSealedText(*value, "why", record, key));
    HOLDFAST_ASSIGN_OR_RETURN(result.started, TimeMember(*value, "started", key));
    HOLDFAST_ASSIGN_OR_RETURN(result.ended, TimeMember(*value, "ended", key));
    HOLDFAST_RETURN_IF_ERROR(
        ReadOutcomes(*value, record, key, attempt.claim.attempt, result.outcomes));
    attempt.outcomes = result.outcomes;
    attempt.result = std::move(result);
    return attempt;
  }
  for (std::uint64_t number = 1;; ++number) {
    const std::string outcome_key = prefix + "/outcome-" + NumberPart(number);
    HOLDFAST_ASSIGN_OR_RETURN(const auto object, ReadObject(record, outcome_key, kResultFormats));
    if (!object) return attempt;
    HOLDFAST_RETURN_IF_ERROR(
        ReadOutcomes(*object, record, outcome_key, attempt.claim.attempt, attempt.outcomes));
  }
}

}  // namespace

std::string_view NameOf(Outcome outcome) {
  return kOutcomeNames[static_cast<std::size_t>(outcome)];
}

const ActivityOutcome* StepJournal::Find(const ResourceKey& resource, ActivityKind kind,
                                         std::uint64_t epoch) const {
  const ActivityOutcome* found = nullptr;
  for (const Attempt& attempt : attempts) {
    for (const ActivityOutcome& outcome : attempt.outcomes) {
      if (outcome.kind != kind || outcome.epoch != epoch || outcome.resource != resource) continue;
      if (found == nullptr || Weight(outcome) >= Weight(*found)) found = &outcome;
    }
  }
  return found;
}

const Claim* StepJournal::OpenClaim() const {
  if (attempts.empty() || attempts.back().result) return nullptr;
  return &attempts.back().claim;
}

const AttemptResult* StepJournal::LastResult() const {
  for (auto at = attempts.rbegin(); at != attempts.rend(); ++at) {
    if (at->result) return &*at->result;
  }
  return nullptr;
}

std::string StepJournal::WhyItFailed(std::string_view run) const {
  // A resume has attempts of other runs before its own.
  const auto last = std::find_if(attempts.rbegin(), attempts.rend(), [run](const Attempt& attempt) {
    return attempt.claim.run == run;
  });
  if (last == attempts.rend()) return "";
  for (const ActivityOutcome& outcome : last->outcomes) {
    if (!outcome.error.empty()) return outcome.error;
  }
  if (!last->result) return "";
  return last->result->how == "timed-out" ? "it took longer than activity_timeout"
                                          : last->result->why;
}

Result<StepJournal> ReadStepJournal(const BankSection& record, std::string_view step) {
  StepJournal journal;
  HOLDFAST_ASSIGN_OR_RETURN(std::vector<Claim> claims, ReadClaims(record, step));
  for (Claim& claim : claims) {
    HOLDFAST_ASSIGN_OR_RETURN(Attempt attempt, ReadAttempt(record, step, std::move(claim)));
    journal.attempts.push_back(std::move(attempt));
  }
  return journal;
}

Result<std::vector<Intent>> ReadIntents(const BankSection& record, std::string_view step,
                                        std::string_view attempt) {
  std::vector<Intent> intents;
  const std::string prefix = AttemptPrefix(step, attempt) + "/intent-";
  for (std::uint64_t number = 1;; ++number) {
    const std::string key = prefix + NumberPart(number);
    HOLDFAST_ASSIGN_OR_RETURN(const auto value, ReadObject(record, key, kIntentFormats));
    if (!value) return intents;
    Intent intent;
    HOLDFAST_ASSIGN_OR_RETURN(intent.resource, ResourceKeyFromValue(*value, key));
    HOLDFAST_ASSIGN_OR_RETURN(intent.kind, KindMember(*value, key));
    HOLDFAST_ASSIGN_OR_RETURN(intent.epoch, NumberMember(*value, "epoch", key));
    if (auto entries = ReadSealed(*value, "entries", record, key); entries) {
      if (*entries) intent.entries = std::move(**entries);
    } else if (entries.error().code() == ErrorCode::kDenied) {
      // Who asks only whether something was begun needs no key.
      intent.closed = std::move(entries).error();
    } else {
      return std::move(entries).error();
    }
    intents.push_back(std::move(intent));
  }
}

Status WriteIntent(const BankSection& record, std::string_view step, std::string_view attempt,
                   std::uint64_t number, const Intent& intent) {
  const std::string key = AttemptPrefix(step, attempt) + "/intent-" + NumberPart(number);
  Value value = ResourceKeyToValue(intent.resource);
  value.Set("activity", NameOf(intent.kind)).Set("epoch", intent.epoch);
  HOLDFAST_RETURN_IF_ERROR(SetSealed(value, "entries", intent.entries, record, key));
  HOLDFAST_ASSIGN_OR_RETURN(const std::string bytes,
                            DumpObject(std::move(value), FormatFor(record)));
  return record.PutBytes(key, bytes);
}

Status WriteOutcomes(const BankSection& record, std::string_view step, std::string_view attempt,
                     std::uint64_t number, const std::vector<ActivityOutcome>& outcomes) {
  const std::string key = AttemptPrefix(step, attempt) + "/outcome-" + NumberPart(number);
  HOLDFAST_ASSIGN_OR_RETURN(Value list, OutcomesToValue(outcomes, record, key));
  HOLDFAST_ASSIGN_OR_RETURN(
      const std::string bytes,
      DumpObject(Value().Set("activities", std::move(list)), FormatFor(record)));
  return record.PutBytes(key, bytes);
}

Status WriteResult(const BankSection& record, std::string_view step, std::string_view attempt,
                   const AttemptResult& result) {
  const std::string key = AttemptPrefix(step, attempt) + "/result";
  HOLDFAST_ASSIGN_OR_RETURN(Value list, OutcomesToValue(result.outcomes, record, key));
  Value value = Value()
                    .Set("step", step)
                    .Set("attempt", attempt)
                    .Set("run", result.run)
                    .Set("token", result.token)
                    .Set("exit_code", result.exit_code)
                    .Set("clean", result.clean)
                    .Set("how", result.how)
                    .Set("started", FormatTime(result.started))
                    .Set("ended", FormatTime(result.ended))
                    .Set("activities", std::move(list));
  if (!result.why.empty())
    HOLDFAST_RETURN_IF_ERROR(SetSealed(value, "why", result.why, record, key));
  HOLDFAST_ASSIGN_OR_RETURN(const std::string bytes,
                            DumpObject(std::move(value), FormatFor(record)));
  return record.PutBytes(key, bytes);
}

}  // namespace holdfast::runtime
