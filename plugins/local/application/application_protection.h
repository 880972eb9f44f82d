#pragma once

#include <array>
#include <chrono>
#include <string>
#include <string_view>

#include "plugins/sdk/protection_plugin.h"

namespace holdfast::plugins::application {

// Local::Application: brings an application to rest while the snapshots of what belongs to it are
// taken (pre = quiesce, pre_finish = resume; post resumes what is still at rest), and stops and
// starts it around a restore. It has no data of its own. README.md has the details.
class ApplicationProtection {
 public:
  static constexpr std::string_view kName = "local-application";
  static constexpr std::string_view kDescription =
      "applications of this machine: commands that bring them to rest and let them go on";
  static constexpr std::array<std::string_view, 1> kTypes{"Local::Application"};
  static constexpr std::array<std::string_view, 1> kSharedSections{"local"};
  static constexpr bool kQuiesces = true;
  static constexpr bool kPostActsOnFailure = true;
  static constexpr std::array kEmptyOnPurpose{Operation::kDelete};

  struct ProtectParameters {
    Value quiesce;
    Value resume;
    template <class Fields>
    static void Describe(Fields& fields) {
      fields(
          "quiesce", &ProtectParameters::quiesce,
          "command that brings the application to rest, instead of the inventory's: a list of "
          "words, or {command: [...], timeout: 30s}, or {shell: \"...\", timeout: 30s}; it waits "
          "for "
          "its work and gives it up when it is killed: what goes on elsewhere (ssh, docker exec, "
          "setsid) needs a time-out of its own, or may come to rest after resume has run");
      fields("resume", &ProtectParameters::resume, "command that lets it go on; the same forms");
    }
  };
  struct RestoreParameters {
    Value stop;
    Value start;
    bool start_after_failure = false;
    template <class Fields>
    static void Describe(Fields& fields) {
      fields("stop", &RestoreParameters::stop,
             "command that stops the application before anything of it is restored; forms as in "
             "protect's quiesce");
      fields("start", &RestoreParameters::start, "command that starts it again");
      fields("start_after_failure", &RestoreParameters::start_after_failure,
             "start it also when not everything below it could be restored");
    }
  };
  struct SavedInfo {
    static constexpr int kVersion = 1;
    std::string quiesced_at;
    std::string resumed_at;
    std::chrono::milliseconds quiesced_for{0};
    template <class Fields>
    static void Describe(Fields& fields) {
      fields("quiesced_at", &SavedInfo::quiesced_at, "when it had come to rest (RFC 3339)");
      fields("resumed_at", &SavedInfo::resumed_at, "when it went on (RFC 3339)");
      fields("quiesced_for", &SavedInfo::quiesced_for, "how long it was at rest");
    }
  };

  // An application without the commands in question has no step for them.
  StepChoice Choose(Operation operation, ActivityKind kind, const Resource& resource,
                    const Value& parameters) const;

  // Have the commands of the operation the forms that they may have, and has a quiesce its resume?
  std::vector<ParameterFault> Validate(Operation operation, const Resource& resource,
                                       const Value& parameters) const;
  // Preflight: are the programs of the hooks there, also those of a restore?
  std::vector<Error> Check(Context& context, const Resource& resource,
                           const Parameters& parameters);

  Activity activity_protect_pre(Checkpoint& checkpoint, Context& context, const Resource& resource,
                                const Parameters& parameters);
  Activity activity_protect_pre_finish(Checkpoint& checkpoint, Context& context,
                                       const Resource& resource, const Parameters& parameters);
  Activity activity_protect_post(Checkpoint& checkpoint, Context& context, const Resource& resource,
                                 const Parameters& parameters);
  Activity activity_restore_pre(Checkpoint& checkpoint, Context& context, const Resource& resource,
                                const Parameters& parameters);
  Activity activity_restore_parallel(Checkpoint& checkpoint, Context& context,
                                     const Resource& resource, const Parameters& parameters);
  Activity activity_restore_post(Checkpoint& checkpoint, Context& context, const Resource& resource,
                                 const Parameters& parameters);
};

}  // namespace holdfast::plugins::application
