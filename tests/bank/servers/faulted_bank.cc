#include "tests/bank/servers/faulted_bank.h"

#include <fmt/format.h>

#include <cstdlib>
#include <iostream>

#include "plugins/banks/s3/register.h"
#include "plugins/banks/swift/register.h"
#include "plugins/net/url.h"
#include "plugins/sdk/registry.h"
#include "plugins/sdk/schema.h"

namespace holdfast::testing {

namespace {

[[noreturn]] void GiveUp(const Error& error) {
  std::cerr << error.Render() << "\n";
  std::abort();
}

Value SettingsOf(const std::string& bank, const std::string& url, const std::string& container) {
  Value settings;
  if (bank == "swift") {
    settings.Set("auth_url", url + "/auth/v1.0")
        .Set("user", "test:tester")
        .Set("password_env", "HOLDFAST_TEST_KEY")
        .Set("container", container);
  } else {
    settings.Set("endpoint", url)
        .Set("access_key_env", "HOLDFAST_TEST_USER")
        .Set("secret_key_env", "HOLDFAST_TEST_KEY")
        .Set("bucket", container)
        .Set("part_size", "5 MiB");
  }
  return settings;
}

std::unique_ptr<Bank> Open(const std::string& bank, const Value& settings, Logger* log) {
  PluginRegistry registry;
  banks::swift::Register(registry);
  banks::s3::Register(registry);
  const BankEntry* const entry = registry.FindBank(bank);
  auto checked = CheckAgainstSchema(entry->settings, settings, "test", bank);
  if (!checked) GiveUp(checked.error());
  auto opened = entry->open(*checked, BankUse::kWrite, {log, nullptr});
  if (!opened) GiveUp(opened.error());
  return std::move(*opened);
}

// Where a changed byte is found out: in whole objects, their parts, and what puts parts together; not in listings, nor in a
// part that is asked for.
bool IsChecked(const TestConnection::Request& head) {
  const bool object = head.target.find("/t/") != std::string::npos ||
                      head.target.find("/~parts/") != std::string::npos;
  if (head.method == "GET") return object && !head.headers.contains("Range");
  return object && (head.method == "PUT" || head.target.find("uploadId=") != std::string::npos);
}

// "w3" of t/faults/w3/..., in a path or as a prefix that is asked for.
std::string WorkerOf(const TestConnection::Request& head) {
  for (const std::string_view before : {"t/faults/", "t%2Ffaults%2F"}) {
    const std::size_t at = head.target.find(before);
    if (at == std::string::npos) continue;
    const std::size_t begin = at + before.size();
    return head.target.substr(begin, head.target.find_first_of("/%", begin) - begin);
  }
  return "";
}

}  // namespace

FaultedBank::FaultedBank(const std::string& name, std::uint64_t seed, double share)
    : container(fmt::format("faults-{}-{}-{}", name, seed, static_cast<int>(share * 100))) {
  ::setenv("HOLDFAST_TEST_USER", "test:tester", 1);
  ::setenv("HOLDFAST_TEST_KEY", "testing", 1);
  const char* const url = std::getenv("HOLDFAST_TEST_SWIFT_URL");
  const auto server = net::ParseUrl(url == nullptr ? "" : url);
  if (!server) GiveUp(server.error());
  straight = Open(name, SettingsOf(name, url, container), nullptr);
  FaultProxy::Rules rules;
  rules.port = server->port;
  rules.seed = seed;
  rules.checked = &IsChecked;
  rules.owner = &WorkerOf;
  proxy = std::make_unique<FaultProxy>(rules);
  Value settings = SettingsOf(name, proxy->Url(), container);
  settings.Set("retry_window", fmt::format("{}s", kRetryWindow.count()))
      .Set("stall_timeout", fmt::format("{}s", kStallTimeout.count()))
      .Set("settle_time", fmt::format("{}ms", kSettleTime.count()))
      .Set("retry_backoff", "20ms");
  faulted = Open(name, settings, &log);
  proxy->set_share(share);
}

std::uint64_t NumberOr(const char* variable, std::uint64_t otherwise) {
  const char* const text = std::getenv(variable);
  return text == nullptr || *text == '\0' ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace holdfast::testing
