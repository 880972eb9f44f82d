#include "plugins/sdk/parameters.h"

namespace holdfast {

const Value& Parameters::Of(const Resource& resource) const {
  static const Value empty{Value::Map{}};
  const auto at = checked_.find(resource.key);
  return at == checked_.end() ? empty : at->second;
}

}  // namespace holdfast
