#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "plugins/net/keystone.h"
#include "plugins/sdk/cancellation.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/result.h"

namespace holdfast::net {

// A token that was given out, and what came with it: of Swift's own auth the catalog is the one endpoint that it names, of
// type "object-store".
struct SessionToken {
  KeystoneToken token;
  // What was left of it when it came. nullopt: nobody has said; it is used until it is refused.
  std::optional<std::chrono::seconds> left;
};

// Asks somebody for a token. Never called twice at once by one session.
using AskForToken =
    std::function<Result<SessionToken>(SteadyTime deadline, const Cancellation* cancellation)>;

// The token that several threads send with.
//
// Another one is asked for in the last minute of it (of a short one: in its last quarter), and after somebody has said that
// it was refused; once, however many threads want one. The others go on with a token that is still good, or wait. What the
// one that asks fails with is what they fail with, so that wrong credentials are not tried by each in turn, but for its own
// deadline and cancellation: then the next of them asks. While a token is good, it is enough where nobody is there to
// give another one. Thread-safe.
class TokenSession {
 public:
  using Pointer = std::shared_ptr<const SessionToken>;

  // `clock` is not owned and outlives this. Nothing is asked for yet.
  TokenSession(AskForToken ask, const Clock& clock);

  // kUnavailable when the deadline comes, or the cancellation, before there is a token; else what asking fails with.
  Result<Pointer> Current(SteadyTime deadline, const Cancellation* cancellation);
  // A server did not take it. Of a token that another has replaced already this says nothing.
  void Refuse(const Pointer& token);

 private:
  bool IsGood() const;  // under mutex_, as IsDue
  bool IsDue() const;
  Status WaitForOther(std::unique_lock<std::mutex>& lock, SteadyTime deadline,
                      const Cancellation* cancellation);
  Result<Pointer> Ask(std::unique_lock<std::mutex>& lock, SteadyTime deadline,
                      const Cancellation* cancellation);

  const AskForToken ask_;
  const Clock& clock_;
  // Plain std::mutex: conditions on our annotated one cannot wait until a time.
  std::mutex mutex_;
  std::condition_variable changed_;
  Pointer token_;  // nullptr: none, or it was refused
  SteadyTime due_{};
  SteadyTime over_{};
  bool asking_ = false;
  std::uint64_t asked_ = 0;       // how often it was, to the end
  std::optional<Error> failure_;  // of the newest that did not end for reasons of who asked
};

}  // namespace holdfast::net
