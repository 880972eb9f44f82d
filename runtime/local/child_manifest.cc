#include "runtime/local/child_manifest.h"

#include <fmt/format.h>

#include <array>

#include "plugins/sdk/text.h"
#include "plugins/sdk/yaml/yaml_in.h"
#include "runtime/local/call_reader.h"

namespace holdfast::local {
namespace {

using Names = std::string_view;

constexpr std::array<Names, 4> kResourceRead{"action", "manifest", "successCondition",
                                             "failureCondition"};
constexpr std::array<Names, 1> kResourceIgnored{"setOwnerReference"};
constexpr std::array<Names, 3> kResourceRefused{"flags", "mergeStrategy", "manifestFrom"};

constexpr std::array<Names, 4> kManifestRead{"apiVersion", "kind", "metadata", "spec"};
constexpr std::array<Names, 1> kMetadataRead{"name"};
constexpr std::array<Names, 2> kMetadataIgnored{"labels", "annotations"};
constexpr std::array<Names, 2> kSpecRead{"workflowTemplateRef", "arguments"};
constexpr std::array<Names, 1> kSpecIgnored{"parallelism"};
constexpr std::array<Names, 1> kRefRead{"name"};

// With anything else the step would never end, or end well although the child did not.
constexpr std::string_view kSuccess = "status.phase == Succeeded";
constexpr std::string_view kFailure = "status.phase in (Failed, Error)";

std::string WithoutBlanks(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != ' ') out += c;
  }
  return out;
}

Status CheckCondition(const SourceFile& source, const Value& value, std::string_view key,
                      std::string_view wanted) {
  const Value* const found = value.Find(key);
  const std::string hint = fmt::format("{}: {}", key, wanted);
  if (found == nullptr)
    return source.At(value.position(), fmt::format("'resource' has no '{}'", key)).Hint(hint);
  HOLDFAST_ASSIGN_OR_RETURN(const std::string text, TextOfScalar(source, *found, key));
  if (WithoutBlanks(text) == WithoutBlanks(wanted)) return Ok();
  return source
      .At(found->position(), fmt::format("the local engine does not run this '{}'", key),
          text.size())
      .Hint(hint);
}

}  // namespace

Result<ChildTemplate> ReadChildTemplate(const SourceFile& source, const Value& value) {
  HOLDFAST_RETURN_IF_ERROR(CheckFields(
      source, value, {"'resource'", kResourceRead, kResourceIgnored, kResourceRefused}));
  const Value* const action = value.Find("action");
  const std::string what =
      action != nullptr && action->is_string() ? action->AsString() : std::string();
  if (what != "create" && what != "apply") {
    return source
        .At(action == nullptr ? value.position() : action->position(),
            fmt::format("the local engine has no action '{}' of a resource", Printable(what)))
        .Hint("it has create and apply, of a Workflow");
  }
  HOLDFAST_RETURN_IF_ERROR(CheckCondition(source, value, "successCondition", kSuccess));
  HOLDFAST_RETURN_IF_ERROR(CheckCondition(source, value, "failureCondition", kFailure));
  const Value* const manifest = value.Find("manifest");
  if (manifest == nullptr || !manifest->is_string())
    return source.At(value.position(), "'resource' has no 'manifest'");
  return ChildTemplate{manifest->AsString(), manifest->position()};
}

Result<ChildManifest> ReadChildManifest(const SourceFile& source, const ChildTemplate& child,
                                        const std::map<std::string, std::string>& inputs) {
  const auto bad = [&](const std::string& why) {
    return source.At(child.position, "the manifest of a child Workflow: " + why);
  };
  // As Argo does it: the text first, then what it says.
  constexpr std::string_view kInput = "inputs.parameters.";
  std::string text;
  std::string_view rest = child.manifest;
  for (std::size_t begin = rest.find("{{"); begin != std::string_view::npos;
       begin = rest.find("{{")) {
    const std::size_t end = rest.find("}}", begin);
    if (end == std::string_view::npos) return bad("a '{{' is not closed");
    const std::string_view name = Trim(rest.substr(begin + 2, end - begin - 2));
    text += rest.substr(0, begin);
    if (!name.starts_with(kInput)) {
      text += rest.substr(begin, end + 2 - begin);
    } else if (const auto found = inputs.find(std::string(name.substr(kInput.size())));
               found != inputs.end()) {
      text += found->second;
    } else {
      return bad(fmt::format("the template has no input '{}'", Printable(name)));
    }
    rest.remove_prefix(end + 2);
  }
  text += rest;

  auto parsed = ParseYaml(text, source.path);
  if (!parsed) return bad(parsed.error().message());
  const Value& manifest = *parsed;
  // Its fields lie somewhere in the text; the place that is told is where the text begins.
  const SourceFile here{source.path, ""};
  const auto placed = [&bad](const auto& failed) { return bad(failed.error().message()); };
  if (const Status ok = CheckFields(here, manifest, {"it", kManifestRead, {}, {}}); !ok)
    return placed(ok);
  if (manifest.StringOr("kind", "") != "Workflow" ||
      manifest.StringOr("apiVersion", "") != "argoproj.io/v1alpha1")
    return bad("it is no Workflow of argoproj.io/v1alpha1");
  const Value* const metadata = manifest.Find("metadata");
  const Value* const spec = manifest.Find("spec");
  if (metadata == nullptr || spec == nullptr) return bad("it has no 'metadata' or no 'spec'");
  if (const Status ok =
          CheckFields(here, *metadata, {"'metadata'", kMetadataRead, kMetadataIgnored, {}});
      !ok)
    return placed(ok);
  if (const Status ok = CheckFields(here, *spec, {"'spec'", kSpecRead, kSpecIgnored, {}}); !ok)
    return placed(ok);

  ChildManifest out;
  const Value* const name = metadata->Find("name");
  // A generated name would be another child each time that the step is tried.
  if (name == nullptr) return bad("it has no name");
  auto name_text = ReadText(here, *name, "'name'");
  if (!name_text) return placed(name_text);
  out.name = std::move(*name_text);
  const Value* const ref = spec->Find("workflowTemplateRef");
  if (ref == nullptr) return bad("it has no 'workflowTemplateRef'");
  if (const Status ok = CheckFields(here, *ref, {"'workflowTemplateRef'", kRefRead, {}, {}}); !ok)
    return placed(ok);
  out.template_ref = ref->StringOr("name", "");
  if (out.template_ref.empty() || out.template_ref.find("{{") != std::string::npos)
    return bad("which WorkflowTemplate it runs is not known before the run");
  const Value* const arguments = spec->Find("arguments");
  auto parameters = ReadParameters(here, arguments, "'arguments'");
  if (!parameters) return placed(parameters);
  for (Parameter& parameter : *parameters) {
    if (!parameter.value) return bad("parameter '" + Printable(parameter.name) + "' has no value");
    out.parameters.push_back({parameter.name, {parameter.value->text, child.position}});
  }
  out.name.position = child.position;
  return out;
}

}  // namespace holdfast::local
