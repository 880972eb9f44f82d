#include "runtime/cli/origin_names.h"

#include <fmt/format.h>

#include "plugins/sdk/text.h"
#include "runtime/store/listing.h"

namespace holdfast::cli {

std::string OriginNames::Of(const std::string& id, const std::string& name) const {
  if (id.empty()) return "?";
  const auto same = ids_.find(name);
  const bool is_alone = same == ids_.end() || same->second.size() == 1;
  if (is_alone && !name.empty()) return Printable(name);
  return fmt::format("{} ({})", Printable(name), Printable(id));
}

Result<std::string> ChooseOrigin(const BankSection& tenant, const std::string& provider_id,
                                 const std::string& text) {
  if (text.empty()) return std::string();
  runtime::RecordFilter filter;
  filter.provider = provider_id;
  HOLDFAST_ASSIGN_OR_RETURN(const auto found, runtime::ListCheckpoints(tenant, filter));
  return runtime::OriginCalled(found, text);
}

}  // namespace holdfast::cli
