#include "runtime/local/workflow_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <filesystem>
#include <iterator>
#include <map>
#include <system_error>
#include <tuple>
#include <utility>

#include "plugins/sdk/file.h"
#include "plugins/sdk/sha256.h"
#include "plugins/sdk/text.h"
#include "plugins/sdk/yaml/yaml_in.h"
#include "runtime/local/call_reader.h"
#include "runtime/local/child_manifest.h"
#include "runtime/local/step_program.h"
#include "runtime/local/template_reader.h"
#include "runtime/local/workflow_check.h"

namespace holdfast::local {
namespace {

using Names = std::string_view;

constexpr std::array<Names, 4> kDocumentRead{"apiVersion", "kind", "metadata", "spec"};
constexpr std::array<Names, 1> kDocumentIgnored{"status"};
constexpr std::array<Names, 4> kMetadataRead{"name", "generateName", "namespace", "uid"};
constexpr std::array<Names, 10> kMetadataIgnored{
    "labels",          "annotations", "creationTimestamp", "resourceVersion", "generation",
    "ownerReferences", "finalizers",  "managedFields",     "selfLink",        "deletionTimestamp"};

constexpr std::array<Names, 7> kSpecRead{"entrypoint",         "onExit",
                                         "arguments",          "templates",
                                         "parallelism",        "activeDeadlineSeconds",
                                         "workflowTemplateRef"};
constexpr std::array<Names, 29> kSpecIgnored{"serviceAccountName",
                                             "automountServiceAccountToken",
                                             "executor",
                                             "volumes",
                                             "volumeClaimTemplates",
                                             "volumeClaimGC",
                                             "nodeSelector",
                                             "affinity",
                                             "tolerations",
                                             "imagePullSecrets",
                                             "hostNetwork",
                                             "hostAliases",
                                             "dnsPolicy",
                                             "dnsConfig",
                                             "ttlStrategy",
                                             "podGC",
                                             "podMetadata",
                                             "workflowMetadata",
                                             "archiveLogs",
                                             "artifactGC",
                                             "artifactRepositoryRef",
                                             "schedulerName",
                                             "podPriorityClassName",
                                             "priority",
                                             "podDisruptionBudget",
                                             "podSpecPatch",
                                             "securityContext",
                                             "metrics",
                                             "shareProcessNamespace"};
constexpr std::array<Names, 6> kSpecRefused{
    "suspend", "hooks", "retryStrategy", "synchronization", "templateDefaults", "shutdown"};
constexpr std::array<Names, 1> kRefRead{"name"};
constexpr std::array<Names, 1> kRefRefused{"clusterScope"};

constexpr std::string_view kApiVersion = "argoproj.io/v1alpha1";

// What `spec` of a Workflow or a WorkflowTemplate says.
struct Spec {
  std::string entrypoint;
  Position entrypoint_position;
  std::string on_exit;
  Position on_exit_position;
  std::vector<Parameter> parameters;
  std::optional<std::int64_t> parallelism;
  std::optional<std::chrono::seconds> active_deadline;
  std::string template_ref;
  Position template_ref_position;
};

class Reader {
 public:
  // `start` is one of the first file's documents or made of one; nullptr: the only one that can start.
  Result<Workflow> Read(std::span<const ParsedFile* const> files, const Value* start) {
    HOLDFAST_ASSIGN_OR_RETURN(Document* const main, OpenMain(files, start));
    HOLDFAST_ASSIGN_OR_RETURN(Spec spec, ReadSpec(*main));
    std::string owner;  // the document in which entrypoint and onExit are looked up
    if (!spec.template_ref.empty()) {
      HOLDFAST_ASSIGN_OR_RETURN(
          Document* const base,
          FindTemplate(SourceOf(*main), spec.template_ref_position, spec.template_ref));
      owner = base->name;
      HOLDFAST_ASSIGN_OR_RETURN(Spec below, ReadSpec(*base));
      Inherit(spec, std::move(below));
    }
    HOLDFAST_RETURN_IF_ERROR(Load(*main, ""));
    workflow_.parameters = std::move(spec.parameters);
    workflow_.parallelism = spec.parallelism;
    workflow_.active_deadline = spec.active_deadline;
    if (spec.entrypoint.empty()) {
      return SourceOf(*main).At(main->spec().position(), "'spec' has no 'entrypoint'");
    }
    workflow_.entrypoint.name = spec.entrypoint;
    workflow_.entrypoint.document = owner;
    workflow_.entrypoint.position = spec.entrypoint_position;
    HOLDFAST_RETURN_IF_ERROR(Resolve(SourceOf(*main), "", workflow_.entrypoint));
    if (!spec.on_exit.empty()) {
      TemplateCall call;
      call.name = spec.on_exit;
      call.document = owner;
      call.position = spec.on_exit_position;
      HOLDFAST_RETURN_IF_ERROR(Resolve(SourceOf(*main), "", call));
      workflow_.on_exit = std::move(call);
    }
    HOLDFAST_RETURN_IF_ERROR(ResolveAll());
    HOLDFAST_RETURN_IF_ERROR(CheckWorkflow(workflow_));
    if (start != nullptr) return std::move(workflow_);
    Sha256 sha;
    for (const SourceFile& source : workflow_.sources) sha.Update(Sha256Hex(source.text));
    workflow_.sha256 = sha.FinishHex();
    return std::move(workflow_);
  }

