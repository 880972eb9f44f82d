#include <fmt/format.h>

#include "plugins/sdk/counted.h"
#include "plugins/sdk/schema.h"
#include "plugins/sdk/text.h"
#include "runtime/cli/checkpoint_choice.h"
#include "runtime/cli/cluster.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/duration_option.h"
#include "runtime/cli/own_steps.h"
#include "runtime/fsck/fsck.h"
#include "runtime/store/claim.h"

namespace holdfast::cli {

namespace {

using runtime::Finding;
using runtime::FindingKind;

constexpr auto kProgressEvery = std::chrono::seconds(10);

// What is done with it, at the head of its line.
std::string_view Head(const Finding& finding, bool dry_run) {
  switch (finding.kind) {
    case FindingKind::kDamage:
      return "DAMAGED ";
    case FindingKind::kUnchecked:
      return "UNREAD  ";
    case FindingKind::kRubbish:
      if (finding.mended) return "did     ";
      return finding.can_mend && dry_run ? "would   " : "rubbish ";
    case FindingKind::kNote:
      return "note    ";
  }
  return "note    ";
}

void Show(const Output& out, const Finding& finding, bool dry_run) {
  std::string subject;
  if (finding.record_kind)
    subject = fmt::format("{} {}", runtime::NameOf(*finding.record_kind), finding.record);
  else if (!finding.record.empty())
    subject = finding.record;
  if (finding.resource) {
    subject += (subject.empty() ? "" : ", ") + finding.resource->str();
    if (!finding.name.empty()) subject += " (" + finding.name + ")";
  }
  if (subject.empty()) subject = "bank";
  out.Line(fmt::format("{}{}: {}", Head(finding, dry_run), subject, finding.text));
  constexpr std::size_t kKeysShown = 3;
  for (std::size_t i = 0; i < finding.keys.size() && i < kKeysShown; ++i)
    out.Line("          " + finding.keys[i]);
  if (finding.keys.size() > kKeysShown)
    out.Line(fmt::format("          and {} more", finding.keys.size() - kKeysShown));
  if (!finding.to_do.empty() && !finding.mended) out.Line("          " + finding.to_do);
  Value datum = Value()
                    .Set("kind", runtime::NameOf(finding.kind))
                    .Set("what", finding.what)
                    .Set("text", Printable(finding.text))
                    .Set("to_do", Printable(finding.to_do))
                    .Set("keys", Value::List(finding.keys.begin(), finding.keys.end()))
                    .Set("mended", finding.mended)
                    .Set("dry_run", dry_run);
  if (finding.record_kind) {
    datum.Set("operation", runtime::NameOf(*finding.record_kind));
    if (*finding.record_kind == runtime::RecordKind::kCheckpoint)
      datum.Set("checkpoint", finding.record);
  }
  if (!finding.record.empty()) datum.Set("record", finding.record);
  if (finding.resource) datum.Set("resource", finding.resource->str());
  if (!finding.name.empty()) datum.Set("name", finding.name);
  out.Json("finding", std::move(datum));
}

}  // namespace

int FsckBank(Session& session, const FsckArguments& arguments) {
  const Output& out = session.out();
  const auto provider = session.OpenProvider(arguments.provider);
  if (!provider) return out.Fail(provider.error());
  // One that is not there is not made for that.
  auto tenant = (*provider)->tenant_section(SectionAccess::kWrite, BankUse::kRead);
  if (!tenant) return out.Fail(tenant.error());
  const runtime::StepEnvironment env = StepEnvironmentOf(session, **provider, std::move(*tenant));
  runtime::FsckOptions options;
  options.dry_run = arguments.dry_run;
  options.quick = arguments.quick;
  if (!arguments.checkpoint.empty()) {
    auto checkpoint =
        ChooseCheckpoint(out, env.tenant, env.provider_id, OfOthers::kTakeWhenAlone,
                         {arguments.checkpoint, "", arguments.origin}, session.clock().Now());
    if (!checkpoint) return out.Fail(checkpoint.error());
    options.checkpoint = std::move(*checkpoint);
  }
  options.run = "fsck-" + runtime::NewAttemptId(1);
  options.data = env.data;
  if (!arguments.min_age.empty()) {
    const auto age = DurationOption("--min-age", arguments.min_age);
    if (!age) return out.Fail(age.error());
    options.min_age = std::chrono::ceil<std::chrono::seconds>(*age);
  }
  SteadyTime told = session.clock().Steady();
  options.progress = [&](const runtime::FsckProgress& done) {
    const SteadyTime now = session.clock().Steady();
    if (now < told + kProgressEvery) return;
    told = now;
    out.Say(fmt::format("{} of {}, {} read", done.records, Counted(done.of, "record"),
                        HumanSize(done.bytes)));
  };
  const CancelOnSignals signals(session);
  const auto report = runtime::Fsck(env.tenant, session.clock(), options);
  if (const int code = signals.exit_code(); code != 0 && !report) {
    out.Say(arguments.dry_run ? "stopped before all was looked at: nothing is known of the rest"
                              : "stopped before all was looked at; what was removed by then is "
                                "gone, and the same command goes on with the rest");
    return code;
  }
  if (!report) return out.Fail(report.error());
  for (const Finding& finding : report->findings) Show(out, finding, arguments.dry_run);
  const std::size_t damaged = report->Count(FindingKind::kDamage);
  const std::size_t unchecked = report->Count(FindingKind::kUnchecked);
  out.Json("fsck",
           Value()
               .Set("records", report->done.records)
               .Set("bytes", report->done.bytes)
               .Set("damage", static_cast<std::uint64_t>(damaged))
               .Set("unchecked", static_cast<std::uint64_t>(unchecked))
               .Set("rubbish", static_cast<std::uint64_t>(report->Count(FindingKind::kRubbish)))
               .Set("quick", arguments.quick));
  if (damaged > 0)
    return out.Fail(Corrupt(Counted(damaged, "finding of damage", "findings of damage") + " in " +
                            Counted(report->done.records, "record")));
  if (unchecked > 0)
    return out.Fail(Error(ErrorCode::kDenied, Counted(unchecked, "thing") +
                                                  " could not be checked: a key is not there"));
  out.Say(fmt::format("{}, {} read: nothing is damaged", Counted(report->done.records, "record"),
                      HumanSize(report->done.bytes)));
  return 0;
}

}  // namespace holdfast::cli
