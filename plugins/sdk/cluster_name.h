#pragma once

#include <string_view>

namespace holdfast {

// What Kubernetes takes as names, so that we refuse what its API server would refuse later.
// https://kubernetes.io/docs/concepts/overview/working-with-objects/names

// A "DNS label": [a-z0-9]([-a-z0-9]*[a-z0-9])?, at most 63 bytes. A namespace is one.
bool IsDnsLabel(std::string_view name);

// A "DNS subdomain": labels of any length between dots, at most 253 bytes. Most objects have one.
bool IsDnsSubdomain(std::string_view name);

// https://kubernetes.io/docs/concepts/overview/working-with-objects/labels
// The key of a label or an annotation: [DNS subdomain/]NAME, of a name as a label's value that is not empty.
bool IsLabelKey(std::string_view key);
// Empty, or ([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9], at most 63 bytes.
bool IsLabelValue(std::string_view value);

// A key of the data of a ConfigMap or a Secret: [-._a-zA-Z0-9]+, at most 253 bytes; no ".", no ".." in front.
bool IsConfigKey(std::string_view key);

// An image as registries name it: [HOST[:PORT]/]PATH[:TAG][@sha256:<64 hex digits>]. A first part is a host where
// it has a dot or a port, or is "localhost".
bool IsImageName(std::string_view image);

}  // namespace holdfast
