#pragma once

#include <utility>

#include "plugins/sdk/schema.h"

namespace holdfast {

// The settings that every bank has beside its own: how streams are cut and sent. The runtime reads
// them; a bank only declares them.
struct DataSettings {
  ByteSize segment_size{8U << 20U};
  int parallel = 4;
  int compression_level = 3;
  template <class Fields>
  static void Describe(Fields& fields) {
    fields("segment_size", &DataSettings::segment_size, "plain bytes of one segment of a stream")
        .Range(1 << 20, 64 << 20);
    fields("parallel", &DataSettings::parallel, "segments that are in work at once").Range(1, 16);
    fields("compression_level", &DataSettings::compression_level, "of zstd; 0 compresses nothing")
        .Range(0, 19);
  }
};

// A bank's own schema with these added.
inline Schema WithDataSettings(Schema own) {
  for (Field& field : SchemaOf<DataSettings>().fields) own.fields.push_back(std::move(field));
  return own;
}

}  // namespace holdfast