  Result<Workflow> ReadLibrary(std::span<const ParsedFile* const> files, const Value& library) {
    HOLDFAST_ASSIGN_OR_RETURN(Document* const main, OpenMain(files, &library));
    HOLDFAST_ASSIGN_OR_RETURN(Spec spec, ReadSpec(*main));
    workflow_.parameters = std::move(spec.parameters);
    HOLDFAST_RETURN_IF_ERROR(Load(*main, ""));
    HOLDFAST_RETURN_IF_ERROR(ResolveAll());
    HOLDFAST_RETURN_IF_ERROR(CheckLibrary(workflow_));
    return std::move(workflow_);
  }

 private:
  struct Document {
    const ParsedFile* file;
    const Value* value;
    std::string kind;
    std::string name;
    bool checked = false;
    bool loaded = false;

    const Value& spec() const { return *value->Find("spec"); }
  };

  static const SourceFile& SourceOf(const Document& document) { return document.file->source; }
  bool IsInMainFile(const Document& document) const { return document.file == main_file_; }

  Result<Document*> OpenMain(std::span<const ParsedFile* const> files, const Value* start) {
    HOLDFAST_RETURN_IF_ERROR(FindDocuments(files));
    if (start == nullptr) {
      HOLDFAST_ASSIGN_OR_RETURN(main_, FindMain());
    } else {
      const auto own = std::find_if(documents_.begin(), documents_.end(),
                                    [start](const Document& d) { return d.value == start; });
      main_ = own != documents_.end() ? &*own : &Add(*main_file_, *start);
      HOLDFAST_RETURN_IF_ERROR(CheckDocument(*main_));
    }
    HOLDFAST_RETURN_IF_ERROR(ReadMetadata(*main_));
    return main_;
  }

  Document& Add(const ParsedFile& file, const Value& value) {
    Document document{&file, &value, value.StringOr("kind", ""), ""};
    if (const Value* metadata = value.Find("metadata"))
      document.name = metadata->StringOr("name", "");
    return documents_.emplace_back(std::move(document));
  }

  Status FindDocuments(std::span<const ParsedFile* const> files) {
    main_file_ = files.front();
    if (!main_file_->documents) return Error(main_file_->documents.error());
    SourceIndex(*main_file_);
    for (const ParsedFile* const file : files) {
      // A broken neighbour matters only when something is missing.
      if (!file->documents) {
        if (broken_ == nullptr) broken_ = &file->documents.error();
        continue;
      }
      for (const Value& value : *file->documents) {
        const bool is_template = value.StringOr("kind", "") == "WorkflowTemplate";
        if (!is_template && file != main_file_) continue;
        Document& document = Add(*file, value);
        if (is_template) templates_[document.name].push_back(&document);
      }
    }
    return Ok();
  }

