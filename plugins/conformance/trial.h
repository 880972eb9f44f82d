#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "plugins/banks/memory/memory_bank.h"
#include "plugins/conformance/memory_checkpoint.h"
#include "plugins/conformance/plugin_suite.h"

namespace holdfast::plugins::conformance {

// How a call of an activity is disturbed.
struct Disturbance {
  std::uint64_t drop_at_yield = 0;  // 1 = destroyed at the first yield, as a killed process
  std::uint64_t bank_gone_at = 0;   // 1 = from the first call of the checkpoint on
  bool cancelled = false;           // before it starts
  bool all_succeeded = true;        // what it is told of the activities before it
};

// What became of one call.
struct Call {
  bool defined = false;  // the plugin defines the activity and chose a step for it
  bool dropped = false;  // destroyed at the yield that was asked for
  bool broke = false;    // the bank went away before the end
  bool created_data = false;
  std::uint64_t yields = 0;
  std::uint64_t calls = 0;  // of the checkpoint
  Status outcome;           // of what was dropped: an error
};

// One plugin, one resource, one bank: what a scenario plays in. Every activity gets a plugin object
// and a checkpoint object of its own, as if it were another process; what it wrote is published
// when it succeeded and dropped otherwise.
class Trial {
 public:
  // In <options.folder>/<place>, which is made. Without a sample: a resource of the plugin's first
  // type, of which nothing is known.
  static Result<std::unique_ptr<Trial>> Make(const PluginUnderTest& plugin,
                                             const PluginCheckOptions& options,
                                             const std::string& place = "trial");

  // Runs an activity. An error of Run is a fault of the plugin that no disturbance excuses (an
  // exception, a forbidden call, a stream left open, an unclear error); what the activity returned
  // is Call::outcome.
  Result<Call> Run(Operation operation, ActivityKind kind, const Disturbance& disturbance = {});
  // All activities of the operation in their order; the first that fails is the error.
  Status RunAll(Operation operation);

  // Starts another record, so that the next restore, delete or verify is a new one.
  void NextRecord() { ++record_; }
  // The checkpoint as an operation other than protect sees it.
  MemoryCheckpoint Reader(Operation operation);
  Result<std::unique_ptr<ProtectionPlugin>> MakePlugin() const;

  const PluginDescriptor& descriptor() const { return *descriptor_; }
  Resource& resource() { return sample_.resource; }
  const PluginSample& sample() const { return sample_; }
  // What lies in the folder: name, size and SHA-256 of every file; "" where it cannot be read.
  std::string Listing() const;
  // Parameters of the operation, checked and with defaults.
  Result<Value> CheckedParameters(Operation operation) const;

 private:
  Trial(const PluginUnderTest& plugin, const PluginCheckOptions& options)
      : plugin_(plugin), options_(options) {}
  std::string RecordId(Operation operation) const;

  const PluginUnderTest& plugin_;
  PluginCheckOptions options_;
  std::string folder_;
  PluginSample sample_;
  Value checked_settings_;
  // Of an object that keeps it alive: what a plugin claims may depend on its settings.
  std::unique_ptr<ProtectionPlugin> described_;
  const PluginDescriptor* descriptor_ = nullptr;
  MemoryBank bank_;
  int record_ = 1;
};

// kInternal when the text is empty, has several lines or control characters, or is that of an
// exception: no error that helps anybody.
Status CheckErrorText(const Error& error);

// "protect pre_finish".
std::string NameOfActivity(Operation operation, ActivityKind kind);

}  // namespace holdfast::plugins::conformance
