#pragma once

#include <string>
#include <string_view>

namespace holdfast {

// The folder of this executable; "." where the system does not say. Thread-safe.
std::string ProgramFolder();

// Where programs of this user keep what is to last: $XDG_STATE_HOME, else ~/.local/state (XDG Base Directory Specification).
// Reads the environment.
std::string UserStateFolder();

// The folder of provider files: the one that is given, else $HOLDFAST_PROVIDER_CONFIG_DIR, else the default. Reads the
// environment.
inline constexpr std::string_view kDefaultProviderFolder = "/etc/holdfast/providers.d";
std::string ProviderFolderPath(std::string_view given);

}  // namespace holdfast
