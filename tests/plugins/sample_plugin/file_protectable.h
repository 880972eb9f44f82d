#pragma once

#include "plugins/sdk/registry.h"

namespace holdfast::plugins::sample {

// Lists Sample::File: the files that the setting `files` of the section [sample_file] names.
ProtectableEntry FileProtectable();

}  // namespace holdfast::plugins::sample
