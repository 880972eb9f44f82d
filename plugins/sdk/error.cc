#include "plugins/sdk/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "plugins/sdk/text.h"

namespace holdfast {
namespace {

std::string Place(const Where& where) {
  std::string place = Printable(where.file);
  if (where.line != 0) {
    place += fmt::format(":{}", where.line);
    if (where.column != 0) place += fmt::format(":{}", where.column);
  }
  return place;
}

// A line of a file with its tabs as single blanks, so that the caret below it stays in place.
std::string ShownLine(std::string_view text) {
  std::string copy(text);
  std::replace(copy.begin(), copy.end(), '\t', ' ');
  return Printable(copy);
}

// How many columns of a terminal `shown` takes, wide characters aside.
std::size_t Columns(std::string_view shown) {
  return static_cast<std::size_t>(std::count_if(shown.begin(), shown.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

void RenderInto(std::string& out, const Error& error, const std::string& indent) {
  const auto& where = error.where();
  if (where && !where->file.empty()) out += Place(*where) + ": ";
  out += Printable(error.message());
  if (where && where->line != 0 && !where->text.empty()) {
    const std::string number = std::to_string(where->line);
    out += "\n" + indent + number + " | " + ShownLine(where->text);
    if (where->column != 0) {
      const std::string_view text = where->text;
      const std::size_t start = std::min<std::size_t>(where->column - 1, text.size());
      const std::string_view marked = text.substr(start, std::max<std::size_t>(where->width, 1));
      out += "\n" + indent + std::string(number.size(), ' ') + " | " +
             std::string(Columns(ShownLine(text.substr(0, start))), ' ') +
             std::string(std::max<std::size_t>(Columns(ShownLine(marked)), 1), '^');
    }
  }
  if (!error.hint().empty()) out += "\n" + indent + "help: " + Printable(error.hint());
  for (const Error& cause : error.causes()) {
    out += "\n" + indent + "because: ";
    RenderInto(out, cause, indent + "  ");
  }
}

}  // namespace

std::string_view NameOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUsage:
      return "usage";
    case ErrorCode::kInvalidInput:
      return "invalid-input";
    case ErrorCode::kNotFound:
      return "not-found";
    case ErrorCode::kConflict:
      return "conflict";
    case ErrorCode::kLocked:
      return "locked";
    case ErrorCode::kCorrupt:
      return "corrupt";
    case ErrorCode::kDenied:
      return "denied";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "internal";
}

Error Error::Hint(std::string hint) && {
  hint_ = std::move(hint);
  return std::move(*this);
}

Error Error::At(Where where) && {
  where_ = std::move(where);
  return std::move(*this);
}

Error Error::Because(Error cause) && {
  causes_.push_back(std::move(cause));
  return std::move(*this);
}

Error Error::While(std::string_view context) && {
  message_ = std::string(context) + ": " + message_;
  return std::move(*this);
}

Error Error::HalfDone() && {
  half_done_ = true;
  return std::move(*this);
}

std::string Error::Render() const {
  std::string out;
  RenderInto(out, *this, "");
  return out;
}

std::string Error::OneLine() const {
  std::string out;
  if (where_ && !where_->file.empty()) out += Place(*where_) + ": ";
  out += Printable(message_);
  if (!hint_.empty()) out += " [" + Printable(hint_) + "]";
  for (const Error& cause : causes_) out += "; because: " + cause.OneLine();
  return out;
}

Error SystemError(int error_number, std::string_view what) {
  ErrorCode code = ErrorCode::kInternal;
  switch (error_number) {
    case EACCES:
    case EPERM:
    case EROFS:
    case ENOSPC:
    case EDQUOT:
      code = ErrorCode::kDenied;
      break;
    case ENOENT:
      code = ErrorCode::kNotFound;
      break;
    case EEXIST:
      code = ErrorCode::kConflict;
      break;
    case EINTR:
    case EAGAIN:
    case EMFILE:
    case ENFILE:
    case ETIMEDOUT:
      code = ErrorCode::kUnavailable;
      break;
    default:
      break;
  }
  return Error(code, fmt::format("{}: {}", what, std::generic_category().message(error_number)));
}

}  // namespace holdfast
