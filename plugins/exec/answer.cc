#include "plugins/exec/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "plugins/sdk/json.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::exec {

namespace {

constexpr std::size_t kLongestMessage = 4000;

constexpr std::array kAllErrorCodes{
    ErrorCode::kUsage,    ErrorCode::kInvalidInput, ErrorCode::kNotFound,
    ErrorCode::kConflict, ErrorCode::kLocked,       ErrorCode::kCorrupt,
    ErrorCode::kDenied,   ErrorCode::kUnavailable,  ErrorCode::kInternal};

// The fields that a result may have, beside those that every result has.
std::vector<std::string> ResultFields(Call call) {
  std::vector<std::string> fields{"message_type", "protocol", "state", "error"};
  switch (call) {
    case Call::kDescribe:
      fields.emplace_back("plugin");
      break;
    case Call::kShow:
      fields.emplace_back("resource");
      break;
    case Call::kActivity:
    case Call::kPoll:
      for (const char* const name : {"saved_info", "point_in_time", "new_resource", "half_done"}) {
        fields.emplace_back(name);
      }
      [[fallthrough]];
    case Call::kCleanUp:
      fields.emplace_back("journal");
      fields.emplace_back("resources");
      break;
    case Call::kList:
    case Call::kDependents:
    case Call::kCheck:
      break;
  }
  return fields;
}

}  // namespace

std::string_view NameOf(Call call) {
  switch (call) {
    case Call::kDescribe:
      return "describe";
    case Call::kList:
      return "list";
    case Call::kShow:
      return "show";
    case Call::kDependents:
      return "dependents";
    case Call::kCheck:
      return "check";
    case Call::kActivity:
      return "activity";
    case Call::kPoll:
      return "poll";
    case Call::kCleanUp:
      return "clean-up";
  }
  return "";
}

Error Answer::error() const {
  const Value* const said = result.Find("error");
  const Value none{Value::Map{}};
  const Value& error = said != nullptr ? *said : none;
  const std::string name = error.StringOr("code", "");
  ErrorCode code = ErrorCode::kInternal;
  for (const ErrorCode known : kAllErrorCodes) {
    if (holdfast::NameOf(known) == name) code = known;
  }
  Error out(
      code,
      Printable(
          error.StringOr("message", "it failed and did not say why").substr(0, kLongestMessage)));
  if (const std::string hint = error.StringOr("hint", ""); !hint.empty()) {
    out = std::move(out).Hint(Printable(hint.substr(0, kLongestMessage)));
  }
  if (result.BoolOr("half_done", false)) out = std::move(out).HalfDone();
  return out;
}

AnswerReader::AnswerReader(Call call, std::string name, Logger& log,
                           std::function<void(const Progress&)> on_progress)
    : call_(call), name_(std::move(name)), log_(log), on_progress_(std::move(on_progress)) {}

Error AnswerReader::Fault(std::string message) const {
  return InvalidInput(std::move(message))
      .At({fmt::format("stdout of {} {}", Printable(name_), NameOf(call_)),
           static_cast<std::uint32_t>(line_number_),
           0,
           {},
           1});
}

Status AnswerReader::Write(std::span<const std::byte> data) {
  std::string_view rest = AsText(data);
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    const std::string_view part = rest.substr(0, end);
    if (line_.size() + part.size() > kLongestLine) {
      ++line_number_;
      return Fault(fmt::format("a line is longer than {} bytes", kLongestLine));
    }
    line_.append(part);
    if (end == std::string_view::npos) return Ok();
    rest.remove_prefix(end + 1);
    ++line_number_;
    HOLDFAST_RETURN_IF_ERROR(Line(line_));
    line_.clear();
  }
  return Ok();
}

Result<std::optional<Answer>> AnswerReader::Take() {
  // A last line without a newline: of a plugin that has just ended well it may be the result.
  if (!line_.empty()) {
    ++line_number_;
    HOLDFAST_RETURN_IF_ERROR(Line(line_));
  }
  if (!has_result_) return std::optional<Answer>();
  return std::optional<Answer>(std::move(answer_));
}

Status AnswerReader::Line(std::string_view line) {
  if (Trim(line).empty()) return Ok();
  if (has_result_) return Fault("it goes on after its result");
  auto message = ParseJson(line, "");
  if (!message) {
    return Fault(fmt::format("'{}' is no JSON: {}", Printable(line.substr(0, 60)),
                             message.error().message()))
        .Hint("stdout is for JSON lines; what is for the log goes to stderr");
  }
  if (!message->is_map()) return Fault("a message is a JSON object");
  const std::string type = message->StringOr("message_type", "");
  if (type == "progress") return TakeProgress(*message);
  if (type == "log") return TakeLog(*message);
  if (type == "resource" && (call_ == Call::kList || call_ == Call::kDependents)) {
    return TakeResource(std::move(*message), line.size());
  }
  if (type == "result") return TakeResult(std::move(*message));
  return Fault(fmt::format("{} has no message '{}'", NameOf(call_), Printable(type)))
      .Hint("'message_type' is result, progress or log; in list and dependents also resource");
}

