#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/operation.h"
#include "plugins/sdk/schema.h"

namespace holdfast {

// What a plugin does for one operation.
struct OperationDescriptor {
  std::array<bool, kActivityKindCount> activities{};  // by ActivityKind: does the plugin define it?
  // Declared by a plugin for which the operation has nothing to do (a network needs no delete):
  // without it a plugin that lacks protect, restore or delete is refused at registration.
  bool empty_on_purpose = false;
  Schema parameters;

  bool Defines(ActivityKind kind) const { return activities[static_cast<std::size_t>(kind)]; }
  bool DefinesAny() const;
};

// Everything that the compiler, the runtime and users know about a protection plugin. Comes from
// the class (protection_plugin.h) or, for exec plugins, from `describe`; kept in bundles.
struct PluginDescriptor {
  std::string name;                  // what providers write: "local-directory"
  std::string description;           // one sentence
  std::vector<std::string> aliases;  // other names that providers may use
  std::vector<std::string> types;    // resource types that it protects
  std::string settings_section;      // the provider file's section: "local_directory"
  // Others, shared with the plugins of its family, whose keys count as its own: "local".
  std::vector<std::string> shared_sections;
  Schema settings;  // with poll_interval, poll_interval_max, activity_timeout
  std::array<OperationDescriptor, kAllOperations.size()> operations;  // by Operation
  bool has_saved_info = false;
  Schema saved_info;
  // post also runs when something before it failed (clean up), not only on success (commit).
  bool post_acts_on_failure = true;
  // Its resources are brought to rest: those below them are one consistency group.
  bool quiesces = false;

  const OperationDescriptor& operation(Operation op) const {
    return operations[static_cast<std::size_t>(op)];
  }
  OperationDescriptor& operation(Operation op) { return operations[static_cast<std::size_t>(op)]; }
};

// As data: for bundles, exec plugins and --json; and back.
Value DescriptorToValue(const PluginDescriptor& descriptor);
Result<PluginDescriptor> DescriptorFromValue(const Value& value, std::string_view file);

// The settings that every plugin has, beside its own.
struct PollSettings {
  std::chrono::milliseconds poll_interval{1000};
  std::chrono::milliseconds poll_interval_max{30000};
  std::chrono::milliseconds activity_timeout{std::chrono::hours(24)};
  template <class Fields>
  static void Describe(Fields& fields) {
    fields(
        "poll_interval", &PollSettings::poll_interval,
        "how long to wait before an activity that yielded is polled again; grows by half each time")
        .Range(1, 3'600'000);
    fields("poll_interval_max", &PollSettings::poll_interval_max, "the longest such wait")
        .Range(1, 3'600'000);
    fields("activity_timeout", &PollSettings::activity_timeout,
           "how long one activity may take; past it it is cancelled, never polled")
        .Range(1, 30LL * 24 * 3'600'000);
  }
};

}  // namespace holdfast
