#pragma once

#include <array>
#include <string>
#include <string_view>

#include "plugins/sdk/protection_plugin.h"

namespace holdfast::plugins::sample {

// Sample::File: one file of any size; its id is its path. The plugin of docs/how-to/write-a-plugin.md.
// protect: pre copies the file into a staging file, parallel brings that to the bank, post removes it.
// restore: pre looks whether it may, parallel writes beside the target and renames, post removes
// what a restore that did not get that far has left.
class FileProtection {
 public:
  static constexpr std::string_view kName = "sample-file";
  static constexpr std::string_view kDescription = "single files of this machine";
  static constexpr std::array<std::string_view, 1> kTypes{"Sample::File"};

  struct Settings {
    std::string staging;
    template <class Fields>
    static void Describe(Fields& fields) {
      fields("staging", &Settings::staging,
             "folder for staged copies; unless given, the file's own");
    }
  };
  struct ProtectParameters {
    bool stage = true;
    bool wait_for_lock = false;
    template <class Fields>
    static void Describe(Fields& fields) {
      fields(
          "stage", &ProtectParameters::stage,
          "copy the file in pre, so that it may be written again while the copy goes to the bank");
      fields("wait_for_lock", &ProtectParameters::wait_for_lock,
             "begin only when there is no file of this name with .lock behind it");
    }
  };
  struct RestoreParameters {
    std::string path;
    bool overwrite = false;
    template <class Fields>
    static void Describe(Fields& fields) {
      fields("path", &RestoreParameters::path,
             "where to restore to, absolute; unless given, where it was");
      fields("overwrite", &RestoreParameters::overwrite, "replace a file that is there");
    }
  };
  struct SavedInfo {
    static constexpr int kVersion = 1;
    ByteSize size;
    std::int64_t mode = 0600;
    template <class Fields>
    static void Describe(Fields& fields) {
      fields("size", &SavedInfo::size, "bytes of the file").Required();
      fields("mode", &SavedInfo::mode, "permissions of the file").Range(0, 07777);
    }
  };

  explicit FileProtection(Settings settings) : settings_(std::move(settings)) {}

  StepChoice Choose(Operation operation, ActivityKind kind, const Resource& file,
                    const Value& parameters) const;
  std::vector<ParameterFault> Validate(Operation operation, const Resource& file,
                                       const Value& parameters) const;
  std::vector<Error> Check(Context& context, const Resource& file, const Parameters& parameters);

  Activity activity_protect_pre(Checkpoint& checkpoint, Context& context, const Resource& file,
                                const Parameters& parameters);
  Activity activity_protect_parallel(Checkpoint& checkpoint, Context& context, const Resource& file,
                                     const Parameters& parameters);
  Activity activity_protect_post(Checkpoint& checkpoint, Context& context, const Resource& file,
                                 const Parameters& parameters);
  Activity activity_restore_pre(Checkpoint& checkpoint, Context& context, const Resource& file,
                                const Parameters& parameters);
  Activity activity_restore_parallel(Checkpoint& checkpoint, Context& context, const Resource& file,
                                     const Parameters& parameters);
  Activity activity_restore_post(Checkpoint& checkpoint, Context& context, const Resource& file,
                                 const Parameters& parameters);
  Activity activity_delete_parallel(Checkpoint& checkpoint, Context& context, const Resource& file,
                                    const Parameters& parameters);
  Activity activity_verify_parallel(Checkpoint& checkpoint, Context& context, const Resource& file,
                                    const Parameters& parameters);

 private:
  Settings settings_;
};

}  // namespace holdfast::plugins::sample
