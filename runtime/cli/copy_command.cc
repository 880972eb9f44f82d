// `holdfast checkpoints copy`: checkpoints of one provider, in the bank of another one as well.
#include <fmt/format.h>

#include <chrono>
#include <map>
#include <optional>
#include <utility>

#include "plugins/banks/memory/memory_bank.h"
#include "plugins/sdk/counted.h"
#include "plugins/sdk/text.h"
#include "runtime/cli/checkpoint_choice.h"
#include "runtime/cli/cluster.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/duration_option.h"
#include "runtime/cli/origin_names.h"
#include "runtime/cli/own_steps.h"
#include "runtime/copy/checkpoint_copy.h"
#include "runtime/store/listing.h"

namespace holdfast::cli {

using runtime::CopyEnd;
using runtime::CopyReport;

namespace {

Result<std::string> BankOf(Provider& provider, BankUse use) {
  HOLDFAST_ASSIGN_OR_RETURN(Bank* const bank, provider.bank(use));
  return bank->Describe();
}

// Opened once for all that is copied.
Result<runtime::CopySource> OpenSource(Session& session, const std::string& name) {
  HOLDFAST_ASSIGN_OR_RETURN(Provider* const from, session.OpenProvider(name));
  // A bank that is not there has nothing to copy, and is not made for that.
  HOLDFAST_ASSIGN_OR_RETURN(std::string bank, BankOf(*from, BankUse::kRead));
  // To be written, too, for what keeps the original from being deleted.
  HOLDFAST_ASSIGN_OR_RETURN(BankSection source,
                            from->tenant_section(SectionAccess::kWrite, BankUse::kRead));
  const runtime::StepEnvironment reader = StepEnvironmentOf(session, *from, source);
  return runtime::CopySource{std::move(source), from->config().id, from->config().name,
                             std::move(bank), reader.data};
}

// The bank that is copied to, likewise. One that is not there yet is not made to say what would be copied, nor for what is
// refused then: that is looked at against one that holds nothing.
class Target {
 public:
  Target(Session& session, Provider& provider) : session_(session), provider_(provider) {}

  Status Look() {
    auto bank = BankOf(provider_, BankUse::kRead);
    is_there_ = bank.has_value();
    if (bank) return Take(std::move(*bank));
    if (bank.error().code() != ErrorCode::kNotFound) return std::move(bank).error();
    HOLDFAST_ASSIGN_OR_RETURN(BankSection section,
                              provider_.TenantSectionOf(nothing_, SectionAccess::kWrite));
    environment_.emplace(StepEnvironmentOf(session_, provider_, std::move(section)));
    return Ok();
  }
  Status Make() {
    HOLDFAST_ASSIGN_OR_RETURN(std::string bank, BankOf(provider_, BankUse::kWrite));
    is_there_ = true;
    return Take(std::move(bank));
  }

  bool is_there() const { return is_there_; }
  const std::string& provider_name() const { return provider_.config().name; }
  // After Look. `bank`: empty where there is none.
  const runtime::StepEnvironment& environment() const { return *environment_; }
  const std::string& bank() const { return bank_; }

 private:
  Status Take(std::string bank) {
    HOLDFAST_ASSIGN_OR_RETURN(BankSection section,
                              session_.TenantSection(provider_, SectionAccess::kWrite));
    environment_.emplace(StepEnvironmentOf(session_, provider_, std::move(section)));
    bank_ = std::move(bank);
    return Ok();
  }

  Session& session_;
  Provider& provider_;
  MemoryBank nothing_;
  bool is_there_ = false;
  std::string bank_;
  std::optional<runtime::StepEnvironment> environment_;
};

// The one that is named; or, newest first, all available ones of the provider, or of one of its plans.
Result<std::vector<std::string>> WhatToCopy(Session& session, const CopyArguments& arguments,
                                            const runtime::CopySource& source) {
  if (!arguments.checkpoint.empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(
        std::string id,
        ChooseCheckpoint(session.out(), source.tenant, source.provider_id, OfOthers::kLeave,
                         {arguments.checkpoint, arguments.plan, arguments.origin},
                         session.clock().Now()));
    return std::vector<std::string>{std::move(id)};
  }
  runtime::RecordFilter filter;
  filter.plan = arguments.plan;
  filter.provider = source.provider_id;
  HOLDFAST_ASSIGN_OR_RETURN(filter.origin,
                            ChooseOrigin(source.tenant, source.provider_id, arguments.origin));
  HOLDFAST_ASSIGN_OR_RETURN(const auto found, runtime::ListCheckpoints(source.tenant, filter));
  std::vector<std::string> ids;
  // By plan and origin: what one of them makes more often takes nobody's place.
  std::map<std::pair<std::string, std::string>, std::uint32_t> taken;
  for (auto summary = found.rbegin(); summary != found.rend(); ++summary) {
    std::uint32_t& of_series = taken[{summary->plan, summary->origin_id()}];
    if (arguments.last != 0 && of_series == arguments.last) continue;
    if (!summary->damage.empty()) {
      session.out().Warn(fmt::format("checkpoint {} is not copied, for it is damaged: {}",
                                     summary->id, summary->damage));
    } else if (summary->state == runtime::RecordState::kAvailable) {
      ids.push_back(summary->id);
      ++of_series;
    }
  }
  return ids;
}

// How far it is, every so often, more often where somebody looks at it; with --json a datum.
class CopyTeller {
 public:
  CopyTeller(const Output& out, std::string checkpoint)
      : out_(out), checkpoint_(std::move(checkpoint)) {}

