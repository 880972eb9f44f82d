#pragma once

#include <string>

#include "plugins/engines/mistral/api.h"
#include "runtime/agent/job_table.h"

namespace holdfast::agent {

// Asks Mistral about steps that have waited, before they are run: the agent or Mistral was away meanwhile, the run has ended
// without them, and nobody would end what they begin. One thread, and an API of its own.
class Inquiry {
 public:
  // Both are borrowed.
  Inquiry(JobTable& table, engines::mistral::Api& api) : table_(table), api_(api) {}

  // Until the table's running is stopped.
  void Work();
  // Of an action: its own state says little, it goes on RUNNING after its task's timeout and after a cancel.
  Wanted Ask(const std::string& id);

 private:
  JobTable& table_;
  engines::mistral::Api& api_;
};

}  // namespace holdfast::agent
