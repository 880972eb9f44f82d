#pragma once

#include <string>
#include <string_view>

#include "plugins/sdk/value.h"

namespace holdfast::mistral {

// Whose a definition is: which operation of which plan it does, for which provider. Mistral knows workflows by their names
// alone, and so who stores one asks this of the one that is there.
struct DefinitionOwner {
  std::string operation;  // "protect"
  std::string plan;
  std::string provider;  // its id; empty: not said
  // Of a part that an earlier build compiled: the workflow that starts it; all else is empty then.
  std::string whole;

  // Nobody's that Holdfast knows of: somebody else's.
  bool is_unknown() const { return plan.empty() && whole.empty(); }
  // For people: "Protect of plan nightly for provider 3f5a1f64-...".
  std::string str() const;
};

// Those of a definition's tags that say it, in the order of their names; empty: it has none.
Value::List OwnerTags(const Value& tags);

// Of the workflow of that name in the text of a definition, by its tags. Comments are read where it has none of ours: earlier
// builds wrote no tags. Then what stands above the first comment of theirs counts for nothing.
DefinitionOwner OwnerOf(std::string_view text, const std::string& name);

// May what `stored` says be replaced by what `wanted` says? That is a known one, of the workflow `whole` or one of its parts.
bool IsSameOwner(const DefinitionOwner& stored, const DefinitionOwner& wanted,
                 std::string_view whole);

}  // namespace holdfast::mistral
