#include "runtime/cli/argo_site.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "compiler/yaml/yaml_out.h"
#include "plugins/sdk/check.h"
#include "plugins/sdk/text.h"

namespace holdfast::cli {
namespace {

using Lines = std::vector<std::string>;

constexpr std::string_view kImage =
    "registry.example.org/holdfast-step@sha256:"
    "0000000000000000000000000000000000000000000000000000000000000000";

Lines LinesOf(std::string_view text) {
  Lines lines;
  for (const std::string_view line : Split(text, '\n')) lines.emplace_back(line);
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

std::string LastPart(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

// {a: "b", c: true} on one line, in the order in which people write them.
std::string FlowMap(const std::vector<std::pair<std::string, Value>>& members) {
  compiler::YamlOut out;
  out.BeginFlowMap();
  for (const auto& [key, value] : members) {
    out.Key(key);
    out.Write(value, true);
  }
  out.EndFlowMap();
  auto text = out.Take();
  // Paths and names were checked to be texts of YAML before.
  HOLDFAST_CHECK(text.has_value());
  return std::string(Trim(*text));
}

// The value of a field: as it is where every reader of YAML takes it for a text, else quoted ("123", "true"). Names of
// images and namespaces have no characters that mean something to YAML (runtime/cli/init_command.cc).
std::string Scalar(const std::string& text) {
  const bool letter_first = !text.empty() && text.front() >= 'a' && text.front() <= 'z';
  const bool plain =
      compiler::IsPlainWord(text) || (letter_first && text.find_first_of(":@") != text.npos);
  return plain ? text : "\"" + text + "\"";
}

bool IsPlainLine(std::string_view line) {
  return std::all_of(line.begin(), line.end(),
                     [](char c) { return c == '\t' || static_cast<unsigned char>(c) >= 0x20; }) &&
         line.find('\x7f') == std::string_view::npos && Printable(line) == line;
}

// A member of a map whose value is a whole file: as a literal block where that shows it as it is.
void AddFile(Lines& out, std::string_view indent, const std::string& name,
             const std::string& text) {
  const Lines lines = LinesOf(text);
  const bool literal = !text.empty() && text.back() == '\n' && !lines.empty() &&
                       !lines.back().empty() &&
                       std::all_of(lines.begin(), lines.end(), IsPlainLine);
  compiler::YamlOut writer;
  writer.BeginMap();
  writer.Key(name);
  if (literal) {
    writer.Word("x");
  } else {
    writer.Text(text);
  }
  writer.EndMap();
  auto member = writer.Take();
  HOLDFAST_CHECK(member.has_value());
  std::string head(Trim(*member));
  if (!literal) {
    out.push_back(std::string(indent) + head);
    return;
  }
  // The indentation is said: a first line may begin with blanks.
  head.replace(head.size() - 1, 1, "|2");
  out.push_back(std::string(indent) + head);
  for (const std::string& line : lines)
    out.push_back(line.empty() ? "" : std::string(indent) + "  " + line);
}

class SiteWriter {
 public:
  explicit SiteWriter(const ArgoSite& site) : site_(site) {}

  Status Check() {
    HOLDFAST_RETURN_IF_ERROR(CheckTexts());
    for (const Volume& bank : site_.banks)
      HOLDFAST_RETURN_IF_ERROR(Mount("the bank", bank.path, taken_));
    for (const Volume& folder : site_.staging)
      HOLDFAST_RETURN_IF_ERROR(Mount("staging", folder.path, taken_));
    for (const ArgoSite::File& file : site_.inventories)
      HOLDFAST_RETURN_IF_ERROR(Mount("the inventory", file.path, taken_));
    for (const std::string& file : site_.secret_files)
      HOLDFAST_RETURN_IF_ERROR(Mount("a secret", file, taken_));
    std::set<std::string> all = taken_;
    for (const Volume& volume : site_.volumes)
      HOLDFAST_RETURN_IF_ERROR(Mount("volume " + Printable(volume.source), volume.path, all));
    std::set<std::string> keys;
    for (const std::string& file : site_.secret_files) {
      if (keys.insert(LastPart(file)).second) continue;
      return InvalidInput(
                 fmt::format("two secrets stand in files called '{}'", Printable(LastPart(file))))
          .Hint("they are keys of one Secret: give them different names");
    }
    return Ok();
  }

  std::string Fill(const std::string& name, const std::string& text) const {
    Lines lines = LinesOf(text);
    if (name == "gc.yaml") lines = ForEachProvider(lines);
    Lines out;
    bool sees_data = false;  // the template that the line is in
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (lines[i].starts_with("  - name: ")) sees_data = false;
      const std::size_t indent = lines[i].find_first_not_of(' ');
      const std::string_view trimmed = Trim(lines[i]);
      const std::string blanks(indent == std::string::npos ? 0 : indent, ' ');
      if (trimmed == "# (init: providers)") {
        // `data: {}` below it is what the file says without.
        ++i;
        Append(out, "", Providers());
      } else if (trimmed == "# (init: steps of volumes)") {
        for (const Volume& volume : site_.volumes) Append(out, "", StepOf(volume, lines));
      } else if (trimmed == "# (init: mounts of all volumes)") {
        Append(out, blanks, Mounts(site_.volumes));
        sees_data = !site_.volumes.empty();
      } else if (trimmed == "# (init: all volumes)") {
        Append(out, blanks, Volumes(site_.volumes));
      } else if (sees_data && trimmed.starts_with("fsGroup")) {
        LeaveOutGroup(out);
      } else if (!AppendAnswer(out, blanks, trimmed, {})) {
        out.push_back(WithAnswers(lines[i]));
      }
    }
    return Join(out, "\n") + "\n";
  }

 private:
  Status CheckTexts() const {
    Lines texts{site_.image, site_.name_space};
    for (const auto* volumes : {&site_.banks, &site_.staging, &site_.volumes}) {
      for (const Volume& volume : *volumes) {
        texts.push_back(volume.source);
        texts.push_back(volume.path);
      }
    }
    for (const ArgoSite::File& file : site_.inventories) texts.push_back(file.path);
    for (const auto* list : {&site_.secret_files, &site_.secret_variables})
      texts.insert(texts.end(), list->begin(), list->end());
    for (const std::string& text : texts) {
      if (text.find("{{") == std::string::npos && Printable(text) == text) continue;
      return InvalidInput("'" + Printable(text) + "' cannot stand in a template of Argo")
          .Hint("no '{{' and no control characters: Argo would interpret them");
    }
    return Ok();
  }

  static Status Mount(const std::string& what, const std::string& path,
                      std::set<std::string>& taken) {
    static const std::set<std::string> ours{"/", "/tmp", "/etc/holdfast/providers.d",
                                            "/etc/holdfast/ca"};
    if (ours.contains(path) || !taken.insert(path).second) {
      return InvalidInput(fmt::format("{} would be mounted at '{}', where something else is", what,
                                      Printable(path)));
    }
    return Ok();
  }

  static void Append(Lines& out, const std::string& indent, const Lines& lines) {
    for (const std::string& line : lines) out.push_back(indent + line);
  }

  // What a marker of a leaf template stands for, whose pods see the volumes `data`; false: it is no marker.
  bool AppendAnswer(Lines& out, const std::string& indent, std::string_view marker,
                    const std::vector<Volume>& data) const {
    if (marker == "# (init: env)") {
      Append(out, indent, Environment());
    } else if (marker == "# (init: mounts)") {
      Append(out, indent, Mounts(data));
    } else if (marker == "# (init: volumes)") {
      Append(out, indent, Volumes(data));
    } else {
      return false;
    }
    return true;
  }

  std::string WithAnswers(std::string line) const {
    const auto replace = [&line](std::string_view what, const std::string& with) {
      if (const std::size_t at = line.find(what); at != std::string::npos)
        line.replace(at, what.size(), with);
    };
    if (!site_.image.empty()) replace(kImage, Scalar(site_.image));
    replace("runAsUser: 10001", "runAsUser: " + site_.user);
    replace("runAsGroup: 10001", "runAsGroup: " + site_.group);
    replace("fsGroup: 10001", "fsGroup: " + site_.group);
    replace("namespace: argo", "namespace: " + Scalar(site_.name_space));
    return line;
  }

  // The volumes that every pod of a step has, under their names in there.
  std::vector<std::pair<std::string, Volume>> Shared() const {
    std::vector<std::pair<std::string, Volume>> out;
    for (const auto& [name, volumes] :
         {std::pair{"bank", &site_.banks}, {"staging", &site_.staging}}) {
      for (std::size_t i = 0; i < volumes->size(); ++i)
        out.emplace_back(i == 0 ? name : fmt::format("{}-{}", name, i + 1), (*volumes)[i]);
    }
    return out;
  }

  Lines Environment() const {
    Lines out;
    for (const std::string& name : site_.secret_variables) {
      out.push_back(
          "- " +
          FlowMap({{"name", name},
                   {"valueFrom",
                    Value().Set("secretKeyRef",
                                Value().Set("name", "holdfast-secrets").Set("key", name))}}));
    }
    return out;
  }

  Lines Mounts(const std::vector<Volume>& data) const {
    Lines out;
    for (const auto& [name, volume] : Shared())
      out.push_back("- " + FlowMap({{"name", name}, {"mountPath", volume.path}}));
    for (const Volume& volume : data)
      out.push_back("- " + FlowMap({{"name", NameOfVolume(volume)}, {"mountPath", volume.path}}));
    for (const ArgoSite::File& file : site_.inventories) {
      out.push_back("- " + FlowMap({{"name", "inventory"},
                                    {"mountPath", file.path},
                                    {"subPath", LastPart(file.path)},
                                    {"readOnly", true}}));
    }
    for (const std::string& file : site_.secret_files) {
      out.push_back("- " + FlowMap({{"name", "secrets"},
                                    {"mountPath", file},
                                    {"subPath", LastPart(file)},
                                    {"readOnly", true}}));
    }
    return out;
  }

  // A line of fsGroup is not taken where there are data: Kubernetes would give every file of their volumes to that
  // group, and a backup leaves alone what it reads. The comment above the first of them goes with it.
  static void LeaveOutGroup(Lines& out) {
    if (Trim(out.back()).starts_with("# A new bank's claim")) out.pop_back();
  }

  static void AddVolume(Lines& out, const std::string& name, const Volume& volume) {
    out.push_back("- name: " + name);
    if (volume.kind == Volume::Kind::kClaim) {
      out.push_back("  persistentVolumeClaim: " + FlowMap({{"claimName", volume.source}}));
    } else {
      // Not made where it is missing: an empty folder would be protected without a word.
      out.push_back("  hostPath: " + FlowMap({{"path", volume.source}, {"type", "Directory"}}));
    }
  }

  Lines Volumes(const std::vector<Volume>& data) const {
    Lines out;
    for (const auto& [name, volume] : Shared()) AddVolume(out, name, volume);
    for (const Volume& volume : data) AddVolume(out, NameOfVolume(volume), volume);
    if (!site_.inventories.empty()) {
      out.emplace_back("- name: inventory");
      out.emplace_back("  configMap: {name: holdfast-inventory}");
    }
    if (!site_.secret_files.empty()) {
      out.emplace_back("- name: secrets");
      out.emplace_back("  secret: {secretName: holdfast-secrets}");
    }
    return out;
  }

  // The template `step` once more, with the volume in its pods, under the name that compiled files
  // call it by (compiler/emit/argo).
  Lines StepOf(const Volume& volume, const Lines& lines) const {
    const auto begin = std::find(lines.begin(), lines.end(), "  - name: step");
    HOLDFAST_CHECK(begin != lines.end());
    const auto end = std::find_if(begin + 1, lines.end(), [](const std::string& line) {
      return line.starts_with("  # ") || line.starts_with("  - ");
    });
    Lines out;
    out.push_back(fmt::format("  # A step whose resources live on {} {}, which pods see at {}.",
                              volume.kind == Volume::Kind::kClaim ? "the claim" : "the node's",
                              volume.source, volume.path));
    out.push_back("  - name: step-" + NameOfVolume(volume));
    for (auto line = begin + 1; line != end; ++line) {
      const std::string_view trimmed = Trim(*line);
      const std::string blanks(line->find_first_not_of(' '), ' ');
      if (AppendAnswer(out, blanks, trimmed, {volume})) continue;
      if (trimmed.starts_with("fsGroup")) {
        LeaveOutGroup(out);
      } else {
        out.push_back(WithAnswers(*line));
      }
    }
    return out;
  }

  Lines Providers() const {
    Lines out;
    out.emplace_back(site_.providers.empty() ? "data: {}" : "data:");
    for (const ArgoSite::ProviderFile& provider : site_.providers)
      AddFile(out, "  ", provider.file_name, provider.text);
    if (site_.inventories.empty()) return out;
    for (const char* line :
         {"---", "# The inventories that the provider files name.", "apiVersion: v1",
          "kind: ConfigMap", "metadata:", "  name: holdfast-inventory", "data:"}) {
      out.emplace_back(line);
    }
    for (const ArgoSite::File& file : site_.inventories)
      AddFile(out, "  ", LastPart(file.path), file.text);
    return out;
  }

  // The task of gc.yaml, which stands last in it, for each of several providers.
  Lines ForEachProvider(const Lines& lines) const {
    if (site_.providers.size() < 2) return lines;
    const auto task = std::find(lines.begin(), lines.end(), "        - name: gc");
    HOLDFAST_CHECK(task != lines.end());
    Lines out(lines.begin(), task);
    for (std::size_t i = 0; i < site_.providers.size(); ++i) {
      out.push_back("        # Provider " + Printable(site_.providers[i].name));
      out.push_back(fmt::format("        - name: gc-{}", i + 1));
      for (auto line = task + 1; line != lines.end(); ++line) {
        if (Trim(*line).starts_with("# Empty:")) continue;
        std::string copy = *line;
        if (const std::size_t at = copy.find("value: \"\""); at != std::string::npos)
          copy.replace(at, 9, "value: \"" + site_.providers[i].id + "\"");
        out.push_back(copy);
      }
    }
    return out;
  }

  const ArgoSite& site_;
  std::set<std::string> taken_;  // paths of every pod
};

}  // namespace

Result<std::map<std::string, std::string>> FillArgoSite(
    const std::map<std::string, std::string>& templates, const ArgoSite& site) {
  SiteWriter writer(site);
  HOLDFAST_RETURN_IF_ERROR(writer.Check());
  std::map<std::string, std::string> out;
  for (const auto& [name, text] : templates) out.emplace(name, writer.Fill(name, text));
  return out;
}

}  // namespace holdfast::cli
