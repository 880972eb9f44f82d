#pragma once

#include <string_view>

#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast {

// A path among the settings of a provider file is absolute: a relative one would be another file for
// each process, as steps do not run where commands do. kInvalidInput with the position of the setting;
// one that is not there, or is empty, is not looked at.
Status CheckPathSetting(const Value& settings, std::string_view name);

}  // namespace holdfast
