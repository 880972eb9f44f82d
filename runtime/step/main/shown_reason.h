#pragma once

#include <string>
#include <string_view>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/exit_code.h"

namespace holdfast::runtime {

// Why a step ended as it did, as an engine may keep and show it: more people see that than see the bank, it is
// kept outside of it, and there is room for little. Hence one short line, and no name of a resource where the
// plan keeps those to itself. One thread.
class ShownReason {
 public:
  // Before a step reads anything of a tenant: looks up in its bundle whether the plan's names may be
  // seen. Where that cannot be read they may not.
  void AskBundle(const BankSection& tenant, const std::string& bundle);

  // The line for an outcome and its whole reason.
  std::string Line(ExitCode code, std::string_view why) const;
  // No name of a resource may be seen.
  bool hides_names() const { return hides_names_; }

 private:
  bool hides_names_ = false;
  std::string instead_;  // of what hides names; empty: where to read on
};

// At most 200 bytes, printable, and nothing in it that an engine would interpret.
std::string ShortLine(std::string_view why);

}  // namespace holdfast::runtime
