#include "plugins/sdk/places.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace holdfast {

namespace {

std::string Variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

std::string ProgramFolder() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? "." : self.parent_path().string();
}

std::string UserStateFolder() {
  const std::string state = Variable("XDG_STATE_HOME");
  return state.empty() ? Variable("HOME") + "/.local/state" : state;
}

std::string ProviderFolderPath(std::string_view given) {
  if (!given.empty()) return std::string(given);
  const std::string set = Variable("HOLDFAST_PROVIDER_CONFIG_DIR");
  return set.empty() ? std::string(kDefaultProviderFolder) : set;
}

}  // namespace holdfast