  void Tell(const runtime::CopyProgress& progress) {
    const auto now = std::chrono::steady_clock::now();
    const auto every = out_.terminal() ? std::chrono::seconds(5) : std::chrono::seconds(60);
    if (now - last_ < every) return;
    last_ = now;
    out_.Json("copy-progress", Value()
                                   .Set("checkpoint", checkpoint_)
                                   .Set("bytes", progress.bytes)
                                   .Set("of", progress.of)
                                   .Set("resources", progress.resources)
                                   .Set("of_resources", progress.of_resources));
    const double seconds = std::chrono::duration<double>(now - start_).count();
    out_.Say(fmt::format(
        "copying {}: {} of {}, {} of {} resources, {}/s", checkpoint_, HumanSize(progress.bytes),
        HumanSize(progress.of), progress.resources, progress.of_resources,
        HumanSize(static_cast<std::uint64_t>(static_cast<double>(progress.bytes) / seconds))));
  }
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  const Output& out_;  // Not owned; outlives this.
  const std::string checkpoint_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point last_ = start_;
};

std::string_view WordOf(CopyEnd end) {
  switch (end) {
    case CopyEnd::kCopied:
      return "copied";
    case CopyEnd::kWouldCopy:
      return "would copy";
    case CopyEnd::kIsThere:
      return "there already";
    case CopyEnd::kDeletedThere:
      return "left out";
  }
  return "";
}

void Tell(const Output& out, const std::string& id, const CopyReport& report, double seconds) {
  std::string text =
      fmt::format("{} {}, made {}", WordOf(report.end), id, FormatTime(report.created));
  Value datum = Value()
                    .Set("checkpoint", id)
                    .Set("plan", report.plan)
                    .Set("created", FormatTime(report.created))
                    .Set("outcome", WordOf(report.end))
                    .Set("resources", report.resources)
                    .Set("bytes", report.bytes);
  if (report.end == CopyEnd::kDeletedThere) text += ": it was deleted there";
  if (report.end == CopyEnd::kCopied || report.end == CopyEnd::kWouldCopy)
    text += fmt::format(": {}, {}", Counted(report.resources, "resource"), HumanSize(report.bytes));
  if (report.end == CopyEnd::kCopied) {
    text += fmt::format(", {} as stored there{}", HumanSize(report.stored),
                        report.is_encrypted ? ", encrypted" : "");
    if (report.reused != 0)
      text += fmt::format(", {} of it by an earlier copy", HumanSize(report.reused));
    text += ", in " + HumanDuration(seconds);
    datum.Set("stored_bytes", report.stored)
        .Set("reused_bytes", report.reused)
        .Set("resumed", report.resumed)
        .Set("encrypted", report.is_encrypted)
        .Set("run", report.run);
  }
  out.Json("copy", std::move(datum));
  out.Line(text);
  for (const std::string& warning : report.warnings) out.Warn(warning);
  if (report.pinned && report.end == CopyEnd::kCopied)
    out.Say("it is pinned where it came from; its copy is not: 'holdfast checkpoints pin' does it");
}

// What became of them.
struct Copies {
  std::size_t copied = 0;  // with a dry run: would be
  std::size_t there = 0;
  std::vector<std::string> deleted_there;
  std::vector<std::string> failed;
  std::vector<std::string> not_tried;
  std::optional<ExitCode> first_failure;
  bool stopped = false;  // told to, or the deadline: no further one is begun
};

Result<CopyReport> CopyTo(Target& target, runtime::CopyRequest request) {
  if (!target.is_there() && !request.dry_run) {
    runtime::CopyRequest refused = request;
    refused.dry_run = true;
    if (auto looked = runtime::CopyCheckpoint(target.environment(), refused); !looked)
      return looked;
    HOLDFAST_RETURN_IF_ERROR(target.Make());
    request.bank = target.bank();
  }
  return runtime::CopyCheckpoint(target.environment(), request);
}

Copies CopyAll(Session& session, const CopyArguments& arguments, const runtime::CopySource& source,
               Target& target, const std::vector<std::string>& ids,
               const std::optional<SteadyTime>& deadline) {
  const Output& out = session.out();
  Copies copies;
  std::optional<runtime::LastVerifications> verified;  // read once, when the first one is there
  for (const std::string& id : ids) {
    if (copies.stopped) {
      copies.not_tried.push_back(id);
      continue;
    }
    CopyTeller teller(out, id);
    runtime::CopyRequest request{id, source, target.provider_name(), target.bank(),
                                 OwnUserAtHost()};
    request.decrypt = arguments.decrypt;
    // A retention that took it there is not to fight with a copy of all.
    request.over_deleted = !arguments.checkpoint.empty();
    request.dry_run = arguments.dry_run;
    request.deadline = deadline;
    request.progress = [&teller](const auto& progress) { teller.Tell(progress); };
    request.last_verification =
        [&](const std::string& of) -> Result<std::optional<runtime::LastVerification>> {
      if (!verified) {
        HOLDFAST_ASSIGN_OR_RETURN(verified, runtime::ReadLastVerifications(
                                                target.environment().tenant,
                                                ids.size() == 1 ? of : "", session.clock().Now()));
      }
      const auto found = verified->find(of);
      return found == verified->end() ? std::nullopt : std::optional(found->second);
    };
    auto report = CopyTo(target, std::move(request));
    if (!report) {
      Error error = std::move(report).error();
      const ErrorCode code = error.code();
      if (ids.size() > 1) error = std::move(error).While("checkpoint " + id);
      const auto exit_code = static_cast<ExitCode>(out.Fail(error));
      if (!copies.first_failure) copies.first_failure = exit_code;
      copies.failed.push_back(id);
      // Whoever was told to stop, or has waited for a server long enough, does not begin with the next one.
      copies.stopped = session.cancellation().is_set() ||
                       (deadline && session.clock().Steady() >= *deadline) ||
                       code == ErrorCode::kUnavailable;
      continue;
    }
    Tell(out, id, *report, teller.seconds());
    if (report->end == CopyEnd::kIsThere)
      ++copies.there;
    else if (report->end == CopyEnd::kDeletedThere)
      copies.deleted_there.push_back(id);
    else
      ++copies.copied;
  }
  return copies;
}

void Conclude(const Output& out, const CopyArguments& arguments, const Copies& copies) {
  out.Json("copy-summary", Value()
                               .Set("dry_run", arguments.dry_run)
                               .Set("copied", copies.copied)
                               .Set("there_already", copies.there)
                               .Set("deleted_there", ListOf(copies.deleted_there))
                               .Set("failed", ListOf(copies.failed))
                               .Set("not_tried", ListOf(copies.not_tried)));
  if (!arguments.checkpoint.empty()) return;
  out.Line(fmt::format("{} {}, {} there already", arguments.dry_run ? "would copy" : "copied",
                       copies.copied, copies.there));
  if (!copies.deleted_there.empty()) {
    out.Say(fmt::format(
        "{} deleted there {} left out; named by its id, one is copied all the same: {}",
        Counted(copies.deleted_there.size(), "checkpoint"),
        copies.deleted_there.size() == 1 ? "is" : "are", Join(copies.deleted_there, ", ")));
  }
  if (!copies.failed.empty()) out.Say("not copied, as is said above: " + Join(copies.failed, ", "));
  if (!copies.not_tried.empty()) out.Say("stopped; still to copy: " + Join(copies.not_tried, ", "));
}

}  // namespace

int CopyCheckpoints(Session& session, const CopyArguments& arguments) {
  const Output& out = session.out();
  if (arguments.checkpoint.empty() == (arguments.plan.empty() && !arguments.all) ||
      (!arguments.checkpoint.empty() && arguments.all)) {
    return out.Fail(Error(ErrorCode::kUsage, "what is to be copied?")
                        .Hint("a checkpoint's id, or latest; or --plan NAME for all available ones "
                              "of a plan; or --all for all of the provider"));
  }
  if (!arguments.checkpoint.empty() && arguments.last != 0)
    return out.Fail(Error(ErrorCode::kUsage, "--last is for --plan and --all"));
  std::optional<SteadyTime> deadline;
  if (!arguments.deadline.empty()) {
    const auto duration = DurationOption("--deadline", arguments.deadline);
    if (!duration) return out.Fail(duration.error());
    deadline = session.clock().Steady() + *duration;
  }
  const CancelOnSignals signals(session);
  const auto source = OpenSource(session, arguments.provider);
  if (!source) return out.Fail(source.error());
  const auto to = session.OpenProvider(arguments.to_provider);
  if (!to) return out.Fail(to.error());
  Target target(session, **to);
  if (const Status looked = target.Look(); !looked) return out.Fail(looked.error());
  const runtime::CopyRequest any{"", *source, target.provider_name(), target.bank()};
  if (const Status other = runtime::CheckIsNoSelfCopy(target.environment(), any); !other)
    return out.Fail(other.error());
  const auto ids = WhatToCopy(session, arguments, *source);
  if (!ids) return out.Fail(ids.error());
  if (ids->empty()) out.Say("there is no available checkpoint to copy");
  const Copies copies = CopyAll(session, arguments, *source, target, *ids, deadline);
  Conclude(out, arguments, copies);
  if (const int code = signals.exit_code(); code != 0) return code;
  if (!copies.first_failure) return 0;
  // Of one its own reason; of several whether all of it is done, or may be when it is called again.
  if (!arguments.checkpoint.empty() || *copies.first_failure == ExitCode::kTryAgain)
    return static_cast<int>(*copies.first_failure);
  return static_cast<int>(ExitCode::kRunFailed);
}

}  // namespace holdfast::cli
