#pragma once

#include <string_view>

#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast::banks {

// Find fault with a setting of a provider file: kInvalidInput at its place there. One that is not given is right.

// The place of a setting that is given, whose line an error then shows.
Where PlaceOf(const Value& settings, std::string_view key);

// No http or https URL. One that may have a password in it is not shown.
Status CheckUrl(const Value& settings, std::string_view key);

// No server takes such a name for its bucket, or container.

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
Status CheckBucketName(const Value& settings);
// https://docs.openstack.org/api-ref/object-store/#create-container
Status CheckContainerName(const Value& settings);

}  // namespace holdfast::banks
