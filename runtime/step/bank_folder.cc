#include "runtime/step/bank_folder.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "plugins/sdk/real_path.h"
#include "plugins/sdk/text.h"
#include "runtime/step/real_place.h"

namespace holdfast::runtime {
namespace {

using Identity = std::pair<dev_t, ino_t>;

std::optional<Identity> IdentityOf(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return std::nullopt;
  return Identity{info.st_dev, info.st_ino};
}

// The path, or the nearest folder above it, that is the one of this identity; empty: none is.
std::string FindUpwards(std::string path, const Identity& wanted) {
  for (;; path = FolderAbove(path)) {
    if (IdentityOf(path) == wanted) return path;
    if (path == "/") return "";
  }
}

std::string Joined(const std::string& folder, std::string_view below) {
  return CleanPath(folder + "/" + std::string(below));
}

enum class Meeting { kNone, kIs, kInside, kHolds };

// `real_folder` is the real path of `folder`.
Meeting MeetingOf(const Place& place, const std::string& folder, const std::string& real_folder) {
  const auto leaves_out = [&place](const std::string& path) {
    return place.leaves_out != nullptr && place.leaves_out(path, true);
  };
  for (const std::string& named : {folder, real_folder}) {
    if (place.name == named) return Meeting::kIs;
    if (IsWithin(place.name, named)) return Meeting::kInside;
    if (place.is_folder && IsWithin(named, place.name) && !leaves_out(named)) {
      return Meeting::kHolds;
    }
  }
  if (const auto bank = IdentityOf(real_folder)) {
    // Upwards both as it is written and as it really is: a ".." behind a link leads elsewhere.
    for (const std::string& named : {place.name, RealPath(place.name)}) {
      const std::string at = FindUpwards(named, *bank);
      if (!at.empty()) return at == named ? Meeting::kIs : Meeting::kInside;
    }
  }
  if (!place.is_folder) return Meeting::kNone;
  const auto itself = IdentityOf(place.name);
  if (!itself) return Meeting::kNone;
  const std::string at = FindUpwards(real_folder, *itself);
  if (at.empty()) return Meeting::kNone;
  return leaves_out(Joined(place.name, real_folder.substr(at.size()))) ? Meeting::kNone
                                                                       : Meeting::kHolds;
}

}  // namespace

BankFolder::BankFolder(std::string path)
    : path_(std::move(path)), real_path_(path_.empty() ? "" : RealPath(path_)) {}

std::optional<Error> BankFolder::MetBy(Operation operation, const Place& place) const {
  if (path_.empty() || !place.is_path()) return std::nullopt;
  const Meeting meeting = MeetingOf(place, path_, real_path_);
  if (meeting == Meeting::kNone) return std::nullopt;
  const std::string bank = fmt::format("'{}'", Printable(path_));
  const std::string how =
      meeting == Meeting::kIs ? fmt::format("{} is the folder of the bank", place.str())
      : meeting == Meeting::kInside
          ? fmt::format("{} lies in the folder of the bank, {}", place.str(), bank)
          : fmt::format("{} holds the folder of the bank, {}", place.str(), bank);
  if (operation == Operation::kRestore) {
    return InvalidInput(how + ", and nothing is restored over a bank")
        .Hint(meeting == Meeting::kHolds
                  ? "restore to another place and move it, or one path of it at a time ('only')"
                  : "restore to another place");
  }
  return InvalidInput(how + ", which would be protected into itself")
      .Hint(meeting == Meeting::kHolds
                ? fmt::format("exclude it: 'exclude: [\"{}/\"]' in the inventory, or keep the bank "
                              "elsewhere",
                              Printable(IsWithin(path_, place.name) && place.name != "/"
                                            ? path_.substr(place.name.size())
                                            : path_))
                : "protect what is outside the bank");
}

Result<std::vector<Place>> PlacesOf(const ProtectionPlugin& plugin, Operation operation,
                                    const Resource& resource, const Value& parameters,
                                    const BankFolder& bank, const SavedInfoSource& saved) {
  std::vector<Place> places = plugin.Places(operation, resource, parameters, Value());
  if (operation != Operation::kRestore ||
      std::none_of(places.begin(), places.end(),
                   [&](const Place& place) { return bank.MetBy(operation, place).has_value(); })) {
    return places;
  }
  auto info = saved();
  if (!info && info.error().code() == ErrorCode::kNotFound) return places;
  if (!info) return std::move(info).error();
  return plugin.Places(operation, resource, parameters, *info);
}

Status RefuseBankFolder(const ProtectionPlugin& plugin, Operation operation,
                        const Resource& resource, const Value& parameters,
                        const std::string& folder, const SavedInfoSource& saved) {
  if (folder.empty()) return Ok();
  if (operation != Operation::kProtect && operation != Operation::kRestore) return Ok();
  const BankFolder bank(folder);
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Place> places,
                            PlacesOf(plugin, operation, resource, parameters, bank, saved));
  for (const Place& place : places) {
    if (auto error = bank.MetBy(operation, place)) return std::move(*error);
  }
  return Ok();
}

}  // namespace holdfast::runtime
