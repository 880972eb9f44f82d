#pragma once

#include "runtime/cli/output.h"
#include "runtime/store/listing.h"

namespace holdfast::cli {

// Shows a record in full: its head, then a table of its resources with state, duration, bytes, point
// in time and what became of them; how long what quiesces was at rest; the critical path; what failed
// and why. With --json: a datum "record" and one "record-resource" each.
void ShowRecordReport(const Output& out, const runtime::RecordReport& report);

// The head alone, as data.
Value RecordSummaryToValue(const runtime::RecordSummary& summary);

}  // namespace holdfast::cli