  // Where `workflow_` has the file; it has those alone that something was read from.
  std::uint32_t SourceIndex(const ParsedFile& file) {
    const auto [entry, is_new] =
        source_index_.emplace(&file, static_cast<std::uint32_t>(workflow_.sources.size()));
    if (is_new) workflow_.sources.push_back(file.source);
    return entry->second;
  }

  Result<Document*> FindMain() {
    const SourceFile& source = main_file_->source;
    std::vector<Document*> workflows;
    std::vector<Document*> templates;
    for (Document& document : documents_) {
      if (!IsInMainFile(document)) break;  // they are the first
      HOLDFAST_RETURN_IF_ERROR(CheckDocument(document));
      if (document.kind == "Workflow") {
        workflows.push_back(&document);
      } else if (document.spec().Find("entrypoint") != nullptr) {
        templates.push_back(&document);
      }
    }
    auto& candidates = workflows.empty() ? templates : workflows;
    if (candidates.empty()) {
      return source.At(
          {}, "there is no Workflow in this file, and no WorkflowTemplate with an 'entrypoint'");
    }
    if (candidates.size() > 1) {
      return source.At(candidates[1]->value->position(),
                       fmt::format("there are {} {}s in this file; one was expected",
                                   candidates.size(), candidates[1]->kind));
    }
    return candidates[0];
  }

  static Status CheckDocument(Document& document) {
    if (document.checked) return Ok();
    document.checked = true;
    const SourceFile& source = SourceOf(document);
    HOLDFAST_RETURN_IF_ERROR(
        CheckFields(source, *document.value, {"a document", kDocumentRead, kDocumentIgnored, {}}));
    const Value* kind = document.value->Find("kind");
    if (kind == nullptr) return source.At(document.value->position(), "a document has no 'kind'");
    if (document.kind != "Workflow" && document.kind != "WorkflowTemplate") {
      return source
          .At(kind->position(),
              fmt::format("the local engine does not run a '{}'", Printable(document.kind)),
              document.kind.size())
          .Hint("it runs a Workflow or a WorkflowTemplate");
    }
    const Value* version = document.value->Find("apiVersion");
    if (version == nullptr || !version->is_string() || version->AsString() != kApiVersion) {
      return source.At(version == nullptr ? document.value->position() : version->position(),
                       fmt::format("'apiVersion' of a {} is {}", document.kind, kApiVersion));
    }
    for (const std::string_view key : {"metadata", "spec"}) {
      HOLDFAST_ASSIGN_OR_RETURN(const Value* map, MapField(source, *document.value, key));
      if (map == nullptr)
        return source.At(document.value->position(),
                         fmt::format("a {} has no '{}'", document.kind, key));
    }
    return CheckFields(source, *document.value->Find("metadata"),
                       {"'metadata'", kMetadataRead, kMetadataIgnored, {}});
  }

  Status ReadMetadata(const Document& main) {
    const Value& metadata = *main.value->Find("metadata");
    workflow_.kind = main.kind;
    workflow_.name = metadata.StringOr("name", "");
    workflow_.generate_name = metadata.StringOr("generateName", "");
    workflow_.name_space = metadata.StringOr("namespace", "default");
    workflow_.uid = metadata.StringOr("uid", "");
    if (workflow_.name.empty() && workflow_.generate_name.empty()) {
      return SourceOf(main).At(metadata.position(),
                               "'metadata' has neither 'name' nor 'generateName'");
    }
    return Ok();
  }

