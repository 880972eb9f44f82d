#pragma once

#include <string>
#include <string_view>

#include "plugins/sdk/activity.h"

namespace holdfast {

// How far an activity is, as Argo's executor takes it and engines show it: "40/100". Empty where nobody knows of how much.
std::string ProgressText(const Progress& progress);

// The same of a text that others wrote, also with more behind it in other lines; empty where it is none.
std::string ReadProgressText(std::string_view text);

}  // namespace holdfast
