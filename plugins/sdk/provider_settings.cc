#include "plugins/sdk/provider_settings.h"

#include <fmt/format.h>

#include <algorithm>

#include "plugins/sdk/known_plugins.h"
#include "plugins/sdk/text.h"

namespace holdfast {

bool IsNameOf(const Field& field, std::string_view key) {
  return key == field.name ||
         std::find(field.aliases.begin(), field.aliases.end(), key) != field.aliases.end();
}

const Field* FieldOf(const Schema& schema, std::string_view key) {
  for (const Field& field : schema.fields) {
    if (IsNameOf(field, key)) return &field;
  }
  for (const Field& field : schema.fields) {
    if (field.type != FieldType::kSecret) continue;
    std::vector<std::string> names{field.name};
    names.insert(names.end(), field.aliases.begin(), field.aliases.end());
    for (const std::string& name : names) {
      if (key == name + "_file" || key == name + "_env") return &field;
    }
  }
  return nullptr;
}

std::vector<std::string> SectionsOf(std::string_view name, const std::string& own,
                                    const std::vector<std::string>& shared) {
  std::vector<std::string> out{own};
  out.insert(out.end(), shared.begin(), shared.end());
  if (const KnownPlugin* const known = FindKnownPlugin(name); known != nullptr) {
    for (const std::string_view section : known->sections) {
      if (section != own) out.emplace_back(section);
    }
  }
  return out;
}

namespace {

std::string TextOf(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kString:
      return value.AsString();
    case Value::Kind::kBool:
      return value.AsBool() ? "true" : "false";
    case Value::Kind::kInt:
      return std::to_string(value.AsInt());
    case Value::Kind::kDouble:
      return fmt::format("{}", value.AsDouble());
    case Value::Kind::kList: {
      std::vector<std::string> items;
      for (const Value& item : value.AsList()) items.push_back(TextOf(item));
      return Join(items, ", ");
    }
    default:
      return {};
  }
}

std::string TextOf(const Field& field, const IniEntry& entry) {
  if (field.type != FieldType::kSecret) return entry.value;
  if (IsNameOf(field, entry.key)) return "in clear";
  return (entry.key.ends_with("_file") ? "file " : "variable ") + entry.value;
}

}  // namespace

std::string DefaultText(const Field& field) { return TextOf(field.default_value); }

std::vector<SettingInEffect> SettingsInEffect(const ProviderConfig& config, const Schema& schema,
                                              const std::vector<std::string>& sections) {
  std::vector<SettingInEffect> out;
  for (const Field& field : schema.fields) {
    SettingInEffect setting{&field, sections.front(), 0, DefaultText(field)};
    for (const IniSection& section : config.sections) {
      if (std::find(sections.begin(), sections.end(), section.name) == sections.end()) continue;
      for (const IniEntry& entry : section.entries) {
        if (FieldOf(schema, entry.key) != &field) continue;
        setting.section = section.name;
        setting.line = entry.where.line;
        setting.value = TextOf(field, entry);
      }
    }
    out.push_back(std::move(setting));
  }
  return out;
}

Value SettingsInEffectToValue(const ProviderConfig& config,
                              const std::vector<SettingInEffect>& settings) {
  Value::List out;
  for (const SettingInEffect& setting : settings) {
    Value datum = Value().Set("name", setting.field->name).Set("section", setting.section);
    if (setting.line != 0) {
      datum.Set("value", Printable(setting.value))
          .Set("source", "file")
          .Set("file", config.file)
          .Set("line", static_cast<std::int64_t>(setting.line));
    } else if (!setting.value.empty()) {
      datum.Set("value", setting.value).Set("source", "default");
    }
    out.push_back(std::move(datum));
  }
  return out;
}

}  // namespace holdfast
