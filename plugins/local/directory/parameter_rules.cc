#include "plugins/local/directory/parameter_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "plugins/local/directory/exclude_patterns.h"
#include "plugins/local/inventory/inventory.h"
#include "plugins/sdk/base64.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::directory {
namespace {

using ProtectParameters = DirectoryProtection::ProtectParameters;
using RestoreParameters = DirectoryProtection::RestoreParameters;

// What a Result is wrong with, without its value.
template <class T>
Status OnlyStatus(const Result<T>& result) {
  return result ? Ok() : Status(result.error());
}

Status CheckPattern(const std::string& pattern) {
  return OnlyStatus(ExcludePatterns::Parse({pattern}));
}

void NoteCommand(ParameterFaults& faults, std::string_view name,
                 const std::vector<std::string>& words) {
  if (words.empty()) return;  // said once, for all that is missing
  if (words.front().empty()) {
    faults.Note(name, InvalidInput(fmt::format("{} names no program", name)), 0);
  }
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i].find('\0') == std::string::npos) continue;
    faults.Note(name, InvalidInput(fmt::format("a word of {} holds a NUL byte", name)), i);
  }
}

void NoteCommands(ParameterFaults& faults, const ProtectParameters& p, const std::string& path) {
  if (p.snapshot_create.empty() || p.snapshot_remove.empty() || p.snapshot_path.empty()) {
    faults.Note(
        "snapshot",
        InvalidInput(
            "'snapshot: command' needs snapshot_create, snapshot_remove and snapshot_path"));
  }
  NoteCommand(faults, "snapshot_create", p.snapshot_create);
  NoteCommand(faults, "snapshot_remove", p.snapshot_remove);
  if (!p.snapshot_path.empty()) {
    // A ".." may stand in it: "{path}/../snapshots/{name}".
    faults.Note("snapshot_path",
                RequireAbsolutePath(FillIn(p.snapshot_path, path, "name"), "snapshot_path"));
  }
}

// A tree whose entries at `patterns` are let alone, below `root`, which it may be only a part of.
Place TreePlace(std::string_view parameter, const std::string& path, const std::string& root,
                const std::vector<std::string>& patterns) {
  Place place = Place::Folder(parameter, path);
  auto exclude = ExcludePatterns::Parse(patterns);
  if (!exclude) return place;  // Validate says what is wrong with them
  place.leaves_out = [root, exclude = std::move(*exclude)](std::string_view other, bool is_folder) {
    if (!IsWithin(other, root) || other == root) return false;
    const std::string_view below = other.substr(root == "/" ? 1 : root.size() + 1);
    for (std::size_t end = below.find('/');; end = below.find('/', end + 1)) {
      const bool last = end == std::string_view::npos;
      if (exclude.Excludes(below.substr(0, end), !last || is_folder)) return true;
      if (last) return false;
    }
  };
  return place;
}

}  // namespace

std::vector<Place> PlacesOfProtect(const Resource& resource, const ProtectParameters& parameters) {
  const auto path = PathOf(resource);
  if (!path) return {};
  std::vector<std::string> patterns = ListedExcludes(resource);
  patterns.insert(patterns.end(), parameters.exclude.begin(), parameters.exclude.end());
  return {TreePlace("", *path, *path, WithPaths(std::move(patterns), OwnedByChildren(resource)))};
}

std::vector<Place> PlacesOfRestore(const Resource& resource, const RestoreParameters& parameters) {
  const bool elsewhere = !parameters.target.empty();
  const auto root = elsewhere ? CleanAbsolutePath(parameters.target, "target") : PathOf(resource);
  const auto only = OnlyOf(parameters);
  if (!root || !only) return {};
  const std::string path = only->empty() ? *root : CleanPath(*root + "/" + *only);
  return {TreePlace(elsewhere ? "target" : "", path, *root,
                    WithPaths(ListedExcludes(resource), OwnedByChildren(resource)))};
}

std::vector<ParameterFault> ProtectFaults(const Resource& resource,
                                          const ProtectParameters& parameters) {
  ParameterFaults faults;
  const auto path = PathOf(resource);
  faults.NoteResource(OnlyStatus(path));
  for (const std::string& pattern : ListedExcludes(resource)) {
    faults.NoteResource(CheckPattern(pattern));
  }
  for (std::size_t i = 0; i < parameters.exclude.size(); ++i) {
    faults.Note("exclude", CheckPattern(parameters.exclude[i]), i);
  }
  const std::string& snapshot = parameters.snapshot;
  if (!parameters.staging.empty()) {
    faults.Note("staging", OnlyStatus(CleanAbsolutePath(parameters.staging, "staging")));
  } else if ((snapshot == "reflink" || snapshot == "copy") && path && *path == "/") {
    faults.Note("snapshot",
                InvalidInput("a copy of / has no place beside it").Hint("set 'staging'"));
  }
  // A path that is wrong has been said; any other stands in for it.
  if (snapshot == "command") NoteCommands(faults, parameters, path ? *path : "/");
  return faults.Take();
}

