#include "runtime/store/stat_manifest.h"

#include "runtime/data/data_stream.h"
#include "runtime/store/layout.h"

namespace holdfast::runtime {

Status StatManifest(const BankSection& checkpoint, const ResourceManifest& manifest) {
  HOLDFAST_ASSIGN_OR_RETURN(const BankSection data,
                            checkpoint.Narrow(DataPrefix(manifest.resource), SectionAccess::kRead));
  for (const StreamManifest& stream : manifest.streams)
    HOLDFAST_RETURN_IF_ERROR(StatDataStream(data, stream));
  if (manifest.raw && !manifest.raw->empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(
        const BankSection raw,
        checkpoint.Narrow(RawPrefix(manifest.resource, manifest.attempt), SectionAccess::kRead));
    for (const RawObject& object : *manifest.raw)
      HOLDFAST_RETURN_IF_ERROR(CheckRawObject(raw, object, /*read=*/false));
  }
  // Without its key nobody knows: that is no damage.
  const auto saved = ReadSavedInfo(checkpoint, manifest);
  return saved || saved.error().code() == ErrorCode::kDenied ? Ok() : Status(saved.error());
}

}  // namespace holdfast::runtime
