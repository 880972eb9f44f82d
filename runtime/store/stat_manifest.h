#pragma once

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/result.h"
#include "runtime/store/manifest.h"

namespace holdfast::runtime {

// Is all there that a manifest names: every object of its streams and every raw one with its stored size, and saved info that can be
// read, unless its key is missing? Of data no bytes are read. kNotFound or kCorrupt names what is not. `checkpoint`: its
// section. Thread-safe.
Status StatManifest(const BankSection& checkpoint, const ResourceManifest& manifest);

}  // namespace holdfast::runtime
