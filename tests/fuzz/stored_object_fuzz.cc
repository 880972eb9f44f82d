// Every object of a record that a run reads: the bytes lie in a bank under the key of each kind.
#include <string>

#include "plugins/banks/memory/memory_bank.h"
#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/json.h"
#include "runtime/data/data_stream.h"
#include "runtime/store/claim.h"
#include "runtime/store/indices.h"
#include "runtime/store/journal.h"
#include "runtime/store/layout.h"
#include "runtime/store/lease.h"
#include "runtime/store/manifest.h"
#include "runtime/store/record.h"
#include "tests/fuzz/fuzz_target.h"

using namespace holdfast;
using namespace holdfast::runtime;

namespace {

void Put(const BankSection& section, const std::string& key, std::string_view bytes) {
  fuzz::Require(section.PutBytes(key, bytes).has_value(), "a memory bank takes an object");
}

// A claim, whole, so that the attempt's other objects are looked for.
Claim GoodClaim() {
  Claim claim;
  claim.number = 1;
  claim.attempt = "attempt";
  claim.run = "run";
  claim.token = 1;
  return claim;
}

void ReadManifests(const BankSection& record, std::string_view bytes) {
  const ResourceKey resource{"T::Volume", "a"};
  const std::string folder = EpochPrefix(resource, 1);
  Put(record, folder + "/manifest", bytes);
  Put(record, NewResourcePrefix(resource) + NumberPart(1), bytes);
  (void)ReadNewResource(record, resource);
  const auto manifest = ReadManifest(record, resource, 1);
  if (!manifest || !*manifest) return;
  (void)ReadSavedInfo(record, **manifest);
  const auto section = record.Narrow("data", SectionAccess::kRead);
  for (const StreamManifest& stream : (*manifest)->streams) {
    (void)StatDataStream(*section, stream);
    (void)OpenDataStream(*section, stream, {});
    const auto again = StreamManifestFromValue(StreamManifestToValue(stream), stream.name);
    fuzz::Require(again.has_value() && again->segments == stream.segments,
                  "a stream survives being written and read");
  }
}

void ReadJournal(const BankSection& record, std::string_view bytes) {
  Put(record, ClaimPrefix("claimed") + NumberPart(1), bytes);
  (void)ReadStepJournal(record, "claimed");
  fuzz::Require(CreateClaim(record, "step", GoodClaim()).has_value(), "a claim can be written");
  const std::string attempt = AttemptPrefix("step", "attempt") + "/";
  Put(record, attempt + "intent-" + NumberPart(1), bytes);
  Put(record, attempt + "result", bytes);
  (void)ReadStepJournal(record, "step");
  (void)ReadIntents(record, "step", "attempt");
  fuzz::Require(CreateClaim(record, "unfinished", GoodClaim()).has_value(),
                "a claim can be written");
  Put(record, AttemptPrefix("unfinished", "attempt") + "/outcome-" + NumberPart(1), bytes);
  (void)ReadStepJournal(record, "unfinished");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = fuzz::TextOf(data, size);
  MemoryBank bank;
  const auto tenant = BankSection::Open(bank, "t/default", SectionAccess::kWrite);
  Put(*tenant, LeaseKey("record", 1), bytes);
  Put(*tenant, RunKey("run"), bytes);
  Put(*tenant, UnfinishedKey("record"), bytes);
  Put(*tenant, MarkerKey("record", "mark"), bytes);
  (void)CurrentLease(*tenant, "record");
  (void)ReadRun(*tenant, "run");
  (void)ListUnfinished(*tenant);

  const auto record = Record::Open(*tenant, RecordKind::kCheckpoint, "record");
  Put(record->section(), "plan", bytes);
  Put(record->section(), "graph", bytes);
  Put(record->section(), "drift/run", bytes);
  Put(record->section(), StatePrefix() + NumberPart(1), bytes);
  (void)record->State();
  (void)record->States();
  (void)record->Head();
  (void)record->Graph();
  (void)record->Drift("run");
  ReadManifests(record->section(), bytes);
  ReadJournal(record->section(), bytes);
  return 0;
}
