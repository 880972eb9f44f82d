#include "runtime/agent/step_job.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "plugins/sdk/ini.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/sha256.h"
#include "plugins/sdk/text.h"
#include "runtime/store/layout.h"

namespace holdfast::agent {

namespace {

constexpr std::array<std::string_view, 4> kCommands{"run", "begin", "end", "gate"};
constexpr std::array<std::string_view, 6> kTexts{"command", "step",   "run",
                                                 "record",  "bundle", "provider"};
constexpr std::array<std::string_view, 2> kTruths{"fail_fast", "partial"};
constexpr std::size_t kLongestProvider = 255;
constexpr int kFormat = 1;

template <class List>
bool IsIn(const List& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

Result<bool> Truth(const Value& value, std::string_view name) {
  if (value.is_bool()) return value.AsBool();
  if (value.is_string() && value.AsString().empty()) return false;
  if (const auto truth = value.is_string() ? ParseTruth(value.AsString()) : std::nullopt)
    return *truth;
  return InvalidInput(fmt::format("'{}' is true or false", name));
}

Status CheckNamed(std::string_view name, std::string_view id) {
  if (Status good = runtime::CheckId(id); !good)
    return InvalidInput(fmt::format("'{}': {}", name, good.error().message()));
  return Ok();
}

Status Check(const StepRequest& request) {
  if (!IsIn(kCommands, request.command))
    return InvalidInput("'command' is run, begin, end or gate, not '" + Printable(request.command) +
                        "'");
  HOLDFAST_RETURN_IF_ERROR(CheckNamed("run", request.run));
  if (!request.record.empty()) HOLDFAST_RETURN_IF_ERROR(CheckNamed("record", request.record));
  if (!IsSha256Hex(request.bundle))
    return InvalidInput("'bundle' is a SHA-256: 64 hexadecimal digits");
  if (request.provider.empty() || request.provider.size() > kLongestProvider ||
      Printable(request.provider) != request.provider)
    return InvalidInput("'provider' is the name or the id of a provider");
  const bool of_steps = request.command == "run" || request.command == "gate";
  if (!of_steps && !request.step.empty())
    return InvalidInput(fmt::format("'step' is not for {}", request.command));
  if (request.command == "run") HOLDFAST_RETURN_IF_ERROR(CheckNamed("step", request.step));
  if (request.command == "gate") {
    for (const std::string_view step : Split(request.step, ','))
      HOLDFAST_RETURN_IF_ERROR(CheckNamed("step", step));
  }
  if (request.command != "begin" && (request.fail_fast || request.partial))
    return InvalidInput("'fail_fast' and 'partial' are for begin");
  return Ok();
}

Result<StepRequest> RequestOf(const Value& body) {
  if (!body.is_map()) return InvalidInput("the body is no JSON object");
  for (const auto& [name, value] : body.AsMap()) {
    if (IsIn(kTruths, name)) continue;
    if (!IsIn(kTexts, name)) {
      std::vector<std::string> names(kTexts.begin(), kTexts.end());
      names.insert(names.end(), kTruths.begin(), kTruths.end());
      const std::string near = Nearest(name, names);
      return InvalidInput(fmt::format("there is no member '{}'{}", Printable(name),
                                      near.empty() ? "" : "; did you mean '" + near + "'?"));
    }
    if (!value.is_string()) return InvalidInput(fmt::format("'{}' is a text", name));
  }
  StepRequest out;
  out.command = body.StringOr("command", "run");
  out.step = body.StringOr("step", "");
  out.run = body.StringOr("run", "");
  out.record = body.StringOr("record", "");
  out.bundle = body.StringOr("bundle", "");
  out.provider = body.StringOr("provider", "");
  for (const auto& [name, target] :
       {std::pair{kTruths[0], &out.fail_fast}, std::pair{kTruths[1], &out.partial}}) {
    const Value* const given = body.Find(name);
    if (given == nullptr) continue;
    HOLDFAST_ASSIGN_OR_RETURN(*target, Truth(*given, name));
  }
  HOLDFAST_RETURN_IF_ERROR(Check(out));
  return out;
}

// A body is read only when it may be a flat object of so many members: what is made of a text of brackets takes a hundred
// times its size.
bool MayBeFlat(std::string_view json) {
  constexpr std::size_t kMostCommas = kTexts.size() + kTruths.size() - 1;
  std::size_t commas = 0;
  std::size_t opened = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_text) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_text = false;
      }
      continue;
    }
    in_text = c == '"';
    commas += c == ',' ? 1 : 0;
    opened += c == '{' || c == '[' ? 1 : 0;
    if (commas > kMostCommas || opened > 1) return false;
  }
  return true;
}

}  // namespace

