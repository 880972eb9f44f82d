#pragma once

#include <functional>
#include <string>
#include <vector>

#include "plugins/engines/argo/rest_caller.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast::engines::argo {

// A list of objects that is read in pages (Kubernetes API concepts, "Retrieving large results sets in chunks").
struct ObjectList {
  std::string target;  // the path of the collection
  std::string
      option_prefix;   // of limit, labelSelector and continue; the Argo server's is "listOptions."
  int page = 0;        // objects in one answer
  std::string labels;  // a selector; empty: all objects
  std::string origin;  // who answers, for errors
};

// All objects of it, their nodes expanded. `send` gives the JSON of one page. kCorrupt for a list without an end.
Result<std::vector<Value>> ReadObjectList(
    const ObjectList& list, const std::function<Result<Value>(const Call& call)>& send);

}  // namespace holdfast::engines::argo
