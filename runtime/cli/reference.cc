#include "runtime/cli/reference.h"

#include <fmt/format.h>

namespace holdfast::cli {

namespace {

void Describe(const CommandNode& node, const std::string& path, std::string& out) {
  if (node.children.empty() || path == "holdfast") {
    out += fmt::format("\n## {}\n\n{}.\n\n", path, node.description.back() == '.'
                                                      ? node.description.substr(0, node.description.size() - 1)
                                                      : node.description);
    std::string usage = path;
    for (const auto& option : node.options) {
      if (option.positional) usage += option.required ? " " + option.name : " [" + option.name + "]";
    }
    if (path != "holdfast") out += fmt::format("    {} [options]\n\n", usage);
    if (!node.options.empty()) {
      out += "| option | meaning |\n|---|---|\n";
      for (const auto& option : node.options) {
        std::string meaning = option.description;
        if (!option.default_text.empty()) meaning += " (default: " + option.default_text + ")";
        if (option.required) meaning += " (required)";
        for (std::size_t at = 0; (at = meaning.find('|', at)) != std::string::npos; at += 2) {
          meaning.replace(at, 1, "\\|");
        }
        out += fmt::format("| `{}` | {} |\n", option.name, meaning);
      }
    }
  }
  for (const CommandNode& child : node.children) Describe(child, path + " " + child.name, out);
}

}  // namespace

std::string ReferenceMarkdown(const CommandNode& root) {
  std::string out = "# Command line\n\nPrinted by `holdfast reference`. Exit codes: [exit-codes.md](exit-codes.md).\n";
  Describe(root, "holdfast", out);
  return out;
}

}  // namespace holdfast::cli
