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

// The paths below the directory that a child owns, its own place first.
std::vector<std::string> OwnedBy(const ResourceLink& child) {
  std::vector<std::string> owned;
  const Value* const owns = child.facts.Find(inventory::kOwnsFact);
  if (owns == nullptr || !owns->is_list()) return owned;
  for (const Value& path : owns->AsList()) {
    if (!path.is_string()) continue;
    // A graph that somebody has written must not lead out of the directory.
    std::string clean = CleanPath(path.AsString()).substr(1);
    if (!clean.empty()) owned.push_back(std::move(clean));
  }
  return owned;
}

// The restore parameter of the family's types that names another place; empty: not known.
std::string_view PlaceParameterOf(std::string_view type) {
  if (type == inventory::kDirectoryType) return "target";
  if (type == inventory::kSqliteType) return "path";
  return "";
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

std::vector<Place> PlacesOfRestore(const Resource& resource, const RestoreParameters& parameters,
                                   const Value& saved) {
  const bool elsewhere = !parameters.target.empty();
  const auto root = elsewhere ? CleanAbsolutePath(parameters.target, "target") : PathOf(resource);
  const auto only = OnlyOf(parameters);
  if (!root || !only) return {};
  const std::string path = only->empty() ? *root : CleanPath(*root + "/" + *only);
  std::vector<std::string> patterns = ListedExcludes(resource);
  std::vector<std::string> left_out = OwnedByChildren(resource);
  if (!saved.is_null()) {
    auto info = BindChecked<DirectoryProtection::SavedInfo>(saved);
    patterns = std::move(info.exclude);
    left_out = std::move(info.left_out);
  }
  return {
      TreePlace(elsewhere ? "target" : "", path, *root, WithPaths(std::move(patterns), left_out))};
}

ChildChoice RestoreOfChild(const Resource& resource, const RestoreParameters& parameters,
                           const ResourceLink& child, const Value& child_parameters) {
  ChildChoice choice;
  const std::vector<std::string> owned = OwnedBy(child);
  const auto was = PathOf(resource);
  const auto root =
      parameters.target.empty() ? was : CleanAbsolutePath(parameters.target, "target");
  const auto only = OnlyOf(parameters);
  // Without a path in it, or with what Validate refuses, there is nothing to say.
  if (owned.empty() || !was || !root || !only) return choice;
  const std::string& below = owned.front();
  if (!only->empty() && !IsWithin(below, *only)) {
    choice.left_out = true;
    return choice;
  }
  const std::string_view where = PlaceParameterOf(child.key.type);
  if (where.empty()) return choice;
  const std::string inside = CleanPath(*root + "/" + below);
  const std::string given = child_parameters.StringOr(where, "");
  ParameterFaults faults;
  if (given.empty() && *root != *was) {
    faults.Note(where,
                InvalidInput(fmt::format("{}, which it lies in, is restored to {}, but it itself "
                                         "would be restored to where it was",
                                         Printable(resource.key.str()), Printable(*root)))
                    .Hint(fmt::format("give '{}: {}', or another place, for '{}'", where,
                                      Printable(inside), Printable(child.key.str()))));
  }
  if (parameters.overwrite && !child_parameters.BoolOr("overwrite", false) &&
      IsWithin(given.empty() ? inside : CleanPath(given), *root)) {
    faults.Note(
        "overwrite",
        InvalidInput(fmt::format("{}, which it lies in, is overwritten before what is "
                                 "there of it would be refused",
                                 Printable(resource.key.str())))
            .Hint(fmt::format("give 'overwrite: true' for '{}' too", Printable(child.key.str()))));
  }
  choice.faults = faults.Take();
  return choice;
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
    for (std::string& path : OwnedBy(child)) owned.insert(std::move(path));
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