  Result<Spec> ReadSpec(const Document& document) const {
    const SourceFile& source = SourceOf(document);
    const Value& value = document.spec();
    HOLDFAST_RETURN_IF_ERROR(
        CheckFields(source, value, {"'spec'", kSpecRead, kSpecIgnored, kSpecRefused}));
    Spec spec;
    for (const auto& [key, text, position] :
         {std::tuple{"entrypoint", &spec.entrypoint, &spec.entrypoint_position},
          std::tuple{"onExit", &spec.on_exit, &spec.on_exit_position}}) {
      const Value* found = value.Find(key);
      if (found == nullptr) continue;
      HOLDFAST_ASSIGN_OR_RETURN(*text, TextOfScalar(source, *found, fmt::format("'{}'", key)));
      *position = found->position();
    }
    HOLDFAST_ASSIGN_OR_RETURN(const Value* arguments, MapField(source, value, "arguments"));
    HOLDFAST_ASSIGN_OR_RETURN(spec.parameters, ReadParameters(source, arguments, "'arguments'"));
    if (const Value* parallelism = value.Find("parallelism")) {
      HOLDFAST_ASSIGN_OR_RETURN(spec.parallelism,
                                ReadInteger(source, *parallelism, "'parallelism'", 1));
    }
    if (const Value* deadline = value.Find("activeDeadlineSeconds")) {
      HOLDFAST_ASSIGN_OR_RETURN(spec.active_deadline,
                                ReadSeconds(source, *deadline, "'activeDeadlineSeconds'"));
    }
    HOLDFAST_ASSIGN_OR_RETURN(const Value* ref, MapField(source, value, "workflowTemplateRef"));
    if (ref != nullptr) {
      HOLDFAST_RETURN_IF_ERROR(
          CheckFields(source, *ref, {"'workflowTemplateRef'", kRefRead, {}, kRefRefused}));
      const Value* name = ref->Find("name");
      if (name == nullptr || !name->is_string())
        return source.At(ref->position(), "'workflowTemplateRef' has no 'name'");
      spec.template_ref = name->AsString();
      spec.template_ref_position = name->position();
    }
    return spec;
  }

  // What a Workflow leaves open comes from the WorkflowTemplate that it names.
  static void Inherit(Spec& spec, Spec below) {
    if (spec.entrypoint.empty()) {
      spec.entrypoint = below.entrypoint;
      spec.entrypoint_position = spec.template_ref_position;
    }
    if (spec.on_exit.empty()) {
      spec.on_exit = below.on_exit;
      spec.on_exit_position = spec.template_ref_position;
    }
    if (!spec.parallelism) spec.parallelism = below.parallelism;
    if (!spec.active_deadline) spec.active_deadline = below.active_deadline;
    for (Parameter& parameter : below.parameters) {
      // Positions are of the workflow's own file: where it names the other.
      parameter.position = spec.template_ref_position;
      if (parameter.value) parameter.value->position = spec.template_ref_position;
      const auto own =
          std::find_if(spec.parameters.begin(), spec.parameters.end(),
                       [&parameter](const Parameter& p) { return p.name == parameter.name; });
      if (own == spec.parameters.end()) {
        spec.parameters.push_back(std::move(parameter));
      } else if (!own->value) {
        own->value = std::move(parameter.value);
      }
    }
  }

  Result<Document*> FindTemplate(const SourceFile& asking, Position position,
                                 const std::string& name) {
    const auto entry = templates_.find(name);
    if (entry == templates_.end()) {
      std::vector<std::string> names;
      for (const auto& [known, documents] : templates_) names.push_back(known);
      const std::string near = Nearest(name, names);
      Error error =
          asking
              .At(position, fmt::format("there is no WorkflowTemplate '{}'", Printable(name)),
                  name.size())
              .Hint(!near.empty() ? fmt::format("did you mean '{}'?", near)
                    : names.empty()
                        ? "there is none at all in this file and the folders of templates"
                        : "there are " + Join(names, ", "));
      if (broken_ != nullptr) return std::move(error).Because(*broken_);
      return error;
    }
    const std::vector<Document*>& found = entry->second;
    // The file's own goes before those of the folders.
    if (found.size() > 1 && (!IsInMainFile(*found[0]) || IsInMainFile(*found[1]))) {
      return asking.At(
          position,
          fmt::format("there are {} WorkflowTemplates '{}': in {} and {}", found.size(),
                      Printable(name), SourceOf(*found[0]).path, SourceOf(*found[1]).path),
          name.size());
    }
    HOLDFAST_RETURN_IF_ERROR(CheckDocument(*found[0]));
    return found[0];
  }

