#include "runtime/cli/output.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "plugins/sdk/json.h"
#include "plugins/sdk/text.h"

namespace holdfast::cli {

namespace {

// errno of the first write to stdout that failed; 0 = none. One process has one stdout.
int stdout_error = 0;

void WriteLine(std::FILE* file, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), file);
  std::fputc('\n', file);
  std::fflush(file);
}

// Columns a text takes: code points, as names are mostly narrow.
std::size_t Width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

}  // namespace

Value ListOf(const std::vector<std::string>& texts) {
  return Value::List(texts.begin(), texts.end());
}

Value ErrorToValue(const Error& error) {
  Value value;
  value.Set("code", NameOf(error.code()))
      .Set("exit_code", static_cast<int>(ExitCodeOf(error.code())))
      .Set("message", Printable(error.message()));
  if (!error.hint().empty()) value.Set("hint", Printable(error.hint()));
  if (error.where()) {
    value.Set("file", Printable(error.where()->file))
        .Set("line", static_cast<std::int64_t>(error.where()->line))
        .Set("column", static_cast<std::int64_t>(error.where()->column));
  }
  if (!error.causes().empty()) {
    Value::List causes;
    for (const Error& cause : error.causes()) causes.push_back(ErrorToValue(cause));
    value.Set("causes", std::move(causes));
  }
  return value;
}

void WriteStdout(std::string_view text) {
  if (stdout_error != 0) return;
  errno = 0;
  const bool written =
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (!written) stdout_error = errno != 0 ? errno : EIO;
}

int EndStdout(int exit_code, bool is_verdict) {
  if (stdout_error == 0 || stdout_error == EPIPE) return exit_code;
  const Error error = SystemError(stdout_error, "writing to stdout");
  WriteLine(stderr, error.Render());
  return exit_code != 0 || is_verdict ? exit_code : static_cast<int>(ExitCodeOf(error.code()));
}

Output::Output(bool json, bool quiet)
    : json_(json), quiet_(quiet), terminal_(isatty(STDERR_FILENO) == 1) {}

void Output::Line(std::string_view text) const {
  if (!json_) WriteStdout(Printable(text) + "\n");
}

void Output::Json(std::string_view message_type, Value fields) const {
  if (!json_) return;
  fields.Set("message_type", message_type);
  if (auto text = DumpJson(fields)) WriteStdout(*text + "\n");
}

void Output::Table(const std::vector<std::string>& heading,
                   const std::vector<std::vector<std::string>>& rows) const {
  if (json_) return;
  std::vector<std::vector<std::string>> cells{heading};
  for (const auto& row : rows) {
    std::vector<std::string> printable;
    printable.reserve(row.size());
    for (const std::string& cell : row) printable.push_back(Printable(cell));
    cells.push_back(std::move(printable));
  }
  std::vector<std::size_t> widths(heading.size(), 0);
  for (const auto& row : cells) {
    for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i) {
      widths[i] = std::max(widths[i], Width(row[i]));
    }
  }
  for (const auto& row : cells) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - Width(row[i]) + 2, ' ');
    }
    WriteStdout(line + "\n");
  }
}

void Output::Say(std::string_view text) const {
  if (!quiet_ && !json_) WriteLine(stderr, Printable(text));
}

void Output::Warn(std::string_view text) const {
  if (json_) {
    Json("warning", Value().Set("message", Printable(text)));
  } else {
    WriteLine(stderr, "warning: " + Printable(text));
  }
}

void Output::Warn(const Error& error) const {
  if (!json_) WriteLine(stderr, "warning: " + error.Render());
}

int Output::Fail(const Error& error) const {
  WriteLine(stderr, error.Render());
  Json("error", ErrorToValue(error));
  return static_cast<int>(ExitCodeOf(error.code()));
}

}  // namespace holdfast::cli
