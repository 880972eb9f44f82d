#include "plugins/banks/conformance/bank_suite.h"
#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/process_runner.h"
#include "plugins/sdk/text.h"
#include "runtime/cli/commands.h"

namespace holdfast::cli {

namespace {

Status TryToWrite(Bank& bank, const std::string& prefix) {
  HOLDFAST_ASSIGN_OR_RETURN(const BankSection section,
                            BankSection::Open(bank, prefix, SectionAccess::kWrite));
  HOLDFAST_RETURN_IF_ERROR(section.PutBytes("first", "first"));
  return section.Delete("first");
}

}  // namespace

int CheckBank(Session& session, const BankArguments& arguments) {
  const Output& out = session.out();
  const auto provider = session.OpenProvider(arguments.provider);
  if (!provider) return out.Fail(provider.error());
  const auto bank = (*provider)->bank();
  if (!bank) return out.Fail(bank.error());
  out.Say("checking the " + (*bank)->Describe());

  // A place of this process only, so that two checks at once do not meet.
  const ProcessIdentity self = OwnProcessIdentity();
  const std::string prefix =
      "check/" + std::to_string(self.pid) + "-" + std::to_string(self.start_time);
  // That this user may not use it says nothing of the promises.
  if (const Status tried = TryToWrite(**bank, prefix);
      !tried && tried.error().code() == ErrorCode::kDenied) {
    return out.Fail(Error(tried.error())
                        .While("the bank cannot be used")
                        .Hint("whoever runs checks and steps has to read and write in it"));
  }
  BankCheckOptions options;
  if (arguments.listed_objects != 0) options.listed_objects = arguments.listed_objects;
  if ((*bank)->strength() == ExclusiveStrength::kSettled)
    options.list_lag = std::chrono::seconds(30);
  int failed = 0;
  int checked = 0;
  for (const BankCheckResult& result : RunBankChecks(**bank, prefix, options)) {
    ++checked;
    Value datum = Value().Set("name", result.name).Set("ok", result.outcome.has_value());
    if (result.outcome) {
      out.Line("ok      " + result.name);
    } else {
      ++failed;
      out.Line("FAILED  " + result.name + ": " + result.outcome.error().OneLine());
      datum.Set("error", result.outcome.error().OneLine());
    }
    out.Json("bank-check", std::move(datum));
  }
  if (failed == 0) {
    out.Say("the bank keeps all " + std::to_string(checked) + " promises");
    return 0;
  }
  return out.Fail(Corrupt("the bank breaks " + std::to_string(failed) + " of " +
                          std::to_string(checked) + " promises")
                      .Hint("checkpoints in such a bank may be lost: do not use it"));
}

}  // namespace holdfast::cli
