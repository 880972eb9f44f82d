#include "plugins/engines/argo/object_list.h"

#include <fmt/format.h>

#include "plugins/engines/argo/node_archive.h"

namespace holdfast::engines::argo {

Result<std::vector<Value>> ReadObjectList(
    const ObjectList& list, const std::function<Result<Value>(const Call& call)>& send) {
  std::vector<Value> out;
  std::string next;
  do {
    Call call;
    call.target = fmt::format("{}?{}limit={}", list.target, list.option_prefix, list.page);
    for (const auto& [option, value] :
         {std::pair{"labelSelector", &list.labels}, {"continue", &next}}) {
      if (!value->empty())
        call.target += "&" + list.option_prefix + option + "=" + net::PercentEncoded(*value);
    }
    HOLDFAST_ASSIGN_OR_RETURN(const Value page, send(call));
    if (const Value* const items = page.Find("items"); items != nullptr && items->is_list()) {
      for (Value item : items->AsList()) {
        ExpandReadableNodes(item);
        out.push_back(std::move(item));
      }
    }
    const Value* const metadata = page.Find("metadata");
    const std::string token = metadata == nullptr ? "" : metadata->StringOr("continue", "");
    if (!token.empty() && token == next) return Corrupt(list.origin + ": its list has no end");
    next = token;
  } while (!next.empty());
  return out;
}

}  // namespace holdfast::engines::argo
