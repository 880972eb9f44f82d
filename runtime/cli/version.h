#pragma once

#include <string_view>

namespace holdfast::cli {

inline constexpr std::string_view kVersionText = "holdfast " HOLDFAST_VERSION;
inline constexpr std::string_view kDefaultProviderConfigDir = "/etc/holdfast/providers.d";

}  // namespace holdfast::cli
