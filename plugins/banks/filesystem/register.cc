#include "plugins/banks/filesystem/register.h"

#include <filesystem>

#include "plugins/banks/filesystem/filesystem_bank.h"
#include "plugins/sdk/bank_settings.h"
#include "plugins/sdk/place.h"

namespace holdfast::banks::filesystem {

namespace {

struct Settings {
  std::string path;
  template <class Fields>
  static void Describe(Fields& fields) {
    fields("path", &Settings::path, "the folder of the bank; made when only it is missing")
        .Required()
        .Alias("file_system_bank_path");
  }
};

}  // namespace

void Register(PluginRegistry& registry) {
  BankEntry entry;
  entry.name = "filesystem";
  entry.description = "a folder of this machine or of a shared file system";
  entry.settings_section = "filesystem";
  entry.settings = WithDataSettings(SchemaOf<Settings>());
  entry.open = [](const Value& settings) {
    return OpenFilesystemBank(BindChecked<Settings>(settings).path);
  };
  entry.folder = [](const Value& settings) {
    // As opening takes it: from the working directory of now.
    std::error_code error;
    const auto path = std::filesystem::absolute(BindChecked<Settings>(settings).path, error);
    return error ? std::string() : CleanPath(path.string());
  };
  registry.AddBank(std::move(entry));
}

}  // namespace holdfast::banks::filesystem
