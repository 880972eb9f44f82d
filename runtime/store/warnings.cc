#include "runtime/store/warnings.h"

#include <fmt/format.h>

#include "runtime/store/stored_object.h"

namespace holdfast::runtime {

void SetWarnings(Value& object, const Warnings& warnings) {
  if (!warnings.lines.empty()) {
    Value::List list;
    for (const std::string& line : warnings.lines) list.push_back(line);
    object.Set("warnings", std::move(list));
  }
  if (warnings.left_out != 0) object.Set("warnings_left_out", warnings.left_out);
}

Result<Warnings> WarningsOf(const Value& object, std::string_view key) {
  Warnings warnings;
  if (const Value* const list = object.Find("warnings"); list != nullptr) {
    const auto corrupt = [&] {
      return Corrupt(fmt::format("'warnings' of the object {} is no list of texts", key));
    };
    if (!list->is_list()) return corrupt();
    for (const Value& line : list->AsList()) {
      if (!line.is_string()) return corrupt();
      warnings.lines.push_back(line.AsString());
    }
  }
  if (object.Find("warnings_left_out") != nullptr) {
    HOLDFAST_ASSIGN_OR_RETURN(warnings.left_out, NumberMember(object, "warnings_left_out", key));
  }
  return warnings;
}

}  // namespace holdfast::runtime
