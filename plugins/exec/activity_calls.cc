#include "plugins/exec/activity_calls.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <tuple>
#include <utility>

#include "plugins/sdk/clock.h"
#include "plugins/sdk/failpoint.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::exec {

namespace {

// What an answer says of one resource, of several each in an object of its own.
constexpr std::array<std::string_view, 4> kParts{"journal", "saved_info", "point_in_time",
                                                 "new_resource"};

Value KeyToValue(const ResourceKey& key) { return Value().Set("type", key.type).Set("id", key.id); }

}  // namespace

ActivityCalls::ActivityCalls(const Parts& parts) : parts_(parts) {}

ActivityCalls::~ActivityCalls() {
  // A stop or the deadline, which are no outcome; post is owed.
  if (waiting_) std::ignore = CleanUp("given up");
}

Error ActivityCalls::While(Error error) const {
  std::string which = Printable(parts_.resources.front().key.str());
  if (parts_.resources.size() > 1)
    which += fmt::format(" and {} more", parts_.resources.size() - 1);
  return std::move(error).While(fmt::format("{}, {} {} of {}", Printable(parts_.executable.name()),
                                            NameOf(parts_.operation), NameOf(parts_.kind), which));
}

Result<bool> ActivityCalls::Next() {
  Context& context = parts_.context;
  if (context.cancelled()) {
    if (waiting_) std::ignore = CleanUp("stopped");
    return CancelledError();
  }
  CallSpec spec;
  spec.call = started_ ? Call::kPoll : Call::kActivity;
  started_ = true;
  waiting_ = false;
  auto request = Request();
  if (!request) {
    Error error = While(std::move(request).error());
    return MayHaveBegun() ? std::move(error).HalfDone() : std::move(error);
  }
  spec.request = std::move(*request);
  spec.deadline = context.TimeLeft(std::chrono::hours(24 * 365));
  spec.grace = parts_.call.stop_grace;
  spec.cancellation = &context.cancellation();
  spec.on_progress = [&context](const Progress& progress) { context.Report(progress); };
  spec.checkpoint = &parts_.checkpoint;
  spec.resources = parts_.resources;
  CallEnd end = parts_.executable.Run(context.processes(), context.log(), spec);
  if (!end.fault) {
    // Neither is an outcome: at the deadline, too, the plugin had no say.
    if (end.cancelled || context.cancelled()) {
      std::ignore = CleanUp(end.cancelled ? "stopped" : "crashed");
      return CancelledError();
    }
    return CleanUpAfter(std::move(end.fault).error());
  }
  Failpoint("exec:answered");
  Answer& answer = *end.answer;
  progress_ = answer.progress;
  const Status applied = Apply(answer.result, false);
  Failpoint("exec:applied");
  if (answer.state == AnswerState::kFailed) return While(answer.error());
  if (!applied) return CleanUpAfter(applied.error());
  waiting_ = answer.state == AnswerState::kYield;
  return !waiting_;
}

Result<Value> ActivityCalls::Request() {
  Value::List resources;
  for (const Resource& resource : parts_.resources) {
    HOLDFAST_ASSIGN_OR_RETURN(Value value, ResourceToValue(resource));
    resources.push_back(std::move(value));
  }
  const auto left = parts_.context.TimeLeft(std::chrono::hours(24 * 365));
  return Value()
      .Set("tenant", parts_.context.tenant())
      .Set("settings", parts_.settings)
      .Set("operation", NameOf(parts_.operation))
      .Set("activity", NameOf(parts_.kind))
      .Set("seconds_left", static_cast<std::int64_t>(left.count() / 1000))
      .Set("checkpoint", Value()
                             .Set("id", parts_.checkpoint.id())
                             .Set("record", parts_.checkpoint.record_id())
                             .Set("epoch", parts_.checkpoint.epoch()))
      .Set("resources", std::move(resources));
}

Result<Value> ActivityCalls::ResourceToValue(const Resource& resource) {
  Value out = KeyToValue(resource.key);
  out.Set("name", resource.name).Set("parameters", parts_.parameters.Of(resource));
  if (!resource.extra.is_null()) out.Set("extra", resource.extra);
  HOLDFAST_RETURN_IF_ERROR(AddLinks(resource, out));
  HOLDFAST_ASSIGN_OR_RETURN(Value journal, parts_.checkpoint.Journaled(resource));
  out.Set("journal", std::move(journal));
  if (parts_.kind == ActivityKind::kPreFinish || parts_.kind == ActivityKind::kPost) {
    HOLDFAST_ASSIGN_OR_RETURN(const bool all, parts_.checkpoint.AllSucceeded(resource));
    out.Set("all_succeeded", all);
  }
  HOLDFAST_RETURN_IF_ERROR(AddSaved(resource, out));
  return out;
}

Status ActivityCalls::AddLinks(const Resource& resource, Value& out) {
  const bool restores = parts_.operation == Operation::kRestore;
  const auto links = [&](const std::vector<ResourceLink>& all) -> Result<Value> {
    Value::List list;
    for (const ResourceLink& link : all) {
      Value value = KeyToValue(link.key);
      value.Set("name", link.name);
      if (!link.facts.is_null()) value.Set("facts", link.facts);
      if (restores) {
        HOLDFAST_ASSIGN_OR_RETURN(const auto now, parts_.checkpoint.NewResource(link.key));
        if (now) value.Set("new_resource", KeyToValue(*now));
      }
      list.push_back(std::move(value));
    }
    return Value(std::move(list));
  };
  HOLDFAST_ASSIGN_OR_RETURN(Value parents, links(resource.parents));
  HOLDFAST_ASSIGN_OR_RETURN(Value children, links(resource.children));
  out.Set("parents", std::move(parents)).Set("children", std::move(children));
  return Ok();
}

