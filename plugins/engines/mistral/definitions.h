#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "plugins/engines/mistral/api.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

// What a site has stored in Mistral: workflows, actions, environments, cron triggers.
namespace holdfast::engines::mistral {

enum class Stored { kCreated, kChanged, kAsItWas };

// Stores the one workflow of a definition file, over the one of that name. kInvalidInput, with what Mistral says, when
// it refuses it. `changes` is asked before one that is there is changed, with its text; its error is returned.
//
// Mistral keeps what it has parsed by the second of the last change: a change within the same second as the one before
// would not be seen. So that is waited for.
Result<Stored> StoreWorkflow(Api& api, const std::string& name, const std::string& text,
                             const std::function<Status(const std::string& stored)>& changes);
// The sub-workflows that a definition (StoredWorkflow) starts, directly or not, and that are not stored.
Result<std::vector<std::string>> MissingBelow(Api& api, const Value& definition);
// Mistral's own check of a definition file; kInvalidInput with what it says.
Status ValidateWorkflow(Api& api, const std::string& text);
// The definition of a workflow as it is stored: the value behind its name; nullopt: there is none.
Result<std::optional<Value>> StoredWorkflow(Api& api, const std::string& name);

// kNotFound, saying how to create them, where the site has no such action or environment.
Status RequireAction(Api& api, const std::string& action);
Status RequireEnvironment(Api& api, const std::string& environment);

// An execution of the workflow that has not ended, also a paused one; empty: there is none.
Result<std::string> ExecutionAtWork(Api& api, const std::string& workflow);

// Stores a cron trigger (a request as `compile --kind template` writes it), over the one of its name. Mistral changes none: the
// one that is there is removed first, and stored again where the new one is refused. Who is ended between the two has none,
// and stores it again.
Result<Stored> StoreCronTrigger(Api& api, const Value& trigger);

}  // namespace holdfast::engines::mistral
