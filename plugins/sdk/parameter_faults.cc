#include "plugins/sdk/parameter_faults.h"

#include <fmt/format.h>

#include "plugins/sdk/text.h"

namespace holdfast {

Status RefuseFaults(std::vector<ParameterFault> faults) {
  if (faults.empty()) return Ok();
  Error first = std::move(faults.front().error);
  for (std::size_t i = 1; i < faults.size(); ++i) {
    first = std::move(first).Because(std::move(faults[i].error));
  }
  return first;
}

Status RequireAbsolutePath(std::string_view path, std::string_view what) {
  if (path.empty() || path.front() != '/') {
    return InvalidInput(fmt::format("{} '{}' is not absolute", what, Printable(path)));
  }
  if (path.find('\0') != std::string_view::npos) {
    return InvalidInput(fmt::format("{} '{}' holds a NUL byte", what, Printable(path)));
  }
  return Ok();
}

}  // namespace holdfast
