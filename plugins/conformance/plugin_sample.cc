#include "plugins/conformance/plugin_sample.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "plugins/sdk/schema.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::conformance {
namespace {

constexpr std::string_view kFolder = "{folder}";

struct SampleForm {
  Value settings;
  std::map<std::string, std::string> files;
  Value resource;
  Value parameters;
  template <class Fields>
  static void Describe(Fields& fields) {
    fields("settings", &SampleForm::settings, "of the plugin");
    fields("files", &SampleForm::files, "what is written before each trial");
    fields("resource", &SampleForm::resource, "what is protected").Required();
    fields("parameters", &SampleForm::parameters, "of each operation");
  }
};

struct ResourceForm {
  std::string type;
  std::string id;
  std::string name;
  Value extra;
  template <class Fields>
  static void Describe(Fields& fields) {
    fields("type", &ResourceForm::type, "its type").Required();
    fields("id", &ResourceForm::id, "its id").Required();
    fields("name", &ResourceForm::name, "its name for people");
    fields("extra", &ResourceForm::extra, "what its protectable plugin would know");
  }
};

struct ParametersForm {
  Value protect;
  Value restore;
  Value del;
  Value verify;
  template <class Fields>
  static void Describe(Fields& fields) {
    fields("protect", &ParametersForm::protect, "of protect");
    fields("restore", &ParametersForm::restore, "of restore");
    fields("delete", &ParametersForm::del, "of delete");
    fields("verify", &ParametersForm::verify, "of verify");
  }
};

std::string ReplaceFolder(std::string text, const std::string& folder) {
  for (std::size_t at = text.find(kFolder); at != std::string::npos;
       at = text.find(kFolder, at + folder.size())) {
    text.replace(at, kFolder.size(), folder);
  }
  return text;
}

Value ReplaceFolder(const Value& value, const std::string& folder) {
  if (value.is_string()) return ReplaceFolder(value.AsString(), folder);
  if (value.is_list()) {
    Value::List list;
    for (const Value& entry : value.AsList()) list.push_back(ReplaceFolder(entry, folder));
    return list;
  }
  if (value.is_map()) {
    Value::Map map;
    for (const auto& [key, entry] : value.AsMap()) map.emplace(key, ReplaceFolder(entry, folder));
    return map;
  }
  return value;
}

Status CheckFileName(const std::string& name) {
  for (const std::string_view part : Split(name, '/')) {
    // A name that ends in '/' has an empty last part: a folder.
    if (part == ".." || part == "." || (part.empty() && name.empty())) {
      return InvalidInput(fmt::format("'{}' is no file below the folder", Printable(name)));
    }
  }
  if (name.front() == '/') {
    return InvalidInput(fmt::format("'{}' is no file below the folder", Printable(name)));
  }
  return Ok();
}

Status WriteFile(const std::string& folder, const std::string& name, const std::string& text) {
  const std::filesystem::path path = std::filesystem::path(folder) / name;
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  if (error) return SystemError(error.value(), "making the folder of " + Printable(path.string()));
  if (name.back() == '/') return Ok();
  std::ofstream file(path, std::ios::binary);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  file.close();
  if (!file) return Internal("cannot write " + Printable(path.string()));
  return Ok();
}

}  // namespace

Result<PluginSample> SampleFromValue(const Value& value, std::string_view file) {
  HOLDFAST_ASSIGN_OR_RETURN(SampleForm form, Bind<SampleForm>(value, file, "sample"));
  HOLDFAST_ASSIGN_OR_RETURN(ResourceForm resource,
                            Bind<ResourceForm>(form.resource, file, "sample's resource"));
  HOLDFAST_ASSIGN_OR_RETURN(ParametersForm parameters,
                            Bind<ParametersForm>(form.parameters, file, "sample's parameters"));
  PluginSample sample;
  sample.settings = std::move(form.settings);
  sample.files = std::move(form.files);
  for (const auto& [name, text] : sample.files) HOLDFAST_RETURN_IF_ERROR(CheckFileName(name));
  sample.resource.key = {std::move(resource.type), std::move(resource.id)};
  sample.resource.name = resource.name.empty() ? sample.resource.key.id : std::move(resource.name);
  sample.resource.extra = std::move(resource.extra);
  HOLDFAST_RETURN_IF_ERROR(CheckResourceKey(sample.resource.key));
  sample.parameters = {std::move(parameters.protect), std::move(parameters.restore),
                       std::move(parameters.del), std::move(parameters.verify)};
  return sample;
}

Result<PluginSample> PlaceSample(const PluginSample& sample, const std::string& folder) {
  for (const auto& [name, text] : sample.files) {
    HOLDFAST_RETURN_IF_ERROR(WriteFile(folder, name, text));
  }
  PluginSample placed = sample;
  placed.settings = ReplaceFolder(sample.settings, folder);
  placed.resource.key.id = ReplaceFolder(sample.resource.key.id, folder);
  placed.resource.name = ReplaceFolder(sample.resource.name, folder);
  placed.resource.extra = ReplaceFolder(sample.resource.extra, folder);
  for (Value& parameters : placed.parameters) parameters = ReplaceFolder(parameters, folder);
  return placed;
}

}  // namespace holdfast::plugins::conformance
