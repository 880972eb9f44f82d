#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "plugins/sdk/clock.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/log.h"
#include "runtime/agent/job_store.h"
#include "runtime/agent/job_table.h"
#include "runtime/agent/step_job.h"
#include "tests/bank/temporary_folder.h"

namespace holdfast::agent {

inline const std::string kOne = "00000000-0000-4000-8000-000000000001";
inline const std::string kTwo = "00000000-0000-4000-8000-000000000002";
inline const std::string kHash(64, 'a');

// Keeps the messages, each with its fields.
class KeptLog final : public Logger {
 public:
  void Log(LogLevel /*level*/, std::string_view message, const Value& fields) override {
    const std::lock_guard lock(mutex_);
    text_ += std::string(message) + " " + DumpJson(fields).value_or("") + "\n";
  }
  std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

inline StepRequest StepNamed(const std::string& step) {
  StepRequest request;
  request.command = "run";
  request.step = step;
  request.run = "r";
  request.bundle = kHash;
  request.provider = "p";
  return request;
}

inline Job JobNamed(const std::string& id, const std::string& step = "s") {
  Job job;
  job.id = id;
  job.request = StepNamed(step);
  job.accepted = *ParseTime("2026-11-28T10:00:00.000Z");
  return job;
}

}  // namespace holdfast::agent
