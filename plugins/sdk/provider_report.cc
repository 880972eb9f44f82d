#include "plugins/sdk/provider_report.h"

namespace holdfast {

namespace {

Value Texts(const std::vector<std::string>& texts) {
  return Value::List(texts.begin(), texts.end());
}

}  // namespace

Value DescribePlugin(const PluginDescriptor& descriptor) {
  Value operations;
  for (const Operation operation : kAllOperations) {
    const OperationDescriptor& d = descriptor.operation(operation);
    Value::List activities;
    for (const ActivityKind kind : kAllActivityKinds) {
      if (d.Defines(kind)) activities.emplace_back(NameOf(kind));
    }
    operations.Set(NameOf(operation), Value()
                                          .Set("activities", std::move(activities))
                                          .Set("empty_on_purpose", d.empty_on_purpose)
                                          .Set("parameters", SchemaToJsonSchema(d.parameters)));
  }
  Value out = Value()
                  .Set("name", descriptor.name)
                  .Set("description", descriptor.description)
                  .Set("aliases", Texts(descriptor.aliases))
                  .Set("types", Texts(descriptor.types))
                  .Set("settings_section", descriptor.settings_section)
                  .Set("shared_sections", Value::List(descriptor.shared_sections.begin(),
                                                      descriptor.shared_sections.end()))
                  .Set("settings", SchemaToJsonSchema(descriptor.settings))
                  .Set("operations", std::move(operations))
                  .Set("quiesces", descriptor.quiesces)
                  .Set("post_acts_on_failure", descriptor.post_acts_on_failure);
  if (descriptor.has_saved_info) out.Set("saved_info", SchemaToJsonSchema(descriptor.saved_info));
  return out;
}

Value DescribeProtectable(const ProtectableDescriptor& descriptor) {
  return Value()
      .Set("type", descriptor.type)
      .Set("description", descriptor.description)
      .Set("parent_types", Texts(descriptor.parent_types))
      .Set("settings_section", descriptor.settings_section)
      .Set("settings", SchemaToJsonSchema(descriptor.settings));
}

Value DescribeBank(const BankEntry& bank) {
  return Value()
      .Set("name", bank.name)
      .Set("description", bank.description)
      .Set("aliases", Texts(bank.aliases))
      .Set("settings_section", bank.settings_section)
      .Set("settings", SchemaToJsonSchema(bank.settings));
}

Value DescribeProvider(const Provider& provider) {
  const ProviderConfig& config = provider.config();
  Value::List plugins;
  for (const auto& plugin : provider.protections())
    plugins.push_back(DescribePlugin(plugin->descriptor()));
  Value::List protectables;
  for (const auto& one : provider.protectables())
    protectables.push_back(DescribeProtectable(one->descriptor()));
  return Value()
      .Set("file", config.file)
      .Set("name", config.name)
      .Set("id", config.id)
      .Set("description", config.description)
      .Set("enabled", config.enabled)
      .Set("bank",
           provider.bank_entry() == nullptr ? Value() : DescribeBank(*provider.bank_entry()))
      .Set("plugins", std::move(plugins))
      .Set("protectables", std::move(protectables))
      .Set("warnings", Texts(provider.warnings()));
}

}  // namespace holdfast
