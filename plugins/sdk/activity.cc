#include "plugins/sdk/activity.h"

#include <exception>

#include "plugins/sdk/check.h"

namespace holdfast {

void Activity::promise_type::unhandled_exception() noexcept {
  // Ours throws nothing; a library that a plugin wraps badly must still not look like success.
  try {
    std::rethrow_exception(std::current_exception());
  } catch (const std::exception& e) {
    outcome.emplace(Internal(std::string("the activity threw an exception: ") + e.what()));
  } catch (...) {
    outcome.emplace(Internal("the activity threw something that is no exception"));
  }
}

bool Activity::Resume() {
  HOLDFAST_CHECK(handle_ && !handle_.done());
  handle_.resume();
  return handle_.done();
}

Status Activity::TakeOutcome() {
  HOLDFAST_CHECK(handle_ && handle_.done());
  auto& outcome = handle_.promise().outcome;
  if (!outcome) return Internal("the activity ended without an outcome");
  return std::move(*outcome);
}

}  // namespace holdfast
