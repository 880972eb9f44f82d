#pragma once

#include <algorithm>
#include <functional>
#include <memory>

#include "plugins/banks/object_store/transfer_settings.h"
#include "plugins/net/http_client.h"
#include "plugins/net/retrying_http_client.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/registry.h"
#include "plugins/sdk/result.h"

namespace holdfast::banks {

// A wait that ends, and says that nothing more is to be tried, once `cancellation` (may be nullptr) is set.
net::Wait WaitUnless(const Cancellation* cancellation);

// Of who has less patience than the settings.
template <class Settings>
Settings WithPatience(Settings settings, const BankParts& parts) {
  if (parts.patience) settings.retry_window = std::min(settings.retry_window, *parts.patience);
  return settings;
}

// Something between what is sent again and what sends: a signature that each try has anew.
using Between = std::function<std::unique_ptr<net::HttpClient>(net::HttpClient& transport)>;

// The transport of bulk data, with what is sent again as the settings say. `clock` and the parts are not owned, and outlive
// it. Thread-safe. kNotFound, kDenied or kInvalidInput for the CA file.
Result<std::shared_ptr<net::HttpClient>> MakeSendingClient(const TransferSettings& settings,
                                                           const BankParts& parts,
                                                           const Clock& clock,
                                                           const Between& between = {});

}  // namespace holdfast::banks
