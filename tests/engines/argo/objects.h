#pragma once

#include <string>

#include "plugins/engines/argo/node_archive.h"
#include "plugins/sdk/file.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/value.h"

namespace holdfast::testing {

// A recorded object, "stopped/09", as it was written.
inline Value RawObject(const std::string& name) {
  const auto text = ReadFile(std::string(HOLDFAST_TEST_OBJECTS) + "/" + name + ".json");
  return text ? ParseJson(*text, name).value() : Value();
}
// The same with its nodes expanded.
inline Value Object(const std::string& name) {
  Value object = RawObject(name);
  const Status expanded = engines::argo::ExpandNodes(object);
  return expanded ? object : Value();
}

}  // namespace holdfast::testing
