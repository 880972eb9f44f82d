#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/value.h"
#include "runtime/lint/finding.h"
#include "runtime/local/source_file.h"

namespace holdfast::lint {

// Where a task leads to: "b", or "fail", a command of the engine.
struct MistralLink {
  std::string to;
  const Value* value = nullptr;      // for its place
  const Value* condition = nullptr;  // null: it is always taken
};

// A policy, or a join, that Mistral takes for none at all: false, 0 and 0.0.
bool IsNothing(const Value& policy);
// Of one text of `with-items`, what comes behind "name in": [JSON], or an expression. Mistral passes over what follows, and
// refuses the text where this is empty.
std::string_view SourceOfItems(std::string_view text);
// Whether a run may have no item of a task's `with-items`: they are not written out.
bool MayHaveNoItems(const Value& items);

// The fields, types and forms of a workflow's definition, as Mistral's JSON schemas have them
// (mistral/lang/v2 of 15.0): what it refuses to create. Trap `field`. `workflow` is as Mistral reads it (ReadAsMistral).
Findings CheckMistralWorkflow(const local::SourceFile& source, std::string_view name,
                              const Value& workflow);

// The links of one clause as Mistral takes them: a task, a list of tasks, or those of {publish, next}. It has none for a
// map with a condition that stands in no list, and drops the condition of one behind `next`. Of a form that is none:
// those that are.
std::vector<MistralLink> LinksOf(const Value& clause);

}  // namespace holdfast::lint
