#pragma once

#include <cstdint>
#include <string>

#include "runtime/cli/output.h"
#include "runtime/store/listing.h"

namespace holdfast::cli {

// Shows a record in full: its head, then a table of its resources with state, duration, bytes,
// point in time and what became of them; how long what quiesces was at rest; the critical path;
// what failed and why; what warned. With --json: a datum "record" and one "record-resource" each.
// At the end of a run only the first few warnings, then how many more there are and what shows
// them.
enum class Showing { kInFull, kAtTheEndOfARun };
void ShowRecordReport(const Output& out, const runtime::RecordReport& report, Showing showing);

// What the bank says against an engine that calls a run a success, for people: its record never came to the state in
// which such a run ends. Empty: nothing. (An engine runs what is in its file, and believes what that says.)
std::string WhyNoSuccess(const Result<runtime::RecordReport>& report);

// "3 warnings", or nothing where there are none.
std::string WarningCount(std::uint64_t warnings);

// How many it has, and one more where the drift that its begin found is a warning.
std::uint64_t AllWarnings(const runtime::RecordSummary& summary);

// The record's state, or "damaged".
std::string StateWord(const runtime::RecordSummary& summary);

// "only etc/app.conf of Local::Directory#etc", or nothing where a restore was of whole resources.
std::string OnlyText(const runtime::RecordSummary& summary);

// The head alone, as data.
Value RecordSummaryToValue(const runtime::RecordSummary& summary);

}  // namespace holdfast::cli
