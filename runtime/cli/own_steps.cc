#include "runtime/cli/own_steps.h"

#include <utility>

#include "plugins/sdk/bank_settings.h"

namespace holdfast::cli {

runtime::StepEnvironment StepEnvironmentOf(Session& session, Provider& provider,
                                           BankSection tenant) {
  const DataSettings settings = BindChecked<DataSettings>(provider.bank_settings());
  return {
      std::move(tenant),
      provider.config().tenant,
      provider.config().id,
      [&provider](std::string_view type) { return provider.ProtectionFor(type); },
      session.clock(),
      session.log(),
      session.processes(),
      session.cancellation(),
      OwnProcessIdentity(),
      runtime::SleepingPause(session.cancellation()),
      {settings.segment_size.bytes, static_cast<unsigned>(settings.parallel),
       settings.compression_level, &session.cancellation()},
      provider.bank_folder(),
  };
}

unsigned ParallelOf(const Provider& provider) {
  return static_cast<unsigned>(BindChecked<DataSettings>(provider.bank_settings()).parallel);
}

}  // namespace holdfast::cli
