#include "runtime/cli/reference.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "plugins/sdk/exit_code.h"
#include "plugins/sdk/known_plugins.h"
#include "plugins/sdk/provider.h"
#include "plugins/sdk/provider_settings.h"
#include "plugins/sdk/text.h"

namespace holdfast::cli {

namespace {

void Describe(const CommandNode& node, const std::string& path, std::string& out) {
  if (node.children.empty() || path == "holdfast") {
    out += fmt::format("\n## {}\n\n{}.\n\n", path,
                       node.description.back() == '.'
                           ? node.description.substr(0, node.description.size() - 1)
                           : node.description);
    std::string usage = path;
    for (const auto& option : node.options) {
      if (option.positional)
        usage += option.required ? " " + option.name : " [" + option.name + "]";
    }
    if (path != "holdfast") out += fmt::format("    {} [options]\n\n", usage);
    for (const std::string& alias : node.aliases)
      out += fmt::format("`holdfast {}` is the same.\n\n", alias);
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
  std::string out =
      "# Command line\n\nPrinted by `holdfast reference`. Exit codes: "
      "[exit-codes.md](exit-codes.md).\n";
  Describe(root, "holdfast", out);
  return out;
}

std::string ExitCodesMarkdown() {
  std::string out =
      "# Exit codes\n\nPrinted by `holdfast reference exit-codes`. They are API: retry rules of "
      "workflows read them. Any other\n"
      "code is a failure.\n\n| code | name | meaning |\n|---|---|---|\n";
  for (const ExitCodeEntry& entry : kExitCodes) {
    out +=
        fmt::format("| {} | {} | {} |\n", static_cast<int>(entry.code), entry.name, entry.meaning);
  }
  return out;
}

namespace {

std::string Cell(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2)
    text.replace(at, 1, "\\|");
  return text;
}

// "| `key` | meaning | default |", without an end, so that more columns can follow.
std::string FieldRow(const Field& field) {
  std::string meaning = field.description;
  if (!field.one_of.empty()) meaning += " (" + Join(field.one_of, ", ") + ")";
  const std::string fallback = field.required ? "required" : DefaultText(field);
  std::string name = field.name;
  if (field.type == FieldType::kSecret) name += "_file`, `" + field.name + "_env";
  return fmt::format("| `{}` | {} | {} |", name, Cell(meaning), Cell(fallback));
}

void FieldsTable(std::string_view heading, const Schema& schema, std::string& out) {
  if (schema.fields.empty()) return;
  out += fmt::format("\n{}\n\n| key | meaning | default |\n|---|---|---|\n", heading);
  for (const Field& field : schema.fields) out += FieldRow(field) + "\n";
}

// The sections of provider files, with their keys in the order of their first owner, and for each
// key who reads it.
class ProviderSections {
 public:
  void Add(const std::string& section, const std::string& owner, const Schema& settings) {
    if (settings.fields.empty()) return;
    std::vector<Row>& rows = sections_[section];
    for (const Field& field : settings.fields) {
      const std::string text = FieldRow(field);
      const auto same =
          std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.text == text; });
      if (same == rows.end()) {
        rows.push_back({text, {owner}});
      } else if (same->owners.back() != owner) {
        same->owners.push_back(owner);
      }
    }
  }
  std::string Markdown() const {
    std::string out;
    for (const auto& [section, rows] : sections_) {
      out += fmt::format(
          "\n## `[{}]`\n\n| key | meaning | default | read by |\n|---|---|---|---|\n", section);
      for (const Row& row : rows) out += row.text + " " + Join(row.owners, ", ") + " |\n";
    }
    return out;
  }

 private:
  struct Row {
    std::string text;
    std::vector<std::string> owners;
  };
  std::map<std::string, std::vector<Row>> sections_;
};

}  // namespace

