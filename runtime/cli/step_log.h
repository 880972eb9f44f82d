#pragma once

#include <string>

namespace holdfast::cli {

// Why the step failed whose log this is: the last line of level "error" in it, printable, without
// a line end. Empty where there is none, or no log. Reads the end of the file only.
std::string ReasonInLog(const std::string& file);

}  // namespace holdfast::cli
