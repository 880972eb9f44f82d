#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "plugins/banks/object_store/object_store.h"
#include "plugins/net/http_client.h"
#include "plugins/sdk/registry.h"

namespace holdfast::banks::swift {

// A container of OpenStack Swift (https://docs.openstack.org/api-ref/object-store/).
struct Container {
  std::string storage_url;  // of the account: "http://host:8080/v1/AUTH_test"
  std::string name;
  std::string storage_policy;  // of a container that is made; empty: the cluster's default
  std::string user = {};       // who asks, for people; empty: not known
};

struct Transfer {
  // kUnavailable when nothing has come or gone for this long.
  std::chrono::milliseconds longest_silence{30'000};
};

// Objects that are larger than the cluster takes at once become static large objects, whose parts are called ~parts/NAME/...
// in the same container.
//
// With kRead kNotFound where the container is not there; with kWrite it is made. `client` sends the token, and tries
// again.
Result<std::unique_ptr<ObjectStore>> OpenSwiftStore(std::shared_ptr<net::HttpClient> client,
                                                    Container container, Transfer transfer,
                                                    BankUse use, SteadyTime deadline);

}  // namespace holdfast::banks::swift