std::string PluginsMarkdown(const PluginRegistry& registry) {
  std::string out = "# Banks and plugins\n\nPrinted by `holdfast reference plugins`.\n";
  for (const auto& bank : registry.banks()) {
    out += fmt::format("\n## Bank {}\n\n{}.\n", bank->name, bank->description);
    FieldsTable("Settings in `[" + bank->settings_section + "]`:", bank->settings, out);
  }
  for (const auto& protection : registry.protections()) {
    const PluginDescriptor& d = protection->descriptor;
    out += fmt::format("\n## Plugin {}\n\n{}.", d.name, d.description);
    if (!d.types.empty()) out += " Protects " + Join(d.types, ", ") + ".";
    out += "\n\n| operation | activities |\n|---|---|\n";
    for (const Operation operation : kAllOperations) {
      std::vector<std::string> kinds;
      for (const ActivityKind kind : kAllActivityKinds) {
        if (d.operation(operation).Defines(kind)) kinds.emplace_back(NameOf(kind));
      }
      out += fmt::format("| {} | {} |\n", NameOf(operation),
                         kinds.empty() ? "nothing to do" : Join(kinds, ", "));
    }
    std::string sections = "`[" + d.settings_section + "]`";
    for (const std::string& shared : d.shared_sections) sections += ", `[" + shared + "]`";
    FieldsTable("Settings in " + sections + ":", d.settings, out);
    for (const Operation operation : kAllOperations) {
      FieldsTable("Parameters of " + std::string(NameOf(operation)) + ":",
                  d.operation(operation).parameters, out);
    }
  }
  for (const auto& protectable : registry.protectables()) {
    const ProtectableDescriptor& d = protectable->descriptor;
    out += fmt::format("\n## Resources of type {}\n\n{}.\n", d.type, d.description);
    if (!d.parent_types.empty()) out += "Stand below " + Join(d.parent_types, ", ") + ".\n";
    FieldsTable("Settings in `[" + d.settings_section + "]`:", d.settings, out);
  }
  return out;
}

std::string ProviderKeysMarkdown(const PluginRegistry& registry) {
  std::string out =
      "# Keys of provider files\n\nPrinted by `holdfast reference provider-keys`. The form of the "
      "files, secrets, and what is refused: [providers.md](providers.md).\n"
      "\n## `[provider]`\n\n| key | meaning | default |\n|---|---|---|\n";
  for (const ProviderKey& key : ProviderKeys()) {
    out +=
        fmt::format("| `{}` | {} | {} |\n", key.name, Cell(std::string(key.meaning)), key.needed);
  }
  ProviderSections sections;
  for (const auto& bank : registry.banks()) {
    sections.Add(bank->settings_section, "bank " + bank->name, bank->settings);
  }
  for (const auto& protection : registry.protections()) {
    const PluginDescriptor& d = protection->descriptor;
    sections.Add(d.settings_section, d.name, d.settings);
    for (const std::string& shared : d.shared_sections) sections.Add(shared, d.name, d.settings);
  }
  for (const auto& protectable : registry.protectables()) {
    const ProtectableDescriptor& d = protectable->descriptor;
    sections.Add(d.settings_section, d.type, d.settings);
  }
  out += sections.Markdown();
  out +=
      "\n## Names of OpenStack Karbor\n\nFiles written for Karbor load as they stand. These names "
      "are ours by another name, each also with `karbor.protections.` before it.\nA bank or plugin "
      "that is known but not in this build is a warning; an operation that needs it fails.\n\n"
      "| Karbor | here | sections |\n|---|---|---|\n";
  for (const KnownPlugin& known : KnownPlugins()) {
    std::string names;
    for (const std::string_view section : known.sections) {
      names += (names.empty() ? "`[" : ", `[") + std::string(section) + "]`";
    }
    for (const std::string_view alias : known.aliases) {
      out += fmt::format("| `{}` | `{}` | {} |\n", alias, known.name, names);
    }
  }
  return out;
}

}  // namespace holdfast::cli
