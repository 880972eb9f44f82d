#pragma once

#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "plugins/engines/mistral/answers.h"
#include "plugins/engines/mistral/api.h"
#include "plugins/sdk/json.h"

namespace holdfast::agent {

// Answers as Mistral 15 does to what the agent asks for: a report to an action that has ended is an error that may pass
// (status 500). What is not there is not known. Thread-safe.
class FakeMistral final : public engines::mistral::Api {
 public:
  using Answer = engines::mistral::Answer;
  using Call = engines::mistral::Call;

  std::string Place() const override { return "Mistral"; }

  Result<Answer> Send(const Call& call) override {
    const std::lock_guard lock(mutex_);
    const bool put = call.method == net::HttpMethod::kPut;
    lines_.push_back((put ? "PUT " : "GET ") + call.target);
    EXPECT_EQ(call.repeatable, false) << call.target;
    if (away_) return Error(*away_, "no");
    if (call.target.starts_with("/action_executions?")) {
      if (no_list_) return Error(*no_list_, "no");
      return With(Value().Set("action_executions", Value::List{}));
    }
    if (const auto broken = broken_.find(call.target); broken != broken_.end())
      return broken->second ? With(*broken->second) : Result<Answer>(Unavailable("status 500"));
    const auto at = objects_.find(call.target);
    if (at == objects_.end()) return Error(ErrorCode::kNotFound, "no such object");
    if (put) {
      body_ = call.body;
      if (engines::mistral::HasEnded(at->second.StringOr("state", "")))
        return Unavailable("it has ended (status 500)");
      at->second.Set("state", ParseJson(call.body, "body")->StringOr("state", ""));
    }
    return With(at->second);
  }

  void HasAction(const std::string& id, const std::string& state = "RUNNING",
                 const std::string& task = "") {
    Has("/action_executions/" + id,
        Value().Set("id", id).Set("state", state).Set("task_execution_id", task));
  }
  void Has(const std::string& target, Value object) {
    const std::lock_guard lock(mutex_);
    objects_[target] = std::move(object);
  }
  // To everything that is asked for there; nullopt: status 500.
  void AnswersAlways(const std::string& target, std::optional<Value> value) {
    const std::lock_guard lock(mutex_);
    broken_[target] = std::move(value);
  }
  void IsAway(std::optional<ErrorCode> error) {
    const std::lock_guard lock(mutex_);
    away_ = error;
  }
  void HasNoList(ErrorCode error) {
    const std::lock_guard lock(mutex_);
    no_list_ = error;
  }
  std::string StateOf(const std::string& id) {
    const std::lock_guard lock(mutex_);
    return objects_["/action_executions/" + id].StringOr("state", "");
  }
  std::vector<std::string> lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  std::string body() {
    const std::lock_guard lock(mutex_);
    return body_;
  }

 private:
  static Result<Answer> With(Value value) {
    Answer answer;
    answer.body = std::move(value);
    return answer;
  }

  std::mutex mutex_;
  std::optional<ErrorCode> away_;
  std::optional<ErrorCode> no_list_;
  std::map<std::string, Value> objects_;
  std::map<std::string, std::optional<Value>> broken_;
  std::vector<std::string> lines_;
  std::string body_;
};

}  // namespace holdfast::agent
