#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/value.h"
#include "runtime/lint/finding.h"
#include "runtime/local/source_file.h"

namespace holdfast::lint {

// Where a task leads to: "b", or "fail(msg=...)", a command of the engine.
struct MistralLink {
  std::string to;
  const Value* value = nullptr;  // for its place
  bool condition = false;
};

// The fields, types and forms of a workflow's definition, as Mistral's JSON schemas have them
// (mistral/lang/v2 of 15.0): what it refuses to create. Trap `field`.
Findings CheckMistralWorkflow(const local::SourceFile& source, std::string_view name,
                              const Value& workflow);

// The links of one clause: a task, a list of tasks, or {publish, next}. Of a form that is none: those that are.
std::vector<MistralLink> LinksOf(const Value& clause);

// Its YAQL and Jinja: one that is not closed or stands on several lines is text for Mistral, two kinds in one text are
// refused. Trap `expression`.
Findings CheckExpressions(const local::SourceFile& source, const Value& value);

// True for a text that is one expression: what stands where a number or a truth is wanted.
bool IsExpression(std::string_view text);

}  // namespace holdfast::lint
