#pragma once

#include <chrono>
#include <string>

#include "plugins/banks/object_store/object_store_bank.h"
#include "plugins/sdk/schema.h"

namespace holdfast::banks {

// How a bank that is reached over HTTP sends; the settings that all of them have.
struct TransferSettings {
  std::string ca_file;
  bool insecure = false;
  int retry_attempts = 20;
  std::chrono::milliseconds retry_backoff{250};
  std::chrono::seconds retry_window{300};
  std::chrono::seconds stall_timeout{30};
  std::chrono::milliseconds settle_time{3000};
};

inline ObjectStoreOptions OptionsOf(const TransferSettings& settings) {
  ObjectStoreOptions options;
  options.settle = settings.settle_time;
  options.deadline = settings.retry_window;
  return options;
}

// Adds them to the fields of a bank's settings, which derive from TransferSettings.
template <class Settings, class Fields>
void DescribeTransfer(Fields& fields, const std::string& karbors) {
  fields("ca_file", &Settings::ca_file,
         "PEM file of who signs the servers' certificates; empty: those that the system trusts")
      .Alias(karbors + "ca_cert_file");
  fields("insecure", &Settings::insecure, "take any certificate: for trials alone")
      .Alias(karbors + "auth_insecure");
  fields("retry_attempts", &Settings::retry_attempts,
         "how often a request is sent again that was not answered, or with 429, 500, 502, 503, 504")
      .Range(0, 1000)
      .Alias(karbors + "retry_attempts");
  fields("retry_backoff", &Settings::retry_backoff,
         "the first wait before that; each is twice the one before, up to 15 s, with jitter")
      .Range(1, 60'000)
      .Alias(karbors + "retry_backoff");
  fields("retry_window", &Settings::retry_window,
         "how long one operation may take with all that is sent again; more for many bytes")
      .Range(5'000, 3'600'000);
  fields("stall_timeout", &Settings::stall_timeout,
         "a transfer of which nothing has come or gone for so long is broken off, and tried again")
      .Range(1'000, 600'000);
  fields("settle_time", &Settings::settle_time,
         "when two create the same lease: after so long every server agrees on who has it")
      .Range(200, 60'000);
}

}  // namespace holdfast::banks
