#pragma once

#include <optional>

#include "plugins/sdk/checkpoint.h"
#include "plugins/sdk/context.h"
#include "plugins/sdk/descriptor.h"
#include "plugins/sdk/parameters.h"
#include "plugins/sdk/resource.h"
#include "plugins/sdk/schema.h"

namespace holdfast {

// The parameter that the verify of every plugin has beside its own: read a sample of what is stored
// instead of every byte.
struct SampleParameter {
  std::optional<Percent> sample;
  template <class Fields>
  static void Describe(Fields& fields) {
    fields(
        "sample", &SampleParameter::sample,
        "read only this share of what is stored, such as 10%, at least one segment of each stream");
  }
};

// Gives the parameter to the verify of every plugin: what its own activities leave unread, or all
// where it has none, the runtime reads. kInvalidInput where it has a parameter of that name itself.
Status AddSampleParameter(PluginDescriptor& descriptor);

// The share of a resource's data that a verify reads; nullopt = every byte. `parameters` are
// checked.
std::optional<Percent> SampleOf(const Value& parameters);
inline std::optional<Percent> SampleOf(const Parameters& parameters, const Resource& resource) {
  return SampleOf(parameters.Of(resource));
}

// Reads a stream to its end, as a verify does that asks no more of it than that its bytes are those
// that were written. Adds to `bytes` and reports them every MiB, as `doing`.
Status ReadThrough(ByteSource& source, Context& context, std::string_view doing,
                   std::uint64_t& bytes);

// What a verify does where SampleOf says a share, for a plugin that checks a sample no deeper than
// its bytes: reads the sample of every stream of the resource. kCorrupt or kNotFound names the
// object that is not what was written.
Status VerifySample(Checkpoint& checkpoint, Context& context, const Resource& resource,
                    Percent share);

}  // namespace holdfast
