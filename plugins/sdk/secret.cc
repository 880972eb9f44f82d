#include "plugins/sdk/secret.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

namespace holdfast {

namespace {

constexpr std::size_t kMaxSecret = 64U << 10U;

Status CheckOwnOnly(const struct stat& status, const std::string& path) {
  const auto denied = [&path](std::string_view why) {
    return Error(ErrorCode::kDenied,
                 "the secret in " + path + " is not for this user alone: " + std::string(why))
        .Hint("chown it to the user that Holdfast runs as, and chmod 600 it");
  };
  const uid_t self = geteuid();
  if (status.st_uid != self && status.st_uid != 0) return denied("it is another user's");
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) return denied("others may write it");
  if (status.st_uid == self && (status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return denied("others may read it");
  return Ok();
}

std::string PathOnThisMachine(const std::string& path) {
  const char* const folder = std::getenv("HOLDFAST_SECRET_DIR");
  if (folder == nullptr || *folder == '\0') return path;
  const std::string here = std::string(folder) + "/" + path.substr(path.find_last_of('/') + 1);
  struct stat status {};
  return stat(here.c_str(), &status) == 0 ? here : path;
}

}  // namespace

Secret::~Secret() { OPENSSL_cleanse(text_.data(), text_.size()); }

Result<Secret> ReadSecretFile(const std::string& path, SecretGuard guard) {
  // Not blocking: opening a FIFO would wait for a writer that may never come.
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return SystemError(errno, "reading the secret in " + path);
  struct stat status {};
  if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(descriptor);
    return InvalidInput("the secret in " + path + " is not in a file")
        .Hint("write it into a regular file that only Holdfast's user may read");
  }
  if (guard == SecretGuard::kOwnOnly) {
    if (Status own = CheckOwnOnly(status, path); !own) {
      close(descriptor);
      return std::move(own).error();
    }
  }
  std::string text;
  std::array<char, 4096> buffer{};
  while (text.size() <= kMaxSecret) {
    const ssize_t n = read(descriptor, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const int error_number = errno;
      close(descriptor);
      return SystemError(error_number, "reading the secret in " + path);
    }
    if (n == 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(n));
  }
  close(descriptor);
  OPENSSL_cleanse(buffer.data(), buffer.size());
  if (text.size() > kMaxSecret)
    return InvalidInput("the secret in " + path + " is larger than 64 KiB");
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return Secret(std::move(text));
}

Result<Secret> SecretReference::Read(SecretGuard guard) const {
  switch (kind) {
    case Kind::kFile:
      return ReadSecretFile(PathOnThisMachine(where), guard);
    case Kind::kEnvironment: {
      const char* const text = std::getenv(where.c_str());
      if (text == nullptr) {
        return NotFound("the environment variable " + where + ", which holds a secret, is not set")
            .Hint("set it where the command runs, or give the secret in a file (..._file = PATH)");
      }
      return Secret(text);
    }
    case Kind::kClear:
      return Secret(where);
    case Kind::kNone:
      break;
  }
  return NotFound("no secret is configured");
}

Result<std::string> SecretReference::ReadIfGiven() const {
  if (!given()) return std::string();
  HOLDFAST_ASSIGN_OR_RETURN(const Secret secret, Read());
  return secret.Reveal();
}

}  // namespace holdfast
