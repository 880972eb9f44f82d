#pragma once

#include <string_view>

#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast::banks {

// Find fault with the setting `bucket`, or `container`, of a provider file, where no server takes such a name: kInvalidInput at its place
// there. One that is not given is right.

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
Status CheckBucketName(const Value& settings);
// https://docs.openstack.org/api-ref/object-store/#create-container
Status CheckContainerName(const Value& settings);

}  // namespace holdfast::banks