Result<StepRequest> ParseStepRequest(std::string_view json) {
  if (!MayBeFlat(json)) {
    return InvalidInput(fmt::format("the body is no JSON object of at most {} texts",
                                    kTexts.size() + kTruths.size()));
  }
  HOLDFAST_ASSIGN_OR_RETURN(const Value body, ParseJson(json, "body"));
  return RequestOf(body);
}

Value ToValue(const StepRequest& request) {
  return Value()
      .Set("command", request.command)
      .Set("step", request.step)
      .Set("run", request.run)
      .Set("record", request.record)
      .Set("bundle", request.bundle)
      .Set("provider", request.provider)
      .Set("fail_fast", request.fail_fast)
      .Set("partial", request.partial);
}

std::vector<std::string> ArgvOf(const StepRequest& request, const std::string& program,
                                const std::vector<std::string>& options) {
  std::vector<std::string> argv{program,
                                request.command,
                                "--report",
                                "--run=" + request.run,
                                "--bundle=" + request.bundle,
                                "--provider=" + request.provider};
  if (!request.record.empty()) argv.push_back("--record=" + request.record);
  if (!request.step.empty()) argv.push_back("--step=" + request.step);
  if (request.command == "begin") {
    argv.emplace_back("--started-by=mistral");
    if (request.fail_fast) argv.emplace_back("--fail-fast");
    if (request.partial) argv.emplace_back("--partial");
  }
  argv.insert(argv.end(), options.begin(), options.end());
  return argv;
}

Result<std::string> DumpJob(const Job& job) {
  Value out;
  out.Set("format", kFormat).Set("id", job.id).Set("accepted", FormatTime(job.accepted));
  if (!job.request.command.empty()) out.Set("request", ToValue(job.request));
  if (!job.report.empty()) out.Set("report", job.report);
  if (!job.failure.empty()) out.Set("failure", job.failure);
  if (job.ended()) out.Set("ended", FormatTime(job.ended_at));
  return DumpJsonPretty(out);
}

Result<Job> ParseJob(std::string_view text, const std::string& file) {
  const auto broken = [&file](const std::string& why) {
    return Corrupt(fmt::format("'{}' is no step that an agent has kept: {}", Printable(file), why));
  };
  const auto value = ParseJson(text, file);
  if (!value) return broken(value.error().message());
  if (!value->is_map() || value->IntOr("format", 0) != kFormat)
    return broken("it has another format");
  Job job;
  job.id = CanonicalUuid(value->StringOr("id", ""));
  if (job.id.empty()) return broken("it has no id");
  const auto accepted = ParseTime(value->StringOr("accepted", ""));
  if (!accepted) return broken(accepted.error().message());
  job.accepted = *accepted;
  job.report = value->StringOr("report", "");
  job.failure = value->StringOr("failure", "");
  const Value* const request = value->Find("request");
  if (request != nullptr || job.failure.empty()) {
    auto parsed = RequestOf(request == nullptr ? Value() : *request);
    if (!parsed) return broken(parsed.error().message());
    job.request = std::move(*parsed);
  }
  if (job.ended()) {
    const auto ended = ParseTime(value->StringOr("ended", ""));
    job.ended_at = ended ? *ended : job.accepted;
  }
  return job;
}

}  // namespace holdfast::agent
