#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace holdfast {

// A place that an operation on one resource reads from (protect) or writes to (restore), as its
// plugin tells it (ProtectionPlugin::Places). The runtime holds the places of a graph against each
// other, and against the bank's folder: two resources that are restored to one place would leave
// one of them, and a bank that is restored over would leave none.
struct Place {
  // The parameter that names it; empty: what the graph says of the resource.
  std::string parameter;
  // Two places of one space with one name are the same. kPaths: absolute paths of this machine.
  std::string space;
  std::string name;
  // Of a path: is it a folder with all that is in it? Then it holds the paths below it, but for
  // those that the operation leaves alone (`path`, absolute, below `name`); null: none.
  bool is_folder = false;
  std::function<bool(std::string_view path, bool is_folder)> leaves_out;

  static constexpr std::string_view kPaths = "path";
  static Place File(std::string_view parameter, std::string_view path);
  static Place Folder(std::string_view parameter, std::string_view path);
  bool is_path() const { return space == kPaths; }
  // For people: "'/srv/shop'", "PostgreSQL database 'db:5432/shop'".
  std::string str() const;
};

// The absolute path without empty parts, "." and ".." and a final '/'. No file is looked at: a ".."
// behind a symlink is taken as it is written.
std::string CleanPath(std::string_view path);
// Is `path` `folder`, or below it? Both clean.
bool IsWithin(std::string_view path, std::string_view folder);

}  // namespace holdfast
