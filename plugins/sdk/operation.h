#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace holdfast {

// What is done to a graph of resources. The first three are the specification's; every protection
// plugin implements them. verify reads back what protect wrote.
enum class Operation { kProtect, kRestore, kDelete, kVerify };
inline constexpr std::array kAllOperations{Operation::kProtect, Operation::kRestore,
                                           Operation::kDelete, Operation::kVerify};

// One hook of a plugin for one operation on one resource, in the order in which a resource's own
// activities run (design: semantics, links).
enum class ActivityKind { kPre, kPreFinish, kParallel, kPost };
inline constexpr std::array kAllActivityKinds{ActivityKind::kPre, ActivityKind::kPreFinish,
                                              ActivityKind::kParallel, ActivityKind::kPost};
inline constexpr std::size_t kActivityKindCount = 4;

// "protect", "restore", "delete", "verify".
std::string_view NameOf(Operation operation);
// "pre", "pre_finish", "parallel", "post".
std::string_view NameOf(ActivityKind kind);
std::optional<Operation> ParseOperation(std::string_view name);
std::optional<ActivityKind> ParseActivityKind(std::string_view name);

}  // namespace holdfast
