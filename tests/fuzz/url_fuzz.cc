#include "plugins/net/redaction.h"
#include "plugins/net/retrying_http_client.h"
#include "plugins/net/url.h"
#include "plugins/sdk/text.h"
#include "tests/fuzz/fuzz_target.h"

using namespace holdfast;

// A URL, a header of a server, NO_PROXY, or what a server says.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::TextOf(data, size);
  if (const auto url = net::ParseUrl(text)) {
    const auto again = net::ParseUrl(url->Origin() + url->target);
    fuzz::Require(again.has_value(), "the parts of a URL are a URL");
    fuzz::Require(again->Origin() == url->Origin() && again->target == url->target,
                  "and the same one");
    (void)net::ProxyFor(*url, [&](const std::string&) { return std::optional(std::string(text)); });
  }
  (void)net::RetryAfter({{"Retry-After", std::string(text)}}, WallTime());
  net::Redaction redaction;
  redaction.Add("hidden-token");
  const std::string clean = redaction.Clean("a hidden-token b " + std::string(text), 200);
  fuzz::Require(clean.find("hidden-token") == std::string::npos, "no token stays");
  fuzz::Require(Printable(clean) == clean, "what is shown steers no terminal");
  return 0;
}
