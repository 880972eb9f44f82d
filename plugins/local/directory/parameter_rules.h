#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plugins/local/directory/directory_protection.h"
#include "plugins/sdk/parameter_faults.h"
#include "plugins/sdk/place.h"
#include "plugins/sdk/protection_plugin.h"
#include "plugins/sdk/resource.h"
#include "plugins/sdk/result.h"

// What the parameters of a directory must keep beside their schema. Pure functions of their
// arguments: compiling asks them before anything is written (Validate), the activities before they
// do anything.
namespace holdfast::plugins::directory {

// Protect: the directory's path and its patterns (from the inventory too), the place of the
// snapshot, the commands of 'snapshot: command'.
std::vector<ParameterFault> ProtectFaults(const Resource& resource,
                                          const DirectoryProtection::ProtectParameters& parameters);
// Restore: target, only, and what 'existing' needs.
std::vector<ParameterFault> RestoreFaults(const DirectoryProtection::RestoreParameters& parameters);

// What a restore of the directory means for a child that owns paths of it (OwnedByChildren): it is
// left out where 'only' asks for none of them; and it is told what its own parameters need, so that
// it is not restored to where it was when the directory goes elsewhere, and is not refused when the
// directory has been overwritten already.
ChildChoice RestoreOfChild(const Resource& resource,
                           const DirectoryProtection::RestoreParameters& parameters,
                           const ResourceLink& child, const Value& child_parameters);

// Where protect reads the directory from, but for what its patterns leave out; where restore writes
// it to, but for what had been left out, which a restore lets alone: by the checkpoint's saved info,
// or, where that is not known (`saved` is null), by the inventory's patterns.
std::vector<Place> PlacesOfProtect(const Resource& resource,
                                   const DirectoryProtection::ProtectParameters& parameters);
std::vector<Place> PlacesOfRestore(const Resource& resource,
                                   const DirectoryProtection::RestoreParameters& parameters,
                                   const Value& saved);

// The absolute path without empty parts, "." and a final '/'; kInvalidInput for one that is not
// absolute, or holds ".." or a NUL byte.
Result<std::string> CleanAbsolutePath(std::string_view path, std::string_view what);
// The path of 'only' or 'only_base64' without a final '/', empty when neither is given;
// kInvalidInput for both, and for what is no path below a directory.
Result<std::string> OnlyOf(const DirectoryProtection::RestoreParameters& parameters);

// Where the resource's directory is, as CleanAbsolutePath has it.
Result<std::string> PathOf(const Resource& resource);
// The patterns that the inventory has for it.
std::vector<std::string> ListedExcludes(const Resource& resource);
// What the resources below the directory own of it (paths below it, sorted), as the facts of the
// edges say: {"owns": [...]} (inventory_protectable.h). They protect and restore it, not the
// directory.
std::vector<std::string> OwnedByChildren(const Resource& resource);
// The patterns, for ExcludePatterns, and behind them patterns of exactly these paths: no "!" of the others
// takes them in again.
std::vector<std::string> WithPaths(std::vector<std::string> patterns,
                                   const std::vector<std::string>& paths);
// The text with {path} and {name} filled in.
std::string FillIn(const std::string& text, const std::string& path, const std::string& name);

}  // namespace holdfast::plugins::directory
