#pragma once

#include <string>

namespace holdfast {

// The folder of this executable; "." where the system does not say. Thread-safe.
std::string ProgramFolder();

// Where programs of this user keep what is to last: $XDG_STATE_HOME, else ~/.local/state (XDG Base Directory Specification).
// Reads the environment.
std::string UserStateFolder();

}  // namespace holdfast
