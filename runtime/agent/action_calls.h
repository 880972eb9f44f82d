#pragma once

#include <string>

#include "plugins/engines/mistral/api.h"
#include "plugins/sdk/result.h"

// What the agent asks Mistral for. Each is tried once: those who ask have their own way to try again, and an answer with
// status 500, which is Mistral's to a report that comes too late, would be waited for in vain.
namespace holdfast::agent {

Result<engines::mistral::Answer> GetOnce(engines::mistral::Api& api, std::string target);
Result<engines::mistral::Answer> PutOnce(engines::mistral::Api& api, std::string target,
                                         std::string body);

// Whether it is Mistral that answers there, and answers us, whatever it says of one action: a proxy in front of a Mistral that
// is away, or another address, may well say 404.
bool Answers(engines::mistral::Api& api);

}  // namespace holdfast::agent
