#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "plugins/sdk/result.h"

namespace holdfast {

// A secret's text. It has no operator<< and no conversion; its memory is wiped when it goes.
class Secret {
 public:
  explicit Secret(std::string text) : text_(std::move(text)) {}
  Secret(Secret&&) noexcept = default;
  Secret& operator=(Secret&&) noexcept = default;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();
  const std::string& Reveal() const { return text_; }

 private:
  std::string text_;
};

// Whose a file with a secret may be.
enum class SecretGuard {
  kAny,  // whoever may read it
  // kDenied unless it belongs to this process' user or to root, nobody else may write it and, where it is
  // the user's own, nobody else may read it. (What Kubernetes mounts is root's, and readable in the pod.)
  kOwnOnly,
};

// A file without its final newline (at most 64 KiB). A regular one: kInvalidInput for a pipe or a
// device. kNotFound or kDenied name the file, never the contents.
Result<Secret> ReadSecretFile(const std::string& path, SecretGuard guard = SecretGuard::kAny);

// Where a secret stands. Settings hold this, never the secret: for a setting `password` a provider
// says `password_file = PATH` or `password_env = NAME`; `password = ...` in clear is read too, with
// a warning.
struct SecretReference {
  enum class Kind { kNone, kFile, kEnvironment, kClear };
  Kind kind = Kind::kNone;
  std::string where;  // the path, the variable's name, or the text itself

  bool given() const { return kind != Kind::kNone; }
  // Reads the secret: a file without its final newline (at most 64 KiB), a variable, the text.
  // A file is a regular one: kInvalidInput for a pipe or a device. Where the folder that the variable
  // HOLDFAST_SECRET_DIR names has a file of that name (its last part), that one is read: what a pod has
  // mounted lies elsewhere on a laptop.
  // kNotFound or kDenied name the file or variable, never the contents.
  // `guard` is about a file.
  Result<Secret> Read(SecretGuard guard = SecretGuard::kAny) const;
  // The same as a text, for what takes no Secret; empty where none is given.
  Result<std::string> ReadIfGiven() const;
};

}  // namespace holdfast
