#include "tests/plugins/sample_plugin/file_protectable.h"

#include <unistd.h>

#include <memory>

#include "plugins/sdk/text.h"

namespace holdfast::plugins::sample {

namespace {

struct Settings {
  std::vector<std::string> files;
  template <class Fields>
  static void Describe(Fields& fields) {
    fields("files", &Settings::files, "the files that there are to protect");
  }
};

ProtectableDescriptor Descriptor() {
  ProtectableDescriptor d;
  d.type = "Sample::File";
  d.description = "files that the provider lists";
  d.settings_section = "sample_file";
  d.settings = SchemaOf<Settings>();
  return d;
}

class FileLister final : public ProtectablePlugin {
 public:
  explicit FileLister(Settings settings) : settings_(std::move(settings)) {}

  const ProtectableDescriptor& descriptor() const override { return descriptor_; }

  Result<std::vector<ResourceGraph::Node>> List(Context& context) override {
    std::vector<ResourceGraph::Node> out;
    for (const std::string& path : settings_.files) {
      // A file that is gone is an error: never a silently smaller answer.
      HOLDFAST_ASSIGN_OR_RETURN(ResourceGraph::Node node, Show(context, path));
      out.push_back(std::move(node));
    }
    return out;
  }

  Result<ResourceGraph::Node> Show(Context&, std::string_view id) override {
    const std::string path(id);
    if (access(path.c_str(), F_OK) != 0) return NotFound("there is no file " + Printable(path));
    ResourceGraph::Node node;
    node.key = {descriptor_.type, path};
    node.name = path.substr(path.rfind('/') + 1);
    return node;
  }

  // No resource has files below it.
  Result<std::vector<Dependent>> Dependents(Context&, const ResourceGraph::Node&) override {
    return std::vector<Dependent>{};
  }

 private:
  ProtectableDescriptor descriptor_ = Descriptor();
  Settings settings_;
};

}  // namespace

ProtectableEntry FileProtectable() {
  return {Descriptor(), [](const Value& settings) -> Result<std::unique_ptr<ProtectablePlugin>> {
            return std::make_unique<FileLister>(BindChecked<Settings>(settings));
          }};
}

}  // namespace holdfast::plugins::sample
