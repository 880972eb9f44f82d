#include "runtime/cli/usage_error.h"

#include <algorithm>
#include <utility>

#include "plugins/sdk/text.h"

namespace holdfast::cli {

namespace {

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// As they are written.
std::vector<std::string> NamesOf(const CommandNode::Option& option) {
  std::vector<std::string> out;
  for (const std::string& name : option.long_names) out.push_back("--" + name);
  for (const std::string& name : option.short_names) out.push_back("-" + name);
  return out;
}

// The commands, or the options, that may stand behind the words so far.
std::vector<std::string> Candidates(const CommandNode& root, const CommandNode& at, bool options) {
  std::vector<std::string> out;
  if (options) {
    for (const CommandNode* holder : {&at, &root}) {
      for (const CommandNode::Option& option : holder->options) {
        for (std::string& name : NamesOf(option)) out.push_back(std::move(name));
      }
    }
    return out;
  }
  for (const CommandNode& child : at.children) {
    out.push_back(child.name);
    out.insert(out.end(), child.aliases.begin(), child.aliases.end());
  }
  return out;
}

// Is the next word this option's?
bool TakesValue(const CommandNode& root, const CommandNode& at, const std::string& name) {
  for (const CommandNode* holder : {&at, &root}) {
    for (const CommandNode::Option& option : holder->options) {
      if (Contains(NamesOf(option), name)) return option.takes_value;
    }
  }
  return false;
}

const CommandNode* ChildOf(const CommandNode& at, const std::string& name) {
  for (const CommandNode& child : at.children) {
    if (child.name == name || Contains(child.aliases, name)) return &child;
  }
  return nullptr;
}

// What CLI11 says of a value or of what is missing, in our words.
std::string Reworded(std::string text) {
  if (const std::size_t newline = text.find('\n'); newline != std::string::npos)
    text.resize(newline);
  constexpr std::string_view kRequired = " is required";
  if (text.ends_with(kRequired))
    return text.substr(0, text.size() - kRequired.size()) + " is missing";
  // "--fuse: all not in {none,leaf}"
  const std::size_t colon = text.find(": ");
  const std::size_t list = text.rfind(" not in {");
  if (colon != std::string::npos && list != std::string::npos && colon < list &&
      text.ends_with('}')) {
    const std::string given = text.substr(colon + 2, list - colon - 2);
    std::vector<std::string> choices;
    for (const std::string_view choice :
         Split(std::string_view(text).substr(list + 9, text.size() - list - 10), ','))
      choices.emplace_back(choice);
    return text.substr(0, colon) + " takes " + Join(choices, " or ") + ", not '" + given + "'";
  }
  return text;
}

}  // namespace

// CLI11 lists arguments that it did not expect, last first, and says of none whether it is unknown.
Error UsageError(const CommandNode& root, std::string_view wrong,
                 const std::vector<std::string>& words) {
  const CommandNode* at = &root;
  std::string path = "holdfast";
  bool value = false;
  for (const std::string& word : words) {
    if (std::exchange(value, false)) continue;  // that of the option before it
    if (word == "--") break;                    // behind it come values alone
    const bool option = word.size() > 1 && word.front() == '-';
    const std::vector<std::string> candidates = Candidates(root, *at, option);
    const std::string name = word.substr(0, word.find('='));
    if (Contains(candidates, name)) {
      if (option) {
        value = name == word && TakesValue(root, *at, name);
      } else if (const CommandNode* const child = ChildOf(*at, name)) {
        at = child;
        path += " " + name;
      }
      continue;
    }
    // Behind the last command come values, which have no list.
    if (candidates.empty() || (!option && at->children.empty())) continue;
    const std::string near = Nearest(name, candidates);
    return Error(ErrorCode::kUsage,
                 path + " has no " + (option ? "option" : "command") + " '" + Printable(name) + "'")
        .Hint(near.empty()
                  ? "'" + path + " --help' lists what there is"
                  : "did you mean '" + near + "'? '" + path + " --help' lists what there is");
  }
  return Error(ErrorCode::kUsage, Printable(Reworded(std::string(wrong))))
      .Hint("'" + path + " --help' says more");
}

}  // namespace holdfast::cli
