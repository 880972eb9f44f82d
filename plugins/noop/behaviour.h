#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "plugins/sdk/operation.h"
#include "plugins/sdk/resource.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/schema.h"
#include "plugins/sdk/value.h"

namespace holdfast::plugins::noop {

// What one activity does for one resource, as its parameters say. In this order: dies at the
// "begin", journals its intent, yields, sleeps, dies in the "middle", exits, fails, writes data,
// journals that it is done, dies at the "end".
struct Behaviour {
  bool none = false;
  std::string aggregate;
  bool journal = false;
  std::chrono::milliseconds sleep{0};
  std::int64_t yields = 0;
  std::string die;
  int die_times = 1;
  std::optional<int> exit;
  bool fail = false;
  int fail_times = 0;
  std::string error = "internal";
  std::string message;
  ByteSize data;

  template <class Fields>
  static void Describe(Fields& fields) {
    fields("none", &Behaviour::none, "no step for this resource: the activity is a no-op");
    fields("aggregate", &Behaviour::aggregate, "resources with the same key share one step");
    fields("journal", &Behaviour::journal,
           "journal an intent before the work and its end after it");
    fields("sleep", &Behaviour::sleep, "how long the work takes").Range(0, 24LL * 3'600'000);
    fields("yields", &Behaviour::yields, "how often it asks to be polled again")
        .Range(0, 1'000'000'000);
    fields("die", &Behaviour::die, "where the process kills itself with SIGKILL")
        .OneOf({"begin", "middle", "end"});
    fields("die_times", &Behaviour::die_times, "how often in one record it dies; 0 = each time")
        .Range(0, 1'000'000);
    fields("exit", &Behaviour::exit,
           "the process ends with this exit code, as often as die_times says")
        .Range(0, 255);
    fields("fail", &Behaviour::fail, "fails each time");
    fields("fail_times", &Behaviour::fail_times, "fails that often in one record, then succeeds")
        .Range(0, 1'000'000);
    fields("error", &Behaviour::error, "the code of its failures")
        .OneOf({"internal", "unavailable", "denied", "corrupt", "not-found", "invalid-input"});
    fields("message", &Behaviour::message, "what its failures say");
    fields("data", &Behaviour::data, "protect: how many bytes of data it writes")
        .Range(0, std::int64_t{1} << 40);
  }
};

// The parameters of every operation. They are flat, so that one of `type#id` replaces one of `type`
// alone: each field of Behaviour for each activity, `pre_fail`, `pre_finish_sleep`, `parallel_data`,
// `post_die` and so on, and `new_id`, which restore reads.
Schema NoopParameterSchema();
inline constexpr std::string_view kNewId = "new_id";
// What restore makes of the resource `old` by these parameters.
ResourceKey NewKeyOf(const ResourceKey& old, const Value& parameters);

// What `kind` does by these parameters, which have passed the schema.
Behaviour BehaviourOf(ActivityKind kind, const Value& parameters);

// What a noop activity fails with: the code that `error` names, with `message` if there is one,
// else with `otherwise`.
Error FailureOf(const Behaviour& behaviour, std::string_view otherwise);

}  // namespace holdfast::plugins::noop
