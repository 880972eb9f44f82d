#include "plugins/noop/graph_protectable.h"

#include <sys/stat.h>

#include <array>
#include <cerrno>

#include "plugins/sdk/file.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/text.h"
#include "plugins/sdk/yaml/yaml_in.h"

namespace holdfast::plugins::noop {

namespace {

// The graph in a file, read again when the file is another one than before.
class GraphFile {
 public:
  explicit GraphFile(std::string path) : path_(std::move(path)) {}

  // Borrowed until the next call.
  Result<const ResourceGraph*> Get() {
    struct stat st {};
    if (stat(path_.c_str(), &st) != 0) return SystemError(errno, "the graph file " + path_);
    const std::array<std::int64_t, 4> state{static_cast<std::int64_t>(st.st_ino), st.st_size,
                                            st.st_mtim.tv_sec, st.st_mtim.tv_nsec};
    if (!read_ || state != state_) {
      HOLDFAST_ASSIGN_OR_RETURN(const std::string text, ReadFile(path_));
      HOLDFAST_ASSIGN_OR_RETURN(const Value value, path_.ends_with(".json")
                                                       ? ParseJson(text, path_)
                                                       : ParseYaml(text, path_));
      HOLDFAST_ASSIGN_OR_RETURN(graph_, GraphFromValue(value, path_));
      state_ = state;
      read_ = true;
    }
    return &graph_;
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  ResourceGraph graph_;
  std::array<std::int64_t, 4> state_{};
  bool read_ = false;
};

class GraphProtectable final : public ProtectablePlugin {
 public:
  GraphProtectable(ProtectableDescriptor descriptor, std::shared_ptr<GraphFile> file)
      : descriptor_(std::move(descriptor)), file_(std::move(file)) {}

  const ProtectableDescriptor& descriptor() const override { return descriptor_; }

  Result<std::vector<ResourceGraph::Node>> List(Context&) override {
    HOLDFAST_ASSIGN_OR_RETURN(const ResourceGraph* const graph, file_->Get());
    std::vector<ResourceGraph::Node> out;
    for (const ResourceGraph::Node& node : graph->nodes()) {
      if (node.key.type == descriptor_.type) out.push_back(node);
    }
    return out;
  }

  Result<ResourceGraph::Node> Show(Context&, std::string_view id) override {
    HOLDFAST_ASSIGN_OR_RETURN(const ResourceGraph* const graph, file_->Get());
    const ResourceKey key{descriptor_.type, std::string(id)};
    if (const auto found = graph->Find(key)) return graph->node(*found);
    return NotThere(key);
  }

  Result<std::vector<Dependent>> Dependents(Context&, const ResourceGraph::Node& parent) override {
    HOLDFAST_ASSIGN_OR_RETURN(const ResourceGraph* const graph, file_->Get());
    const auto found = graph->Find(parent.key);
    if (!found) return NotThere(parent.key);
    std::vector<Dependent> out;
    for (ResourceLink& link : graph->ResourceAt(*found).children) {
      if (link.key.type != descriptor_.type) continue;
      out.push_back({graph->node(*graph->Find(link.key)), std::move(link.facts)});
    }
    return out;
  }

 private:
  Error NotThere(const ResourceKey& key) const {
    return NotFound("there is no " + Printable(key.str()) + " in " + file_->path());
  }

  ProtectableDescriptor descriptor_;
  std::shared_ptr<GraphFile> file_;  // Owned by the protectables of one plugin together: one read.
};

}  // namespace

std::vector<std::unique_ptr<ProtectablePlugin>> MakeGraphProtectables(
    const std::string& path, const std::vector<std::string>& types,
    const std::string& settings_section) {
  const auto file = std::make_shared<GraphFile>(path);
  std::vector<std::unique_ptr<ProtectablePlugin>> out;
  for (const std::string& type : types) {
    ProtectableDescriptor descriptor;
    descriptor.type = type;
    descriptor.description = "resources of a graph file";
    descriptor.parent_types = types;
    descriptor.settings_section = settings_section;
    out.push_back(std::make_unique<GraphProtectable>(std::move(descriptor), file));
  }
  return out;
}

}  // namespace holdfast::plugins::noop
