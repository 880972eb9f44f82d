#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/error.h"
#include "plugins/sdk/exit_code.h"
#include "plugins/sdk/value.h"

namespace holdfast::cli {

// Writes data to stdout. Once its reader has gone away (`holdfast ... | head -1`; SIGPIPE is
// ignored) or the disk is full, nothing more is written and the command goes on.
void WriteStdout(std::string_view text);
// The exit code of a process whose command ended with `exit_code`. Data that could not be written
// is said on stderr, unless nobody wanted it any more, and is a failure where it is what the
// command is for; where the exit code is a verdict (`is_verdict`), it stays the verdict.
int EndStdout(int exit_code, bool is_verdict);

// An error as data: code, exit_code, message, hint, place, causes.
Value ErrorToValue(const Error& error);

// Texts as a list.
Value ListOf(const std::vector<std::string>& texts);

// How a command talks: data on stdout, words on stderr; with --json every datum is one JSON
// object a line with a `message_type`. Colour and progress only on a terminal.
class Output {
 public:
  Output(bool json, bool quiet);

  bool json() const { return json_; }
  bool quiet() const { return quiet_; }
  bool terminal() const { return terminal_; }

  // What follows makes text Printable(): names, ids and messages come from tenants, plugins and the
  // bank, and none of them may steer a terminal. One call, one line.

  // A line of data for people; nothing with --json.
  void Line(std::string_view text) const;
  // A datum for machines: one line, only with --json. `message_type` names its kind.
  void Json(std::string_view message_type, Value fields) const;
  // Rows under a heading, columns aligned; nothing with --json.
  void Table(const std::vector<std::string>& heading,
             const std::vector<std::vector<std::string>>& rows) const;
  // Words for people, on stderr; nothing with --quiet or --json.
  void Say(std::string_view text) const;
  // A warning, on stderr: "warning: ..."; with --json an object on stdout.
  void Warn(std::string_view text) const;
  // The same with a place and a hint; nothing with --json.
  void Warn(const Error& error) const;
  // An error, on stderr, with its place, hint and causes; with --json an object on stdout too.
  // Returns its exit code, so that `return output.Fail(error);` ends a command.
  int Fail(const Error& error) const;

 private:
  bool json_;
  bool quiet_;
  bool terminal_;
};

}  // namespace holdfast::cli
