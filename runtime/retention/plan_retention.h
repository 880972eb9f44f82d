#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/result.h"
#include "runtime/retention/retention_policy.h"
#include "runtime/store/listing.h"

namespace holdfast::runtime {

// Which checkpoints of a plan in a bank are kept, and which go. All of it only reads.

// Whose checkpoints: machines that share a bank may have plans of one name.
struct RetainedPlan {
  std::string plan;
  std::string provider_id;
  std::string origin = {};  // id: that series alone; empty: each one that the provider has
};

struct PlanRetention {
  struct Entry {
    RecordSummary summary;
    RetentionVerdict verdict;
  };
  // What one provider made of the plan. The rules are applied to each as if it were alone: what one machine still
  // makes takes nobody's place of another one, whose copies are in the same bank.
  struct Series {
    std::string origin_id;  // empty: damaged ones of which nobody knows it, and which are kept
    std::string origin_name;
    std::vector<Entry> entries;  // newest first; none that is deleted
    std::string newest;          // the newest available one, which is kept; empty: there is none
  };
  std::vector<Series> series;  // the provider's own first; by origin
  std::size_t of_others = 0;   // checkpoints of a plan of that name of other providers: left alone

  std::size_t kept() const;
  std::size_t going() const;
};

// Looks at what the bank knows of each, and asks the policy. On nothing rely: what is not available,
// damaged (of those that are kept the whole graph is read, and where any goes it is looked whether what they hold is there
// and its keys are, `parallel` resources at once, so that none goes because of one that is of no use: CheckContents),
// made in the future, or did not read back when it was last verified; what a deletion has begun with. In use: what a restore or
// a verification that is not ended works with, and what a run has the lease of. A damaged one of which nobody knows whose it is, is in the list, and kept.
Result<PlanRetention> DecideRetention(const BankSection& tenant, const RetainedPlan& of,
                                      const RetentionRules& rules, const AheadOfUtc& ahead,
                                      WallTime now, unsigned parallel);

// Just before one is deleted that was to go: why it is not to any more (it was pinned, or somebody else
// has deleted it), for people; empty: it still goes. kConflict where `newest`, the one that is always
// kept, is not available any more: what was decided does not hold, and nothing more may go.
Result<std::string> WhyItStaysNow(const BankSection& tenant, const std::string& checkpoint,
                                  const std::string& newest);

}  // namespace holdfast::runtime
