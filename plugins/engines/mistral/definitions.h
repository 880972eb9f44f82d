#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "plugins/engines/mistral/api.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

// What a site has stored in Mistral: workflows, actions, environments, cron triggers.
namespace holdfast::engines::mistral {

enum class Stored { kCreated, kChanged, kAsItWas };

// Asked before a workflow that is there is changed, with the text of its definition; its error is returned.
using AskToChange = std::function<Status(const std::string& stored)>;

// What StoreWorkflow would do now, or be kept from by `changes`: writes nothing.
Result<Stored> CompareWorkflow(Api& api, const std::string& name, const std::string& text,
                               const AskToChange& changes);
// Stores the one workflow of a definition file, over the one of that name. kInvalidInput, with what Mistral says, when
// it refuses it.
//
// Mistral keeps what it has parsed by the second of the last change: a change within the same second as the one before
// would not be seen. So that is waited for.
Result<Stored> StoreWorkflow(Api& api, const std::string& name, const std::string& text,
                             const AskToChange& changes);
// Removes a workflow; success where it is not there.
Status DeleteWorkflow(Api& api, const std::string& name);
// The names of the workflows whose names begin so.
Result<std::vector<std::string>> WorkflowsNamed(Api& api, const std::string& beginning);

struct Definition {
  std::string text;  // as it was stored
  Value value;       // what stands behind the workflow's name in it; null where that cannot be read
  // Since it was stored or changed, by Mistral's own clock; nullopt: not known.
  std::optional<std::chrono::seconds> age = {};
};
// The sub-workflows that a definition starts, directly or not, by name.
struct DefinitionsBelow {
  std::map<std::string, Definition> stored;
  std::vector<std::string> missing;
};
Result<DefinitionsBelow> FindBelow(Api& api, const Value& definition);
// Mistral's own check of a definition file; kInvalidInput with what it says.
Status ValidateWorkflow(Api& api, const std::string& text);
// The definition of a workflow as it is stored; nullopt: there is none.
Result<std::optional<Definition>> StoredWorkflow(Api& api, const std::string& name);

// kNotFound, saying how to create them, where the site has no such action or environment.
Status RequireAction(Api& api, const std::string& action);
Status RequireEnvironment(Api& api, const std::string& environment);

// An execution of the workflow that has not ended, also a paused one; empty: there is none.
Result<std::string> ExecutionAtWork(Api& api, const std::string& workflow);

// The names of the cron triggers that start a workflow.
Result<std::vector<std::string>> CronTriggersOf(Api& api, const std::string& workflow);
// kConflict where there is a cron trigger of that name for another workflow: that is somebody else's. Writes nothing.
Status CheckCronTrigger(Api& api, const Value& trigger);
// Stores a cron trigger (a request as `compile --kind template` writes it), over the one of its name, as far as CheckCronTrigger
// allows. Mistral changes none: the
// one that is there is removed first, and stored again where the new one is refused. Who is ended between the two has none,
// and stores it again.
Result<Stored> StoreCronTrigger(Api& api, const Value& trigger);

}  // namespace holdfast::engines::mistral