std::vector<ParameterFault> RestoreFaults(const RestoreParameters& parameters) {
  ParameterFaults faults;
  if (!parameters.target.empty()) {
    faults.Note("target", OnlyStatus(CleanAbsolutePath(parameters.target, "target")));
  }
  faults.Note(parameters.only_base64.empty() ? "only" : "only_base64",
              OnlyStatus(OnlyOf(parameters)));
  if (parameters.existing == "replace" && !parameters.overwrite) {
    faults.Note("existing", InvalidInput("'existing: replace' needs 'overwrite: true'"));
  }
  return faults.Take();
}

Result<std::string> CleanAbsolutePath(std::string_view path, std::string_view what) {
  HOLDFAST_RETURN_IF_ERROR(RequireAbsolutePath(path, what));
  std::string clean;
  for (const std::string_view part : Split(path, '/')) {
    if (part == "..") return InvalidInput(fmt::format("{} '{}' holds '..'", what, Printable(path)));
    if (part.empty() || part == ".") continue;
    clean += '/';
    clean += part;
  }
  return clean.empty() ? "/" : clean;
}

Result<std::string> OnlyOf(const RestoreParameters& parameters) {
  std::string path = parameters.only;
  std::string_view name = "only";
  if (!parameters.only_base64.empty()) {
    if (!parameters.only.empty()) {
      return InvalidInput("'only' and 'only_base64' are both given").Hint("give one of them");
    }
    name = "only_base64";
    auto bytes = FromBase64(parameters.only_base64);
    if (!bytes) {
      return InvalidInput(
          fmt::format("only_base64: '{}' is no base64", Printable(parameters.only_base64)));
    }
    path = std::move(*bytes);
  }
  if (path.empty()) return path;
  const std::string given = path;
  while (path.ends_with('/')) path.pop_back();
  const auto parts = Split(path, '/');
  const bool below = std::none_of(parts.begin(), parts.end(), [](std::string_view part) {
    return part.empty() || part == "." || part == ".." || part.find('\0') != std::string::npos;
  });
  if (below) return path;
  return InvalidInput(
             fmt::format("{}: '{}' is no path below the directory", name, Printable(given)))
      .Hint("write it as 'a/b', without a leading '/'");
}

Result<std::string> PathOf(const Resource& resource) {
  return CleanAbsolutePath(resource.extra.StringOr("path", ""), "the directory's path");
}

std::vector<std::string> ListedExcludes(const Resource& resource) {
  std::vector<std::string> patterns;
  const Value* const listed = resource.extra.Find("exclude");
  if (listed == nullptr || !listed->is_list()) return patterns;
  for (const Value& pattern : listed->AsList()) {
    if (pattern.is_string()) patterns.push_back(pattern.AsString());
  }
  return patterns;
}

std::vector<std::string> OwnedByChildren(const Resource& resource) {
  std::set<std::string> owned;
  for (const ResourceLink& child : resource.children) {
    const Value* const owns = child.facts.Find(inventory::kOwnsFact);
    if (owns == nullptr || !owns->is_list()) continue;
    for (const Value& path : owns->AsList()) {
      if (!path.is_string()) continue;
      // A graph that somebody has written must not lead out of the directory.
      const std::string clean = CleanPath(path.AsString()).substr(1);
      if (!clean.empty()) owned.insert(clean);
    }
  }
  return {owned.begin(), owned.end()};
}

std::vector<std::string> WithPaths(std::vector<std::string> patterns,
                                   const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    std::string pattern = "/";
    for (const char c : path) {
      if (c != '/') pattern += '\\';
      pattern += c;
    }
    patterns.push_back(std::move(pattern));
  }
  return patterns;
}

std::string FillIn(const std::string& text, const std::string& path, const std::string& name) {
  const auto replace = [](const std::string& in, std::string_view key, const std::string& value) {
    std::string out;
    std::size_t at = 0;
    for (;;) {
      const std::size_t found = in.find(key, at);
      out += in.substr(at, found == std::string::npos ? found : found - at);
      if (found == std::string::npos) return out;
      out += value;
      at = found + key.size();
    }
  };
  // The name first: a path may hold "{name}", ours never holds "{path}".
  return replace(replace(text, "{name}", name), "{path}", path);
}

}  // namespace holdfast::plugins::directory