Status ActivityCalls::AddSaved(const Resource& resource, Value& out) {
  if (parts_.operation == Operation::kProtect || !parts_.description.descriptor.has_saved_info)
    return Ok();
  auto saved = parts_.checkpoint.SavedInfo(resource);
  if (saved) {
    out.Set("saved_info", std::move(*saved));
  } else if (saved.error().code() != ErrorCode::kNotFound) {
    return Error(std::move(saved).error());
  }
  return Ok();
}

Status ActivityCalls::Apply(const Value& result, bool clean_up) {
  const Value* const several = result.Find("resources");
  if (several == nullptr) {
    const bool has_part = std::any_of(kParts.begin(), kParts.end(), [&](std::string_view part) {
      return result.Find(part) != nullptr;
    });
    if (!has_part) return Ok();
    if (parts_.resources.size() != 1) {
      return InvalidInput("a step with several resources answers for each of them in 'resources'");
    }
    return ApplyTo(parts_.resources.front(), result, clean_up);
  }
  if (!several->is_list()) return InvalidInput("'resources' of a result is a list");
  std::set<ResourceKey> told;
  for (const Value& part : several->AsList()) {
    if (!part.is_map()) return InvalidInput("'resources' of a result holds JSON objects");
    for (const auto& [name, value] : part.AsMap()) {
      const bool known = name == "type" || name == "id" ||
                         std::find(kParts.begin(), kParts.end(), name) != kParts.end();
      if (!known)
        return InvalidInput(
            fmt::format("a resource of a result has no field '{}'", Printable(name)));
    }
    const ResourceKey key{part.StringOr("type", ""), part.StringOr("id", "")};
    const auto resource =
        std::find_if(parts_.resources.begin(), parts_.resources.end(),
                     [&](const Resource& candidate) { return candidate.key == key; });
    if (resource == parts_.resources.end()) {
      return Error(ErrorCode::kDenied,
                   fmt::format("{} does not belong to this step", Printable(key.str())));
    }
    if (!told.insert(key).second)
      return InvalidInput(fmt::format("it answers twice for {}", Printable(key.str())));
    HOLDFAST_RETURN_IF_ERROR(ApplyTo(*resource, part, clean_up));
  }
  return Ok();
}

Status ActivityCalls::ApplyTo(const Resource& resource, const Value& part, bool clean_up) {
  Checkpoint& checkpoint = parts_.checkpoint;
  // The journal first: what is said there must be known whatever fails after it.
  if (const Value* const journal = part.Find("journal"); journal != nullptr) {
    if (!journal->is_map()) return InvalidInput("'journal' is a JSON object");
    if (!journal->AsMap().empty()) HOLDFAST_RETURN_IF_ERROR(checkpoint.Journal(resource, *journal));
  }
  if (clean_up) return Ok();
  if (const Value* const saved = part.Find("saved_info"); saved != nullptr) {
    if (!parts_.description.descriptor.has_saved_info) {
      return InvalidInput("it stores saved info, but describes no 'saved_info'");
    }
    HOLDFAST_RETURN_IF_ERROR(checkpoint.SaveInfo(resource, *saved));
  }
  if (const Value* const time = part.Find("point_in_time"); time != nullptr) {
    if (!time->is_string()) return InvalidInput("'point_in_time' is a text, 2026-11-24T01:48:00Z");
    HOLDFAST_ASSIGN_OR_RETURN(const WallTime parsed, ParseTime(time->AsString()));
    HOLDFAST_RETURN_IF_ERROR(checkpoint.SetPointInTime(resource, parsed));
  }
  if (const Value* const now = part.Find("new_resource"); now != nullptr) {
    const ResourceKey key{now->StringOr("type", ""), now->StringOr("id", "")};
    HOLDFAST_RETURN_IF_ERROR(CheckResourceKey(key));
    HOLDFAST_RETURN_IF_ERROR(checkpoint.SetNewResource(resource, key));
  }
  return Ok();
}

bool ActivityCalls::MayHaveBegun() {
  for (const Resource& resource : parts_.resources) {
    const auto journal = parts_.checkpoint.Journaled(resource);
    if (!journal || !journal->is_map() || !journal->AsMap().empty()) return true;
  }
  return false;
}

Error ActivityCalls::CleanUpAfter(Error error) {
  error = While(std::move(error));
  Status cleaned = CleanUp("crashed");
  if (cleaned) return error;
  return std::move(error).Because(std::move(cleaned).error()).HalfDone();
}

Status ActivityCalls::CleanUp(std::string_view reason) {
  waiting_ = false;
  const auto clean_up = [&]() -> Status {
    CallSpec spec;
    spec.call = Call::kCleanUp;
    HOLDFAST_ASSIGN_OR_RETURN(spec.request, Request());
    spec.request.Set("reason", reason);
    // Whatever stopped the activity does not stop this: it has a time of its own.
    spec.deadline = parts_.call.clean_up_timeout;
    spec.grace = std::min(parts_.call.stop_grace, parts_.call.clean_up_timeout);
    HOLDFAST_ASSIGN_OR_RETURN(
        const Answer answer,
        parts_.executable.Ask(parts_.context.processes(), parts_.context.log(), spec));
    return Apply(answer.result, true);
  };
  Status status = clean_up();
  if (status) return status;
  parts_.context.log().Log(LogLevel::kWarning,
                           "clean-up failed: " + While(status.error()).OneLine());
  return std::move(status).error().While("its clean-up");
}

}  // namespace holdfast::plugins::exec
