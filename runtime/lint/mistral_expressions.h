#pragma once

#include <string_view>

#include "plugins/sdk/value.h"
#include "runtime/lint/finding.h"
#include "runtime/local/source_file.h"

namespace holdfast::lint {

// The YAQL and Jinja of a workflow, wherever Mistral evaluates it. What it cannot parse, it refuses or breaks over: that
// is an error. What only looks like an expression (it is not closed, or stands on several lines) is text for it:
// a warning, as is what stands where Mistral does not look, or looks only when the run has failed. Trap `expression`.
Findings CheckExpressions(const local::SourceFile& source, const Value& workflow);

// True for a text that is one expression, and nothing else but blanks after it: what stands where a number or a truth is
// wanted.
bool IsExpression(std::string_view text);

}  // namespace holdfast::lint
