#include "runtime/cli/user_files.h"

#include <sys/stat.h>

#include "plugins/sdk/file.h"
#include "plugins/sdk/text.h"

namespace holdfast::cli {

Result<std::string> UserFiles::Read(const std::string& path, std::uint64_t limit) {
  Note(path);
  return ReadFile(path, limit);
}

void UserFiles::Note(const std::string& path) {
  struct stat info {};
  // What is no file is not replaced: a terminal may be read and written.
  if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return;
  inputs_.emplace(std::pair(info.st_dev, info.st_ino), path);
}

void UserFiles::Note(const ProviderConfig& config) {
  Note(config.file);
  for (const IniSection& section : config.sections) {
    for (const IniEntry& entry : section.entries) {
      if (entry.value.starts_with('/')) Note(entry.value);
    }
  }
}

Status UserFiles::RefuseInput(const std::string& path) const {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return Ok();
  const auto input = inputs_.find({info.st_dev, info.st_ino});
  if (input == inputs_.end()) return Ok();
  return InvalidInput(Printable(path) + " would be overwritten, and this command reads it" +
                      (input->second == path ? "" : " as " + Printable(input->second)))
      .Hint("name another file to write to");
}

Status UserFiles::Write(const std::string& path, std::string_view contents) const {
  HOLDFAST_RETURN_IF_ERROR(RefuseInput(path));
  return WriteFileDurably(path, contents);
}

}  // namespace holdfast::cli
