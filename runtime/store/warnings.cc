#include "runtime/store/warnings.h"

#include <fmt/format.h>

#include <utility>

#include "runtime/store/sealed_member.h"
#include "runtime/store/stored_object.h"

namespace holdfast::runtime {

namespace {

Value LinesOf(const Warnings& warnings) {
  return Value::List(warnings.lines.begin(), warnings.lines.end());
}

}  // namespace

void SetWarnings(Value& object, const Warnings& warnings) {
  if (!warnings.lines.empty()) object.Set("warnings", LinesOf(warnings));
  if (warnings.left_out != 0) object.Set("warnings_left_out", warnings.left_out);
}

Status SetWarnings(Value& object, const Warnings& warnings, const BankSection& section,
                   std::string_view key, std::string_view where) {
  if (!warnings.lines.empty()) {
    HOLDFAST_RETURN_IF_ERROR(SetSealed(object, "warnings", LinesOf(warnings), section, key, where));
    if (section.keys() != nullptr)
      object.Set("warnings_sealed", std::uint64_t{warnings.lines.size()});
  }
  if (warnings.left_out != 0) object.Set("warnings_left_out", warnings.left_out);
  return Ok();
}

Result<Warnings> WarningsOf(const Value& object, const BankSection& section, std::string_view key,
                            std::string_view where) {
  Warnings warnings;
  const std::string name = fmt::format("{}/{}", section.prefix(), key);
  const auto list = ReadSealed(object, "warnings", section, key, where);
  if (!list && list.error().code() != ErrorCode::kDenied) return list.error();
  if (object.Find("warnings_left_out") != nullptr) {
    HOLDFAST_ASSIGN_OR_RETURN(warnings.left_out, NumberMember(object, "warnings_left_out", name));
  }
  if (!list) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t sealed,
                              NumberMember(object, "warnings_sealed", name));
    warnings.left_out += sealed;
    return warnings;
  }
  if (!*list) return warnings;
  const auto corrupt = [&] {
    return Corrupt(fmt::format("'warnings' of the object {} is no list of texts", name));
  };
  if (!(*list)->is_list()) return corrupt();
  for (const Value& line : (*list)->AsList()) {
    if (!line.is_string()) return corrupt();
    warnings.lines.push_back(line.AsString());
  }
  return warnings;
}

}  // namespace holdfast::runtime
