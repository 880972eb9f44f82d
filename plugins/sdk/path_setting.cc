#include "plugins/sdk/path_setting.h"

#include "plugins/sdk/parameter_faults.h"

namespace holdfast {

Status CheckPathSetting(const Value& settings, std::string_view name) {
  const Value* const path = settings.Find(name);
  if (path == nullptr || !path->is_string() || path->AsString().empty()) return Ok();
  Status absolute = RequireAbsolutePath(path->AsString(), name);
  if (absolute) return absolute;
  return std::move(absolute)
      .error()
      .At({"", path->position().line, path->position().column, {}, 1})
      .Hint("a relative path would be another one in each folder from which a command is started");
}

}  // namespace holdfast
