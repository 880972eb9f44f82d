#include "plugins/sdk/sample.h"

#include <string>
#include <vector>

namespace holdfast {

Status AddSampleParameter(PluginDescriptor& descriptor) {
  OperationDescriptor& verify = descriptor.operation(Operation::kVerify);
  for (Field& field : SchemaOf<SampleParameter>().fields) {
    for (const Field& own : verify.parameters.fields) {
      if (own.name != field.name) continue;
      return InvalidInput("its verify parameter '" + field.name +
                          "' is one that every verify has already");
    }
    verify.parameters.fields.push_back(std::move(field));
  }
  return Ok();
}

std::optional<Percent> SampleOf(const Value& parameters) {
  const auto bound = BindChecked<SampleParameter>(parameters);
  if (!bound.sample || bound.sample->value >= 100) return std::nullopt;
  return bound.sample;
}

Status ReadThrough(ByteSource& source, Context& context, std::string_view doing,
                   std::uint64_t& bytes) {
  std::string buffer(256U << 10U, '\0');
  for (;;) {
    if (context.cancelled()) return CancelledError();
    HOLDFAST_ASSIGN_OR_RETURN(
        const std::size_t got,
        source.Read(std::as_writable_bytes(std::span(buffer.data(), buffer.size()))));
    if (got == 0) return Ok();
    bytes += got;
    if ((bytes & 0xFFFFFU) < got) context.Report({bytes, 0, std::string(doing)});
  }
}

Status VerifySample(Checkpoint& checkpoint, Context& context, const Resource& resource,
                    Percent share) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<DataInfo> streams, checkpoint.ListData(resource));
  std::uint64_t bytes = 0;
  for (const DataInfo& stream : streams) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto source,
                              checkpoint.OpenSample(resource, stream.name, share));
    HOLDFAST_RETURN_IF_ERROR(ReadThrough(*source, context, "verifying a sample", bytes));
  }
  return Ok();
}

}  // namespace holdfast
