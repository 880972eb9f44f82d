#include "plugins/sdk/key_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "plugins/sdk/descriptor_owner.h"
#include "plugins/sdk/file.h"
#include "plugins/sdk/text.h"

namespace holdfast {
namespace {

constexpr std::size_t kMaxKeyFile = 64U << 10U;  // what is read of a secret
constexpr std::string_view kHeading =
    "# Keys of Holdfast. The first one encrypts; the others open what they once encrypted.\n"
    "# Without this file nobody reads the bank. Keep a copy of it, and not in the bank.\n";

Result<KeyEntry> ParseLine(std::string_view line, const Where& where) {
  const auto wrong = [&where](Error error) {
    return std::move(error).At(where).Hint(
        "a line is a key, 64 hex digits, maybe with the time before it when it was made, as in "
        "'2026-11-29T04:10:00Z'");
  };
  std::optional<WallTime> made;
  if (const std::size_t space = line.find(' '); space != std::string_view::npos) {
    const auto time = ParseTime(line.substr(0, space));
    // The text is not shown: it may be a key.
    if (!time) return wrong(InvalidInput("this is no time and key"));
    made = *time;
    line = Trim(line.substr(space));
  }
  auto key = EncryptionKey::Parse(line);
  if (!key) return wrong(std::move(key).error());
  return KeyEntry{std::move(*key), made};
}

// The lines of a key file with one before the first key. What people wrote stays.
std::string WithKeyBefore(std::string_view text, std::string_view added) {
  std::string out;
  out.reserve(text.size() + added.size() + 1);
  bool done = false;
  for (const std::string_view line : Split(text, '\n')) {
    const std::string_view trimmed = Trim(line);
    if (!done && !trimmed.empty() && trimmed.front() != '#') {
      out += added;
      done = true;
    }
    out.append(line) += '\n';
  }
  return out;
}

// Waits for who else adds a key in this folder; gone with the process.
Result<OwnedDescriptor> LockFolder(const std::string& folder) {
  OwnedDescriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!descriptor.valid()) {
    Error error = SystemError(errno, "writing a key file into " + folder);
    return error.code() == ErrorCode::kNotFound
               ? std::move(error).Hint("make the folder '" + folder + "' first")
               : error;
  }
  while (::flock(descriptor.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return SystemError(errno, "locking the folder " + folder);
  }
  return descriptor;
}

// `before`: of the file that is replaced; nullptr: there is none, and one that has come meanwhile stays.
Status PutKeyFile(const std::string& path, std::string_view text, const struct stat* before,
                  int folder) {
  const std::string temporary = fmt::format("{}.tmp{}", path, ::getpid());
  ::unlink(temporary.c_str());  // of a killed one with this process id
  const OwnedDescriptor descriptor(::open(
      temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
  if (!descriptor.valid()) return SystemError(errno, "writing " + path);
  Status status = WriteToDisk(descriptor.get(), text, path);
  // The service that reads it may be another user than who adds a key.
  if (status && before != nullptr &&
      (::fchown(descriptor.get(), before->st_uid, before->st_gid) != 0 ||
       ::fchmod(descriptor.get(), before->st_mode & 07777) != 0)) {
    status = SystemError(errno, "giving " + path + " its owner and mode");
  }
  if (status && before == nullptr && ::link(temporary.c_str(), path.c_str()) != 0)
    status = SystemError(errno, "writing " + path);
  if (status && before != nullptr && ::rename(temporary.c_str(), path.c_str()) != 0)
    status = SystemError(errno, "writing " + path);
  ::unlink(temporary.c_str());
  if (status && ::fsync(folder) != 0)
    status = SystemError(errno, "writing the folder of " + path + " to the disk");
  return status;
}

}  // namespace

Result<std::vector<KeyEntry>> ParseKeyFile(std::string_view text, const std::string& file) {
  std::vector<KeyEntry> keys;
  std::map<std::string, std::uint32_t> lines;
  std::uint32_t number = 0;
  for (const std::string_view raw : Split(text, '\n')) {
    ++number;
    const std::string_view line = Trim(raw);
    if (line.empty() || line.front() == '#') continue;
    const Where where{file, number, 1, {}, 1};
    HOLDFAST_ASSIGN_OR_RETURN(KeyEntry entry, ParseLine(line, where));
    if (const auto [at, fresh] = lines.emplace(entry.key.id(), number); !fresh) {
      return InvalidInput("the key " + entry.key.id() + " is there twice")
          .At(where)
          .Hint(fmt::format("the first time in line {}", at->second));
    }
    keys.push_back(std::move(entry));
  }
  if (keys.empty()) {
    return InvalidInput("there is no key in it")
        .At({file, 0, 0, {}, 1})
        .Hint("'holdfast bank key new FILE' makes a file with one");
  }
  return keys;
}

Result<NewKey> AddKey(const std::string& given, WallTime now) {
  // What a symbolic link leads to is what is replaced; one that leads nowhere is refused by link().
  std::error_code error;
  const auto canonical = std::filesystem::canonical(given, error);
  const std::string path = error ? given : canonical.string();
  HOLDFAST_ASSIGN_OR_RETURN(const OwnedDescriptor folder, LockFolder(FolderOf(path)));
  struct stat before {};
  const bool is_there = ::stat(path.c_str(), &before) == 0;
  if (!is_there && errno != ENOENT) return SystemError(errno, "reading " + path);
  NewKey out;
  const EncryptionKey key = EncryptionKey::Generate();
  out.id = key.id();
  const Secret line(fmt::format("{} {}\n", FormatTime(now), key.Text().Reveal()));
  if (!is_there) {
    out.made_file = true;
    const Secret whole(std::string(kHeading) + line.Reveal());
    HOLDFAST_RETURN_IF_ERROR(PutKeyFile(path, whole.Reveal(), nullptr, folder.get()));
    return out;
  }
  HOLDFAST_ASSIGN_OR_RETURN(const Secret old, ReadSecretFile(path));
  HOLDFAST_ASSIGN_OR_RETURN(const auto keys, ParseKeyFile(old.Reveal(), path));
  out.older = keys.size();
  const Secret whole(WithKeyBefore(old.Reveal(), line.Reveal()));
  if (whole.Reveal().size() > kMaxKeyFile) {
    return InvalidInput(path + " would be larger than 64 KiB with one more key")
        .Hint("take out keys that nothing is encrypted with any more");
  }
  HOLDFAST_RETURN_IF_ERROR(PutKeyFile(path, whole.Reveal(), &before, folder.get()));
  return out;
}

KeyRing::KeyRing(std::string file, std::string setting)
    : file_(std::move(file)), setting_(std::move(setting)) {}

// Not what it was: to who reads the bank kNotFound is an object that is not there, and kInvalidInput a damaged
// one.
Error KeyRing::Unreadable(const Error& why) const {
  const ErrorCode code =
      why.code() == ErrorCode::kUnavailable ? ErrorCode::kUnavailable : ErrorCode::kDenied;
  Error error(code,
              fmt::format("the keys cannot be read (key_file, {}): {}", setting_, why.message()));
  if (!why.hint().empty()) error = std::move(error).Hint(why.hint());
  if (why.where()) error = std::move(error).At(*why.where());
  return error;
}

Status KeyRing::Load() const {
  const std::lock_guard lock(mutex_);
  if (loaded_) return Ok();
  auto text = SecretReference{SecretReference::Kind::kFile, file_}.Read(SecretGuard::kOwnOnly);
  if (!text) return Unreadable(text.error());
  auto keys = ParseKeyFile(text->Reveal(), file_);
  if (!keys) return Unreadable(keys.error());
  keys_ = std::move(*keys);
  for (const KeyEntry& entry : keys_) by_id_.emplace(entry.key.id(), &entry.key);
  loaded_ = true;
  return Ok();
}

Result<const std::vector<KeyEntry>*> KeyRing::All() const {
  HOLDFAST_RETURN_IF_ERROR(Load());
  return &keys_;
}

Result<const EncryptionKey*> KeyRing::Current() const {
  HOLDFAST_RETURN_IF_ERROR(Load());
  return &keys_.front().key;
}

Result<const EncryptionKey*> KeyRing::Find(std::string_view id) const {
  if (Status loaded = Load(); !loaded) {
    return std::move(loaded).error().While(
        fmt::format("it is encrypted with key {}", Printable(id)));
  }
  if (const auto at = by_id_.find(id); at != by_id_.end()) return at->second;
  return Error(ErrorCode::kDenied, fmt::format("it is encrypted with key {}, which is not in {}",
                                               Printable(id), Printable(file_)))
      .Hint(
          fmt::format("put the key back into the file that key_file names ({}): a key has to stay "
                      "in it as long as anything is encrypted with it",
                      setting_));
}

Result<const EncryptionKey*> FindKey(const KeyRing* keys, std::string_view id) {
  if (keys != nullptr) return keys->Find(id);
  return Error(ErrorCode::kDenied, fmt::format("it is encrypted with key {}, and the provider has "
                                               "no keys",
                                               Printable(id)))
      .Hint("'key_file = PATH' in [provider] of the provider's file names the file that holds it");
}

}  // namespace holdfast