  // Reads the templates of a document, once. `owner` is empty for the workflow's own.
  Status Load(Document& document, const std::string& owner) {
    if (document.loaded) return Ok();
    document.loaded = true;
    const SourceFile& source = SourceOf(document);
    const std::uint32_t source_index = SourceIndex(*document.file);
    HOLDFAST_RETURN_IF_ERROR(ReadSpec(document));
    HOLDFAST_ASSIGN_OR_RETURN(const Value* list, ListField(source, document.spec(), "templates"));
    if (list == nullptr) return Ok();
    for (const Value& element : list->AsList()) {
      HOLDFAST_ASSIGN_OR_RETURN(Template made, ReadTemplate(source, element));
      made.source = source_index;
      made.document = owner;
      const auto index = static_cast<std::uint32_t>(workflow_.templates.size());
      if (!index_.emplace(std::pair(owner, made.name), index).second) {
        return source.At(element.Find("name")->position(),
                         fmt::format("there are two templates '{}' here", Printable(made.name)),
                         made.name.size());
      }
      workflow_.templates.push_back(std::move(made));
    }
    return Ok();
  }

  // `from` is the document of the caller, in which a plain template name is looked up.
  Status Resolve(const SourceFile& source, const std::string& from, TemplateCall& call) {
    std::string owner = from;
    if (!call.document.empty()) {
      HOLDFAST_ASSIGN_OR_RETURN(Document* const document,
                                FindTemplate(source, call.position, call.document));
      // The workflow's own document can be referred to by its name, too.
      owner = document == main_ ? "" : document->name;
      HOLDFAST_RETURN_IF_ERROR(Load(*document, owner));
    }
    auto found = index_.find(std::pair(owner, call.name));
    if (found == index_.end() && IsStepOnAVolume(owner, call.name))
      found = index_.find(std::pair(owner, std::string(kStep)));
    if (found != index_.end()) {
      call.template_index = found->second;
      if (workflow_.templates[found->second].child) return ResolveChild(source, call);
      return Ok();
    }
    std::vector<std::string> names;
    for (const auto& entry : index_) {
      if (entry.first.first == owner) names.push_back(entry.first.second);
    }
    const std::string near = Nearest(call.name, names);
    return source
        .At(call.position,
            fmt::format(
                "there is no template '{}'{}", Printable(call.name),
                owner.empty() ? "" : fmt::format(" in WorkflowTemplate '{}'", Printable(owner))),
            call.name.size())
        .Hint(near.empty() ? "" : fmt::format("did you mean '{}'?", near));
  }

