#include "plugins/banks/filesystem/register.h"

#include "plugins/banks/filesystem/filesystem_bank.h"
#include "plugins/sdk/bank_settings.h"
#include "plugins/sdk/path_setting.h"
#include "plugins/sdk/place.h"

namespace holdfast::banks::filesystem {

namespace {

struct Settings {
  std::string path;
  template <class Fields>
  static void Describe(Fields& fields) {
    fields(
        "path", &Settings::path,
        "the folder of the bank, an absolute path; the first run makes it when only it is missing")
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
  entry.check = [](const Value& settings) { return CheckPathSetting(settings, "path"); };
  entry.open = [](const Value& settings, BankUse use, const BankParts&) {
    return OpenFilesystemBank(BindChecked<Settings>(settings).path,
                              use == BankUse::kRead ? MissingBank::kRefuse : MissingBank::kMake);
  };
  entry.folder = [](const Value& settings) {
    return CleanPath(BindChecked<Settings>(settings).path);
  };
  registry.AddBank(std::move(entry));
}

}  // namespace holdfast::banks::filesystem
