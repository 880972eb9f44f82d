#include "plugins/sdk/operation.h"

namespace holdfast {

namespace {
constexpr std::array<std::string_view, 4> kOperationNames{"protect", "restore", "delete", "verify"};
constexpr std::array<std::string_view, 4> kActivityKindNames{"pre", "pre_finish", "parallel",
                                                             "post"};
}  // namespace

std::string_view NameOf(Operation operation) {
  return kOperationNames[static_cast<std::size_t>(operation)];
}

std::string_view NameOf(ActivityKind kind) {
  return kActivityKindNames[static_cast<std::size_t>(kind)];
}

std::optional<Operation> ParseOperation(std::string_view name) {
  for (const Operation operation : kAllOperations) {
    if (NameOf(operation) == name) return operation;
  }
  return std::nullopt;
}

std::optional<ActivityKind> ParseActivityKind(std::string_view name) {
  for (const ActivityKind kind : kAllActivityKinds) {
    if (NameOf(kind) == name) return kind;
  }
  return std::nullopt;
}

}  // namespace holdfast
