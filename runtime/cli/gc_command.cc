#include "plugins/sdk/text.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/duration_option.h"
#include "runtime/cli/next_command.h"
#include "runtime/cli/own_steps.h"
#include "runtime/step/gc/gc.h"

namespace holdfast::cli {

namespace {

// What a record that waits owes, and what does it now.
void ShowWait(const Output& out, const runtime::GcWait& wait, const std::string& command) {
  if (!wait.at_rest.empty()) out.Line("          may be at rest: " + Join(wait.at_rest, ", "));
  if (!wait.not_cleaned_up.empty())
    out.Line("          not cleaned up after: " + Join(wait.not_cleaned_up, ", "));
  out.Line("          if its engine is dead: " + command);
}

}  // namespace

int CollectGarbage(Session& session, const GcArguments& arguments) {
  const Output& out = session.out();
  const auto provider = session.OpenProvider(arguments.provider);
  if (!provider) return out.Fail(provider.error());
  // A bank that is not there has no garbage, and is not made for that.
  auto tenant = (*provider)->tenant_section(SectionAccess::kWrite, BankUse::kRead);
  if (!tenant) return out.Fail(tenant.error());
  const runtime::StepEnvironment env = StepEnvironmentOf(session, **provider, std::move(*tenant));
  runtime::GcOptions options;
  options.dry_run = arguments.dry_run;
  options.run = arguments.run;
  if (!arguments.min_age.empty()) {
    const auto age = DurationOption("--min-age", arguments.min_age);
    if (!age) return out.Fail(age.error());
    options.bundle_age = options.leftover_age = std::chrono::ceil<std::chrono::seconds>(*age);
  }
  const auto actions = runtime::Gc(env, options);
  if (!actions) return out.Fail(actions.error());
  int exit_code = 0;
  for (const runtime::GcAction& action : *actions) {
    out.Line((action.failed       ? "FAILED  "
              : action.wait       ? "waits   "
              : arguments.dry_run ? "would   "
                                  : "did     ") +
             action.subject + ": " + action.action);
    Value datum = Value()
                      .Set("subject", action.subject)
                      .Set("action", Printable(action.action))
                      .Set("failed", action.failed)
                      .Set("dry_run", arguments.dry_run);
    if (action.wait) {
      const std::string command = GcCommand(session, (*provider)->config(), action.wait->run);
      ShowWait(out, *action.wait, command);
      datum.Set("waits_until", FormatTime(action.wait->until))
          .Set("run", action.wait->run)
          .Set("started_by", action.wait->started_by)
          .Set("at_rest", ListOf(action.wait->at_rest))
          .Set("not_cleaned_up", ListOf(action.wait->not_cleaned_up))
          .Set("command", command);
    }
    if (action.retry && !action.retry->run.empty()) {
      const std::string command = GcCommand(session, (*provider)->config(), action.retry->run);
      out.Line("          once that can succeed: " + command);
      datum.Set("run", action.retry->run).Set("command", command);
    }
    for (const std::string& line : action.told) out.Line("          " + line);
    if (!action.told.empty()) datum.Set("told", ListOf(action.told));
    out.Json("gc-action", std::move(datum));
    if (action.failed) exit_code = static_cast<int>(ExitCode::kRunFailed);
  }
  if (actions->empty()) out.Say("nothing to do");
  return exit_code;
}

}  // namespace holdfast::cli
