#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/clock.h"
#include "plugins/sdk/encryption_key.h"
#include "plugins/sdk/error.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/secret.h"

namespace holdfast {

// A key file is text: blank lines, comments that begin with '#', and one line for each key, with the
// time when it was made, which may be missing, and the key:
//
//   2026-11-29T04:10:00.000Z 5f1c...   (64 hex digits)
//
// The first key is the current one: it encrypts what is written. The others open what they once
// encrypted; one that is taken out leaves that closed for ever. It is a secret: a regular file of the
// user or of root, that nobody else may write, and where it is the user's own, that nobody else may read
// (ReadSecretFile, SecretGuard::kOwnOnly).
struct KeyEntry {
  EncryptionKey key;
  std::optional<WallTime> made;
};
// The keys of such a text, the current one first. kInvalidInput, with file and line and never with what
// stands there, for anything else; for a key that is there twice; for no key at all.
Result<std::vector<KeyEntry>> ParseKeyFile(std::string_view text, const std::string& file);

// Makes a new key the current one of the file at `path`, atomically: who reads it meanwhile sees the old
// file or the new one, whole. A file that is not there is made, with mode 0600; one that is there keeps its keys,
// owner and mode. What is there and is no key file is refused. Two at once wait for one another.
struct NewKey {
  std::string id;
  bool made_file = false;
  std::size_t older = 0;  // keys that the file had
};
Result<NewKey> AddKey(const std::string& path, WallTime now);

// The keys of a provider (key_file), read from their file when they are first asked for, so that what
// needs none of them works without. Keys that were read stay; errors name the file and where the setting
// stands, never a key, and are kDenied (or kUnavailable). Any thread.
class KeyRing {
 public:
  // `file`: read as any secret in a file is (SecretReference). `setting`: where the setting stands, for people
  // ("line 7 of p.conf").
  KeyRing(std::string file, std::string setting);
  KeyRing(const KeyRing&) = delete;
  KeyRing& operator=(const KeyRing&) = delete;

  // The key that encrypts. What it points to lives as long as this.
  Result<const EncryptionKey*> Current() const;
  // kDenied, naming the id and the setting, also when it is not among them.
  Result<const EncryptionKey*> Find(std::string_view id) const;
  // All of them, the current one first.
  Result<const std::vector<KeyEntry>*> All() const;

 private:
  Error Unreadable(const Error& why) const;
  Status Load() const;

  const std::string file_;
  const std::string setting_;
  mutable std::mutex mutex_;
  mutable bool loaded_ = false;  // guarded by mutex_; afterwards the rest never changes
  mutable std::vector<KeyEntry> keys_;
  mutable std::map<std::string, const EncryptionKey*, std::less<>> by_id_;
};

// The key with that id, where there may be no keys at all (nullptr): kDenied says which one is missing,
// and which setting names the file.
Result<const EncryptionKey*> FindKey(const KeyRing* keys, std::string_view id);

}  // namespace holdfast
