#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast {

// What went wrong, in the few classes on which callers decide. Each code maps to one exit code
// (exit_code.h). kUnavailable alone means "the same call may succeed later"; whoever talks to the
// outside decides it there (a full disk, 401, 403 or a bad checksum never is).
enum class ErrorCode {
  kUsage,         // the command line is wrong
  kInvalidInput,  // a file, parameter or key that a user wrote is wrong
  kNotFound,
  kConflict,     // the key or thing exists already
  kLocked,       // another run holds the lease
  kCorrupt,      // stored bytes are not what was written
  kDenied,       // permissions, credentials
  kUnavailable,  // try again later
  kInternal,     // a bug of ours, or an outcome that nothing above names
};

// The stable name of a code ("invalid-input"), used in JSON output.
std::string_view NameOf(ErrorCode code);

// A place in a file that a user wrote. Lines and columns count from 1; 0 = not known.
struct Where {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string text;         // the line itself, for the caret; may be empty
  std::uint32_t width = 1;  // how many columns the caret underlines
};

// An error is a value: code, message, and where there is one a hint (what to do about it), a
// place, and causes. Messages are one line, lower case, without a final dot, and never hold a
// secret. Text that comes from a tenant is rendered safe (text.h) when it is printed.
class [[nodiscard]] Error {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }
  const std::string& hint() const { return hint_; }
  const std::optional<Where>& where() const { return where_; }
  const std::vector<Error>& causes() const { return causes_; }

  Error Hint(std::string hint) &&;
  Error At(Where where) &&;
  Error Because(Error cause) &&;
  // Adds what was being done, once a layer: "<context>: <message>". The code stays.
  Error While(std::string_view context) &&;

  // What a pre fails with when it could not undo its own half-done work: then nothing counts as
  // undone. The step has failed, may be run again, and a clean-up stays owed: the end of the run
  // calls the resource's post. Of another activity it says nothing.
  Error HalfDone() &&;
  bool half_done() const { return half_done_; }

  // For people, several lines, no newline at the end:
  //   file:7:5: message
  //   7 | the line
  //     |     ^^^^
  //   help: hint
  std::string Render() const;
  // One line: file:line:column, message, hint in brackets; for logs and journals.
  std::string OneLine() const;

 private:
  ErrorCode code_;
  std::string message_;
  std::string hint_;
  std::optional<Where> where_;
  std::vector<Error> causes_;
  bool half_done_ = false;
};

inline Error InvalidInput(std::string message) {
  return Error(ErrorCode::kInvalidInput, std::move(message));
}
inline Error NotFound(std::string message) {
  return Error(ErrorCode::kNotFound, std::move(message));
}
inline Error Internal(std::string message) {
  return Error(ErrorCode::kInternal, std::move(message));
}
inline Error Unavailable(std::string message) {
  return Error(ErrorCode::kUnavailable, std::move(message));
}
inline Error Corrupt(std::string message) { return Error(ErrorCode::kCorrupt, std::move(message)); }

// An error for a failed system call: "<what>: <strerror>". EACCES, EPERM, EROFS, ENOSPC and
// EDQUOT are kDenied, ENOENT kNotFound, EEXIST kConflict, EINTR, EAGAIN, EMFILE, ENFILE and
// ETIMEDOUT kUnavailable, others kInternal.
Error SystemError(int error_number, std::string_view what);

}  // namespace holdfast
