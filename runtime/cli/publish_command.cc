#include "runtime/cli/commands.h"
#include "runtime/cli/opened_workflow.h"
#include "runtime/store/bundle_store.h"

namespace holdfast::cli {

namespace {

Status Publish(Session& session, const PublishArguments& arguments) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const OpenedWorkflow workflow,
      OpenWorkflow(arguments.file, arguments.bundle, arguments.templates, {}));
  HOLDFAST_ASSIGN_OR_RETURN(Provider* const provider, session.OpenProvider(workflow.provider));
  HOLDFAST_RETURN_IF_ERROR(provider->bank(arguments.withdraw ? BankUse::kRead : BankUse::kWrite));
  HOLDFAST_ASSIGN_OR_RETURN(
      const BankSection tenant,
      session.TenantSection(*provider,
                            arguments.withdraw ? SectionAccess::kDelete : SectionAccess::kWrite));
  const Status done = arguments.withdraw ? runtime::WithdrawBundle(tenant, workflow.files.sha256)
                                         : runtime::PublishBundle(tenant, workflow.files, true);
  if (!done) return Error(done.error()).While("the bundle of " + arguments.file);
  session.out().Json("bundle", Value()
                                   .Set("sha256", workflow.files.sha256)
                                   .Set("provider", provider->config().id)
                                   .Set("published", !arguments.withdraw));
  session.out().Say((arguments.withdraw ? "withdrew the bundle of " : "published the bundle of ") +
                    arguments.file + " (" + workflow.files.sha256.substr(0, 12) + ")");
  return Ok();
}

}  // namespace

int PublishWorkflow(Session& session, const PublishArguments& arguments) {
  const Status done = Publish(session, arguments);
  return done ? 0 : session.out().Fail(done.error());
}

}  // namespace holdfast::cli
