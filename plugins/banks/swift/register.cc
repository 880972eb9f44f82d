#include "plugins/banks/swift/register.h"

#include <utility>

#include "plugins/banks/object_store/object_store_bank.h"
#include "plugins/banks/object_store/sending_client.h"
#include "plugins/banks/object_store/setting_checks.h"
#include "plugins/banks/swift/swift_clients.h"
#include "plugins/banks/swift/swift_store.h"
#include "plugins/sdk/bank_settings.h"

namespace holdfast::banks::swift {

namespace {

Result<std::unique_ptr<Bank>> Open(const Value& checked, BankUse use, const BankParts& parts) {
  const auto settings = WithPatience(BindChecked<Settings>(checked), parts);
  const Clock& clock = SystemClock();
  const SteadyTime deadline = clock.Steady() + settings.retry_window;
  HOLDFAST_ASSIGN_OR_RETURN(Account account, OpenAccount(settings, parts, clock, deadline));
  Container container{std::move(account.storage_url), settings.container, settings.storage_policy,
                      settings.user};
  // Who brings a file of Karbor's means the container that Karbor has.
  if (container.name.empty()) container.name = settings.auth_url.empty() ? "karbor" : "holdfast";
  HOLDFAST_ASSIGN_OR_RETURN(auto store,
                            OpenSwiftStore(std::move(account.client), std::move(container),
                                           {settings.stall_timeout}, use, deadline));
  return MakeObjectStoreBank(std::move(store), clock, RealSleep(), OptionsOf(settings));
}

}  // namespace

void Register(PluginRegistry& registry) {
  BankEntry entry;
  entry.name = "swift";
  entry.description = "a container of OpenStack Swift";
  entry.settings_section = "swift";
  entry.settings = WithDataSettings(SchemaOf<Settings>());
  entry.check = [](const Value& settings) -> Status {
    HOLDFAST_RETURN_IF_ERROR(CheckContainerName(settings));
    HOLDFAST_RETURN_IF_ERROR(CheckUrl(settings, "auth_url"));
    HOLDFAST_RETURN_IF_ERROR(CheckUrl(settings, "bank_swift_auth_url"));
    return CheckSettings(BindChecked<Settings>(settings));
  };
  entry.open = &Open;
  registry.AddBank(std::move(entry));
}

}  // namespace holdfast::banks::swift
