#include "runtime/verify/run_settings.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/plan/plan.h"
#include "plugins/sdk/operation.h"

namespace holdfast::verify {
namespace {

// Engines know no less.
std::chrono::seconds WholeSeconds(std::chrono::milliseconds duration) {
  return std::max(std::chrono::ceil<std::chrono::seconds>(duration), std::chrono::seconds(1));
}

}  // namespace

RunSettings SettingsOf(const Bundle& bundle) {
  const compiler::PlanPolicy policy = compiler::PolicyOf(bundle.plan);
  RunSettings out;
  out.workflow = fmt::format("{}-{}", bundle.plan.StringOr("name", ""), NameOf(bundle.operation));
  out.fail_fast = policy.fail_fast;
  out.partial = bundle.partial;
  out.retries = policy.retries;
  if (policy.step_deadline) out.step_deadline = WholeSeconds(*policy.step_deadline);
  if (policy.run_deadline) out.run_deadline = WholeSeconds(*policy.run_deadline);
  if (policy.parallelism) out.parallelism = *policy.parallelism;
  out.keep_succeeded = WholeSeconds(policy.keep_succeeded);
  out.keep_failed = WholeSeconds(policy.keep_failed);
  return out;
}

}  // namespace holdfast::verify
