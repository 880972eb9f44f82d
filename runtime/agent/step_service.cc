#include "runtime/agent/step_service.h"

#include <fmt/format.h>

#include <algorithm>

#include "plugins/engines/mistral/executions.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/json_out.h"
#include "plugins/sdk/sha256.h"
#include "plugins/sdk/text.h"

namespace holdfast::agent {

namespace {

using engines::mistral::kRefusalMark;
using net::ErrorReply;
using net::HttpHead;
using net::HttpReply;

constexpr int kAccepted = 202;
constexpr int kBadRequest = 400;
constexpr int kUnauthorized = 401;
constexpr int kNotFound = 404;
constexpr int kWrongMethod = 405;
constexpr int kConflict = 409;
constexpr int kTooMany = 429;
constexpr int kInternal = 500;
constexpr int kBusy = 503;
constexpr double kShareOfOthers = 0.1;
constexpr std::string_view kSteps = "/v1/steps";
constexpr std::string_view kHealth = "/v1/health";

HttpReply WrongMethod(const std::string& allowed) {
  HttpReply reply = ErrorReply(kWrongMethod, "this takes " + allowed);
  reply.headers["Allow"] = allowed;
  return reply;
}

HttpReply LaterReply(int status, std::string_view why, int seconds) {
  HttpReply reply = ErrorReply(status, why);
  reply.headers["Retry-After"] = std::to_string(seconds);
  return reply;
}

// A refusal as Mistral notices it. Its ad-hoc actions throw away the answer of an asynchronous base action, also one of
// status 400 and more (AdHocAction.run, Mistral 15): the task would wait until its own timeout, for days. What they pass on is an
// exception. Reading a text in a charset that nobody knows is one, and brings the name of the charset into the
// result of the task.
HttpReply ForMistral(HttpReply reply) {
  const auto body = ParseJson(reply.body, "reply");
  const std::string why = body && body->is_map() ? body->StringOr("error", "") : "";
  std::string name = fmt::format("{}{} {}", kRefusalMark, reply.status, why);
  std::replace_if(
      name.begin(), name.end(),
      [](char c) { return c < ' ' || c > '~' || c == '"' || c == '\\' || c == ';'; }, ' ');
  constexpr std::size_t kMostOfAHeader = 500;
  name.resize(std::min(name.size(), kMostOfAHeader));
  reply.headers["Content-Type"] = "text/plain; charset=\"" + name + "\"";
  reply.body = name + "\n";
  return reply;
}

bool IsOfMistral(const HttpHead& head) { return head.headers.contains(kActionHeader); }

HttpReply ForWhoAsks(const HttpHead& head, HttpReply reply) {
  return reply.status >= kBadRequest && IsOfMistral(head) ? ForMistral(std::move(reply)) : reply;
}

}  // namespace

bool SameSecret(std::string_view a, std::string_view b) {
  // Hashes are of one length, and nobody can choose one that is nearer than another.
  const std::string one = Sha256Hex(a);
  const std::string other = Sha256Hex(b);
  unsigned char differs = 0;
  for (std::size_t i = 0; i < one.size(); ++i)
    differs = static_cast<unsigned char>(differs | (one[i] ^ other[i]));
  return differs == 0;
}

StepService::StepService(Secret token, double rate, JobTable& table, const Clock& clock,
                         Logger& log)
    : token_(std::move(token)),
      with_token_(rate, clock),
      without_(std::max(rate * kShareOfOthers, 1.0), clock),
      health_(std::max(rate * kShareOfOthers, 1.0), clock),
      table_(table),
      clock_(clock),
      log_(log) {}

bool StepService::HasToken(const HttpHead& head) const {
  constexpr std::string_view kScheme = "bearer ";
  const std::string_view given = Trim(net::HeaderOf(head.headers, "Authorization"));
  return given.size() > kScheme.size() && Lowered(given.substr(0, kScheme.size())) == kScheme &&
         SameSecret(Trim(given.substr(kScheme.size())), token_.Reveal());
}

std::optional<HttpReply> StepService::Refuse(const HttpHead& head) {
  auto reply = Decide(head);
  return reply ? std::optional(ForWhoAsks(head, std::move(*reply))) : std::nullopt;
}

HttpReply StepService::Answer(const HttpHead& head, std::string body) {
  return ForWhoAsks(head, Accept(head, body));
}

HttpReply StepService::Shape(HttpReply reply) {
  // It may be Mistral that has sent it; others read the body.
  std::string body = reply.body;
  reply = ForMistral(std::move(reply));
  reply.body = std::move(body);
  return reply;
}

std::optional<HttpReply> StepService::Decide(const HttpHead& head) {
  if (head.target == kHealth) {
    if (!health_.Take()) return LaterReply(kTooMany, "too many requests", 1);
    // HAProxy asks with OPTIONS unless it is told otherwise.
    constexpr std::string_view kMethods = "GET, HEAD, OPTIONS";
    const bool asks = head.method == "GET" || head.method == "HEAD" || head.method == "OPTIONS";
    if (!asks) return WrongMethod(std::string(kMethods));
    HttpReply reply = Health();
    if (head.method == "OPTIONS") reply.headers["Allow"] = std::string(kMethods);
    return reply;
  }
  const bool known = HasToken(head);
  if (!(known ? with_token_ : without_).Take()) return LaterReply(kTooMany, "too many requests", 1);
  if (!known) {
    log_.Log(LogLevel::kWarning, "refused a request without the token",
             Value().Set("peer", head.peer));
    HttpReply reply = ErrorReply(kUnauthorized, "this takes the agent's bearer token");
    reply.headers["WWW-Authenticate"] = "Bearer";
    return reply;
  }
  if (head.target != kSteps) return ErrorReply(kNotFound, "there are /v1/steps and /v1/health");
  if (head.method == "GET") return List();
  if (head.method != "POST") return WrongMethod("GET, POST");
  if (CanonicalUuid(Trim(net::HeaderOf(head.headers, kActionHeader))).empty())
    return ErrorReply(kBadRequest, fmt::format("the header {} is a UUID", kActionHeader));
  return std::nullopt;
}

HttpReply StepService::Accept(const HttpHead& head, std::string_view body) {
  const std::string id = CanonicalUuid(Trim(net::HeaderOf(head.headers, kActionHeader)));
  const auto request = ParseStepRequest(body);
  if (!request) {
    log_.Log(LogLevel::kWarning, "refused a step: " + request.error().message(),
             Value().Set("id", id).Set("peer", head.peer));
    return ErrorReply(kBadRequest, request.error().message());
  }
  if (const Status accepted = table_.Accept(id, *request); !accepted) {
    const Error& error = accepted.error();
    if (error.code() == ErrorCode::kConflict) return ErrorReply(kConflict, error.message());
    log_.Log(LogLevel::kError, "could not accept a step: " + error.OneLine(),
             Value().Set("id", id));
    // Where things lie here is not the caller's business.
    constexpr int kSeconds = 10;
    if (error.code() == ErrorCode::kUnavailable)
      return LaterReply(kBusy, "the agent cannot take it now", kSeconds);
    return ErrorReply(kInternal, "the agent cannot keep the step; its log says why");
  }
  HttpReply reply;
  reply.status = kAccepted;
  reply.body = fmt::format(R"({{"accepted":"{}"}})", id);
  return reply;
}

HttpReply StepService::Health() {
  std::chrono::seconds waits{0};
  if (const auto oldest = table_.OldestUnreported()) {
    waits =
        std::max(waits, std::chrono::duration_cast<std::chrono::seconds>(clock_.Now() - *oldest));
  }
  HttpReply reply;
  reply.body = fmt::format(R"({{"status":"ok","unreported_seconds":{}}})", waits.count());
  return reply;
}

HttpReply StepService::List() const {
  JsonOut out(JsonOut::Form::kCompact);
  out.BeginMap();
  out.Key("steps");
  out.BeginList();
  for (const JobView& view : table_.List()) {
    out.BeginMap();
    out.Member("accepted", FormatTime(view.job.accepted));
    out.Member("command", view.job.request.command);
    if (view.job.ended()) out.Member("ended", FormatTime(view.job.ended_at));
    out.Member("id", view.job.id);
    if (!view.progress.empty()) out.Member("progress", view.progress);
    out.Member("run", view.job.request.run);
    if (view.running_since && view.state == JobState::kRunning)
      out.Member("running_since", FormatTime(*view.running_since));
    out.Member("state", NameOf(view.state));
    if (!view.job.request.step.empty()) out.Member("step", view.job.request.step);
    if (!view.trouble.empty()) out.Member("trouble", view.trouble);
    out.EndMap();
  }
  out.EndList();
  out.EndMap();
  HttpReply reply;
  auto text = out.Take();
  if (!text) return ErrorReply(kInternal, text.error().message());
  reply.body = std::move(*text);
  return reply;
}

}  // namespace holdfast::agent
