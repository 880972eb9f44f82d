#pragma once

#include <string>
#include <string_view>

#include "plugins/engines/mistral/api.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

// What stands in Mistral's answers.
namespace holdfast::engines::mistral {

// Of an execution, a task or an action: nothing of it goes on.
bool HasEnded(std::string_view state);
// A GET that has to answer with an object; kCorrupt where it does not.
Result<Value> GetObject(Api& api, const std::string& target);
// The same of what may not be there: then the answer's body is null.
Result<Answer> Find(Api& api, const std::string& target);
// A GET of a list, which stands behind a key of an object. kCorrupt where there is none: that is no empty list.
Result<Value::List> GetList(Api& api, const std::string& target, std::string_view key);

// "2026-11-28 23:34:18", or with microseconds, as RFC 3339 in whole seconds; empty: none.
std::string TimeOf(const Value& object, std::string_view key);
// A map that Mistral writes as a text of JSON; an empty one where it is none.
Value MapAt(const Value& object, std::string_view key);

}  // namespace holdfast::engines::mistral
