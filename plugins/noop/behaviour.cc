#include "plugins/noop/behaviour.h"

#include <utility>

namespace holdfast::plugins::noop {

namespace {

std::string ParameterName(ActivityKind kind, std::string_view field) {
  return std::string(NameOf(kind)) + "_" + std::string(field);
}

}  // namespace

Schema NoopParameterSchema() {
  Schema out;
  for (const ActivityKind kind : kAllActivityKinds) {
    for (Field& field : SchemaOf<Behaviour>().fields) {
      field.name = ParameterName(kind, field.name);
      field.description = std::string(NameOf(kind)) + ": " + field.description;
      out.fields.push_back(std::move(field));
    }
  }
  Field new_id;
  new_id.name = std::string(kNewId);
  new_id.description = "restore: the id of the resource afterwards; unless given, the old one";
  out.fields.push_back(std::move(new_id));
  return out;
}

ResourceKey NewKeyOf(const ResourceKey& old, const Value& parameters) {
  return {old.type, parameters.StringOr(kNewId, old.id)};
}

Behaviour BehaviourOf(ActivityKind kind, const Value& parameters) {
  static const Schema fields = SchemaOf<Behaviour>();
  Value own{Value::Map{}};
  for (const Field& field : fields.fields) {
    if (const Value* const value = parameters.Find(ParameterName(kind, field.name));
        value != nullptr) {
      own.Set(field.name, *value);
    }
  }
  return BindChecked<Behaviour>(own);
}

Error FailureOf(const Behaviour& behaviour, std::string_view otherwise) {
  std::string message = behaviour.message.empty() ? std::string(otherwise) : behaviour.message;
  for (const ErrorCode code : {ErrorCode::kUnavailable, ErrorCode::kDenied, ErrorCode::kCorrupt,
                               ErrorCode::kNotFound, ErrorCode::kInvalidInput}) {
    if (NameOf(code) == behaviour.error) return Error(code, std::move(message));
  }
  return Internal(std::move(message));
}

}  // namespace holdfast::plugins::noop
