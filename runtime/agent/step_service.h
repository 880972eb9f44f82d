#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "plugins/net/http_listener.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/log.h"
#include "plugins/sdk/secret.h"
#include "runtime/agent/job_table.h"
#include "runtime/agent/token_bucket.h"

namespace holdfast::agent {

inline constexpr std::string_view kActionHeader = "Mistral-Action-Execution-Id";

// The agent's API over HTTP (docs/reference/mistral-constructs.md): POST /v1/steps, GET /v1/steps, GET /v1/health. Who may
// call, and how often, is decided before a body is read. Errors are {"error": "..."}; to Mistral, which is who sends the
// header above, a text in a charset whose name is the error (step_service.cc says why). Thread-safe.
class StepService final : public net::HttpService {
 public:
  // `rate`: requests a second with the token. Those without have a tenth of it to themselves, at least one, so that they
  // cannot use up what Mistral needs; and so has the health check, which is asked for without. `table`, `clock` and `log`
  // are borrowed.
  StepService(Secret token, double rate, JobTable& table, const Clock& clock, Logger& log);

  std::optional<net::HttpReply> Refuse(const net::HttpHead& head) override;
  net::HttpReply Answer(const net::HttpHead& head, std::string body) override;
  net::HttpReply Shape(net::HttpReply reply) override;

 private:
  // nullopt: the body is wanted.
  std::optional<net::HttpReply> Decide(const net::HttpHead& head);
  bool HasToken(const net::HttpHead& head) const;
  net::HttpReply Accept(const net::HttpHead& head, std::string_view body);
  net::HttpReply List() const;
  net::HttpReply Health();

  const Secret token_;
  TokenBucket with_token_;
  TokenBucket without_;
  TokenBucket health_;
  JobTable& table_;
  const Clock& clock_;
  Logger& log_;
};

// Whether two texts are the same, in a time that does not tell where they differ.
bool SameSecret(std::string_view a, std::string_view b);

}  // namespace holdfast::agent
