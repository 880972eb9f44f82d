#include "plugins/noop/behaviour.h"

namespace holdfast::plugins::noop {

Result<Behaviour> BehaviourOf(ActivityKind kind, const Value& parameters) {
  const Value* const map = parameters.Find(NameOf(kind));
  if (map == nullptr || map->is_null()) return Behaviour();
  return Bind<Behaviour>(*map, "", "keys of the noop activity " + std::string(NameOf(kind)));
}

Error FailureOf(const Behaviour& behaviour, std::string message) {
  for (const ErrorCode code : {ErrorCode::kUnavailable, ErrorCode::kDenied, ErrorCode::kCorrupt,
                               ErrorCode::kNotFound, ErrorCode::kInvalidInput}) {
    if (NameOf(code) == behaviour.error) return Error(code, std::move(message));
  }
  return Internal(std::move(message));
}

}  // namespace holdfast::plugins::noop