Status AnswerReader::CheckKeys(const Value& message,
                               const std::vector<std::string>& allowed) const {
  for (const auto& [name, value] : message.AsMap()) {
    if (std::find(allowed.begin(), allowed.end(), name) != allowed.end()) continue;
    const std::string near = Nearest(name, allowed);
    Error error =
        Fault(fmt::format("a {} of {} has no field '{}'", message.StringOr("message_type", ""),
                          NameOf(call_), Printable(name)));
    if (near.empty()) return error;
    return std::move(error).Hint("did you mean '" + near + "'?");
  }
  return Ok();
}

Status AnswerReader::TakeProgress(const Value& message) {
  HOLDFAST_RETURN_IF_ERROR(CheckKeys(message, {"message_type", "done", "total", "what"}));
  const std::int64_t done = message.IntOr("done", 0);
  const std::int64_t total = message.IntOr("total", 0);
  if (done < 0 || total < 0) return Fault("progress cannot be negative");
  answer_.progress = Progress(static_cast<std::uint64_t>(done), static_cast<std::uint64_t>(total),
                              Printable(message.StringOr("what", "").substr(0, kLongestMessage)));
  if (on_progress_) on_progress_(answer_.progress);
  return Ok();
}

Status AnswerReader::TakeLog(const Value& message) {
  HOLDFAST_RETURN_IF_ERROR(CheckKeys(message, {"message_type", "level", "message"}));
  const std::string level = message.StringOr("level", "info");
  LogLevel as = LogLevel::kInfo;
  if (level == "debug") {
    as = LogLevel::kDebug;
  } else if (level == "warning") {
    as = LogLevel::kWarning;
  } else if (level == "error") {
    as = LogLevel::kError;
  } else if (level != "info") {
    return Fault(fmt::format("there is no log level '{}'", Printable(level)))
        .Hint("there are debug, info, warning and error");
  }
  log_.Log(as, Printable(message.StringOr("message", "").substr(0, kLongestMessage)),
           Value().Set("plugin", Printable(name_)));
  return Ok();
}

Status AnswerReader::TakeResource(Value message, std::size_t size) {
  std::vector<std::string> fields{"message_type", "type", "id", "name", "extra"};
  if (call_ == Call::kDependents) fields.emplace_back("facts");
  HOLDFAST_RETURN_IF_ERROR(CheckKeys(message, fields));
  resource_bytes_ += size;
  if (answer_.resources.size() >= kMostResources || resource_bytes_ > kMostResourceBytes) {
    return Fault(fmt::format("it lists too much: at most {} resources and {} bytes", kMostResources,
                             kMostResourceBytes));
  }
  answer_.resources.push_back(std::move(message));
  return Ok();
}

Status AnswerReader::TakeResult(Value message) {
  // First of all: another version may mean other fields.
  const Value* const protocol = message.Find("protocol");
  if (protocol == nullptr || !protocol->is_int()) return Fault("a result says 'protocol': 1");
  if (protocol->AsInt() != kProtocol) {
    return Fault(fmt::format("it speaks protocol {}, this build speaks {}", protocol->AsInt(),
                             kProtocol))
        .Hint(
            "the request says which protocol is wanted; a plugin that does not speak it answers "
            "'failed'");
  }
  HOLDFAST_RETURN_IF_ERROR(CheckKeys(message, ResultFields(call_)));
  const std::string state = message.StringOr("state", "");
  const bool may_yield = call_ == Call::kActivity || call_ == Call::kPoll;
  if (state == "done") {
    answer_.state = AnswerState::kDone;
  } else if (state == "failed") {
    answer_.state = AnswerState::kFailed;
  } else if (state == "yield" && may_yield) {
    answer_.state = AnswerState::kYield;
  } else {
    return Fault(fmt::format("a result of {} has no state '{}'", NameOf(call_), Printable(state)))
        .Hint(may_yield ? "there are done, yield and failed" : "there are done and failed");
  }
  const Value* const error = message.Find("error");
  if ((error != nullptr) != (answer_.state == AnswerState::kFailed) ||
      (error != nullptr && !error->is_map())) {
    return Fault(
        "a result says 'error', an object with 'code' and 'message', exactly when its state is "
        "failed");
  }
  const Value* const half_done = message.Find("half_done");
  if (half_done != nullptr && (!half_done->is_bool() || answer_.state != AnswerState::kFailed)) {
    return Fault("'half_done' is true or false, and only where the state is failed");
  }
  answer_.result = std::move(message);
  has_result_ = true;
  return Ok();
}

}  // namespace holdfast::plugins::exec