  // The call starts a Workflow: what runs in its place is the WorkflowTemplate that this one names.
  Status ResolveChild(const SourceFile& source, TemplateCall& call) {
    // Load() appends to `templates`: no reference into it lasts.
    const Template starter = workflow_.templates[call.template_index];
    std::map<std::string, std::string> inputs;
    for (const Parameter& input : starter.inputs) {
      if (input.value) inputs[input.name] = input.value->text.source();
    }
    for (const NamedText& argument : call.arguments) {
      if (std::none_of(starter.inputs.begin(), starter.inputs.end(),
                       [&argument](const Parameter& p) { return p.name == argument.name; })) {
        return source.At(argument.value.position, fmt::format("template '{}' has no input '{}'",
                                                              call.name, Printable(argument.name)));
      }
      inputs[argument.name] = argument.value.text.source();
    }
    HOLDFAST_ASSIGN_OR_RETURN(
        ChildManifest manifest,
        ReadChildManifest(workflow_.sources[starter.source], *starter.child, inputs));
    HOLDFAST_ASSIGN_OR_RETURN(Document* const document,
                              FindTemplate(source, call.position, manifest.template_ref));
    HOLDFAST_ASSIGN_OR_RETURN(Spec spec, ReadSpec(*document));
    const SourceFile& its_file = SourceOf(*document);
    if (spec.entrypoint.empty() || !spec.on_exit.empty() || !spec.template_ref.empty()) {
      return its_file
          .At(document->spec().position(),
              "a child Workflow has an 'entrypoint', and no 'onExit' and 'workflowTemplateRef'")
          .Hint("begin and end of a run are those of the Workflow that starts it");
    }
    HOLDFAST_RETURN_IF_ERROR(Load(*document, document->name));
    const auto entry = index_.find(std::pair(document->name, spec.entrypoint));
    if (entry == index_.end()) {
      return its_file.At(spec.entrypoint_position,
                         fmt::format("there is no template '{}'", Printable(spec.entrypoint)),
                         spec.entrypoint.size());
    }
    ChildWorkflow child;
    child.name = std::move(manifest.name);
    child.name.position = call.position;
    for (const NamedText& given : manifest.parameters) {
      if (std::any_of(spec.parameters.begin(), spec.parameters.end(),
                      [&given](const Parameter& p) { return p.name == given.name; }))
        continue;
      return source.At(call.position,
                       fmt::format("WorkflowTemplate '{}' has no parameter '{}'",
                                   Printable(document->name), Printable(given.name)),
                       call.name.size());
    }
    for (Parameter& parameter : spec.parameters) {
      const auto given =
          std::find_if(manifest.parameters.begin(), manifest.parameters.end(),
                       [&parameter](const NamedText& p) { return p.name == parameter.name; });
      if (given == manifest.parameters.end() && !parameter.value) {
        return its_file.At(parameter.position,
                           fmt::format("parameter '{}' has no value", Printable(parameter.name)));
      }
      PlacedText text = given == manifest.parameters.end() ? std::move(*parameter.value)
                                                           : std::move(given->value);
      text.position = call.position;
      child.parameters.push_back({parameter.name, std::move(text)});
    }
    call.template_index = entry->second;
    call.child = static_cast<std::uint32_t>(workflow_.children.size());
    call.arguments.clear();
    workflow_.children.push_back(std::move(child));
    return Ok();
  }

  // The pods of a cluster mount volumes, by a leaf template for each. Templates that have none at all are
  // for a machine, where everything is mounted already: there `step` does for them, too.
  bool IsStepOnAVolume(const std::string& owner, std::string_view name) const {
    const std::string start = std::string(kStep) + "-";
    if (owner != kStepTemplates || !name.starts_with(start)) return false;
    const auto first = index_.lower_bound(std::pair(owner, start));
    return first == index_.end() || first->first.first != owner ||
           !first->first.second.starts_with(start);
  }

  Status ResolveAll() {
    // Load() appends to `templates`: indices, never references across a Resolve().
    for (std::size_t i = 0; i < workflow_.templates.size(); ++i) {
      if (!workflow_.templates[i].dag) continue;
      const SourceFile& source = workflow_.sources[workflow_.templates[i].source];
      const std::string owner = workflow_.templates[i].document;
      for (std::size_t t = 0; t < workflow_.templates[i].dag->tasks.size(); ++t) {
        TemplateCall call = std::move(workflow_.templates[i].dag->tasks[t].call);
        HOLDFAST_RETURN_IF_ERROR(Resolve(source, owner, call));
        workflow_.templates[i].dag->tasks[t].call = std::move(call);
        if (!workflow_.templates[i].dag->tasks[t].exit_hook) continue;
        TemplateCall hook = std::move(*workflow_.templates[i].dag->tasks[t].exit_hook);
        HOLDFAST_RETURN_IF_ERROR(Resolve(source, owner, hook));
        workflow_.templates[i].dag->tasks[t].exit_hook = std::move(hook);
      }
    }
    return Ok();
  }

  Workflow workflow_;
  const ParsedFile* main_file_ = nullptr;
  Document* main_ = nullptr;                                 // one of these
  std::deque<Document> documents_;                           // those of the main file first
  std::map<std::string, std::vector<Document*>> templates_;  // by name, in the order of the files
  const Error* broken_ = nullptr;                            // of the first file that is
  std::map<const ParsedFile*, std::uint32_t> source_index_;
  std::map<std::pair<std::string, std::string>, std::uint32_t> index_;  // (document, template)
};

// Nothing but blanks, comments, and marks between documents?
bool HasNoDocument(std::string_view text) {
  while (!text.empty()) {
    const std::size_t newline = text.find('\n');
    std::string_view line = text.substr(0, newline);
    if (line.starts_with("---") || line.starts_with("...")) {
      line.remove_prefix(3);
      if (line.starts_with('#')) return false;  // no comment without a blank before it
    }
    line = Trim(line);
    if (!line.empty() && !line.starts_with('#')) return false;
    text.remove_prefix(newline == std::string_view::npos ? text.size() : newline + 1);
  }
  return true;
}

}  // namespace

ParsedFile ParseFile(SourceFile source) {
  source.IndexLines();
  auto documents = ParseYamlStream(source.text, source.path);
  return {std::move(source), std::move(documents)};
}

Result<Workflow> ReadParsedWorkflow(std::span<const ParsedFile* const> files) {
  return Reader().Read(files, nullptr);
}

Result<Workflow> ReadParsedWorkflow(std::span<const ParsedFile* const> files,
                                    const Value& document) {
  return Reader().Read(files, &document);
}

Result<Workflow> ReadParsedLibrary(std::span<const ParsedFile* const> files,
                                   const Value& document) {
  return Reader().ReadLibrary(files, document);
}

Result<Workflow> ReadWorkflow(std::vector<SourceFile> files) {
  std::vector<ParsedFile> parsed;
  parsed.reserve(files.size());
  for (SourceFile& file : files) parsed.push_back(ParseFile(std::move(file)));
  std::vector<const ParsedFile*> borrowed;
  borrowed.reserve(parsed.size());
  for (const ParsedFile& file : parsed) borrowed.push_back(&file);
  return ReadParsedWorkflow(borrowed);
}

Error EmptyFile(const std::string& path) {
  return InvalidInput("the workflow file is empty")
      .At({path, 0, 0, {}, 1})
      .Hint("'holdfast compile' writes workflow files");
}

Result<SourceFile> ReadSourceFile(const std::string& path) {
  HOLDFAST_ASSIGN_OR_RETURN(std::string text, ReadFile(path));
  if (HasNoDocument(text)) return EmptyFile(path);
  return SourceFile{path, std::move(text)};
}

Result<std::vector<SourceFile>> ReadTemplateFolder(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code failed;
  std::filesystem::directory_iterator entries(folder, failed);
  for (; !failed && entries != std::filesystem::directory_iterator(); entries.increment(failed)) {
    const std::string extension = entries->path().extension().string();
    if (extension == ".yaml" || extension == ".yml") paths.push_back(entries->path().string());
  }
  const std::string what = fmt::format("cannot list the folder of templates '{}'", folder);
  if (failed.value() == ENOTDIR) return InvalidInput(what + ": this is a file");
  if (failed) return SystemError(failed.value(), what);
  std::sort(paths.begin(), paths.end());
  std::vector<SourceFile> files;
  for (std::string& path : paths) {
    HOLDFAST_ASSIGN_OR_RETURN(std::string text, ReadFile(path));
    files.push_back({std::move(path), std::move(text)});
  }
  return files;
}

Result<Workflow> ReadWorkflowFile(const std::string& path,
                                  const std::vector<std::string>& template_folders) {
  std::vector<SourceFile> files;
  HOLDFAST_ASSIGN_OR_RETURN(SourceFile main, ReadSourceFile(path));
  files.push_back(std::move(main));
  for (const std::string& folder : template_folders) {
    HOLDFAST_ASSIGN_OR_RETURN(std::vector<SourceFile> templates, ReadTemplateFolder(folder));
    std::move(templates.begin(), templates.end(), std::back_inserter(files));
  }
  return ReadWorkflow(std::move(files));
}

}  // namespace holdfast::local
