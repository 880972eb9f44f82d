#include "plugins/noop/noop_call.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <thread>
#include <tuple>

#include "plugins/noop/data_pattern.h"
#include "plugins/sdk/sample.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::noop {

namespace {

// The name of the stream that an activity writes: the names of streams have no '_'.
std::string StreamName(ActivityKind kind) {
  std::string name = "noop-" + std::string(NameOf(kind));
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

}  // namespace

NoopCall::NoopCall(const PluginDescriptor& descriptor, const Trace& trace, Operation operation,
                   ActivityKind kind, Checkpoint& checkpoint, Context& context,
                   std::span<const Resource> resources, const Parameters& parameters)
    : descriptor_(descriptor),
      trace_(trace),
      operation_(operation),
      kind_(kind),
      checkpoint_(checkpoint),
      context_(context),
      resources_(resources),
      parameters_(parameters) {}

NoopCall::~NoopCall() {
  // Nobody is left to hear of an error here.
  if (begun_ && !ended_) std::ignore = TraceAll("stopped");
}

Status NoopCall::Begin() {
  for (const Resource& resource : resources_) {
    behaviours_.push_back(BehaviourOf(kind_, parameters_.Of(resource)));
  }
  HOLDFAST_RETURN_IF_ERROR(TraceAll("begin"));
  begun_ = true;
  HOLDFAST_RETURN_IF_ERROR(DieAt("begin"));
  return JournalAll("intent");
}

std::int64_t NoopCall::YieldsWanted() const {
  std::int64_t wanted = 0;
  for (const Behaviour& behaviour : behaviours_) wanted = std::max(wanted, behaviour.yields);
  return wanted;
}

Status NoopCall::Work() {
  HOLDFAST_RETURN_IF_ERROR(Sleep());
  HOLDFAST_RETURN_IF_ERROR(DieAt("middle"));
  for (std::size_t i = 0; i < resources_.size(); ++i) {
    HOLDFAST_RETURN_IF_ERROR(WorkOn(resources_[i], behaviours_[i]));
  }
  HOLDFAST_RETURN_IF_ERROR(JournalAll("done"));
  return DieAt("end");
}

Status NoopCall::End(Status status) {
  ended_ = true;
  if (!status && !context_.cancelled() && kind_ == ActivityKind::kPre && begun_) {
    // A pre that fails undoes its own half-done work; that is all that noop has to undo.
    if (auto undone = JournalAll("undone"); !undone) {
      return std::move(status).error().Because(std::move(undone).error()).HalfDone();
    }
  }
  if (!begun_) return status;
  const std::string_view event = status ? "end" : context_.cancelled() ? "stopped" : "failed";
  if (auto traced = TraceAll(event); !traced && status) return traced;
  return status;
}

Status NoopCall::WorkOn(const Resource& resource, const Behaviour& behaviour) {
  if (behaviour.exit) {
    HOLDFAST_ASSIGN_OR_RETURN(const bool now, CountedDown(resource, "exit", behaviour.die_times));
    if (now) _exit(*behaviour.exit);
  }
  bool fails = behaviour.fail;
  if (!fails && behaviour.fail_times > 0) {
    HOLDFAST_ASSIGN_OR_RETURN(fails, CountedDown(resource, "fail", behaviour.fail_times));
  }
  if (fails) {
    return FailureOf(behaviour, "noop was told to fail " + ActivityName() + " of " +
                                    Printable(resource.key.str()));
  }
  if (operation_ == Operation::kProtect && behaviour.data.bytes > 0) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto writer,
                              checkpoint_.CreateData(resource, StreamName(kind_)));
    HOLDFAST_RETURN_IF_ERROR(WritePattern(resource.key, behaviour.data.bytes, *writer));
    HOLDFAST_RETURN_IF_ERROR(writer->Finish());
  }
  return KeepsBooks(resource) ? KeepBooks(resource) : Ok();
}

bool NoopCall::KeepsBooks(const Resource& resource) const {
  // Saved info belongs to what is saved, so post comes last in protect; a restored resource is
  // named as early as its data would be there.
  using enum ActivityKind;
  constexpr std::array kProtectOrder{kParallel, kPreFinish, kPre, kPost};
  constexpr std::array kOtherOrder{kParallel, kPost, kPreFinish, kPre};
  for (const ActivityKind kind : operation_ == Operation::kProtect ? kProtectOrder : kOtherOrder) {
    if (!descriptor_.operation(operation_).Defines(kind)) continue;
    if (!BehaviourOf(kind, parameters_.Of(resource)).none) return kind == kind_;
  }
  return false;
}

Status NoopCall::KeepBooks(const Resource& resource) {
  switch (operation_) {
    case Operation::kProtect: {
      SavedInfo info;
      info.activity = std::string(NameOf(kind_));
      for (const ActivityKind kind : kAllActivityKinds) {
        if (!descriptor_.operation(operation_).Defines(kind)) continue;
        const Behaviour behaviour = BehaviourOf(kind, parameters_.Of(resource));
        if (!behaviour.none && behaviour.data.bytes > 0) info.data.push_back(StreamName(kind));
      }
      return checkpoint_.SaveInfo(resource, ToValue(info));
    }
    case Operation::kRestore: {
      HOLDFAST_RETURN_IF_ERROR(CheckData(resource));
      return checkpoint_.SetNewResource(resource, NewKeyOf(resource.key, parameters_.Of(resource)));
    }
    case Operation::kDelete:
      return checkpoint_.DeleteData(resource);
    case Operation::kVerify:
      if (const auto share = SampleOf(parameters_, resource)) {
        return VerifySample(checkpoint_, context_, resource, *share);
      }
      return CheckData(resource);
  }
  return Ok();
}

Status NoopCall::CheckData(const Resource& resource) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<DataInfo> streams, checkpoint_.ListData(resource));
  for (const DataInfo& stream : streams) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto source, checkpoint_.OpenData(resource, stream.name));
    HOLDFAST_RETURN_IF_ERROR(CheckPattern(resource.key, stream.size, *source));
  }
  auto saved = checkpoint_.SavedInfo(resource);
  // A resource whose activities were all none has saved nothing.
  if (!saved && saved.error().code() != ErrorCode::kNotFound)
    return Error(std::move(saved).error());
  if (!saved) return Ok();
  for (const std::string& name : BindChecked<SavedInfo>(*saved).data) {
    if (std::none_of(streams.begin(), streams.end(),
                     [&](const DataInfo& s) { return s.name == name; })) {
      return Corrupt("the stream " + name + " of " + Printable(resource.key.str()) + " is missing");
    }
  }
  return Ok();
}

Status NoopCall::Sleep() const {
  std::chrono::milliseconds longest{0};
  for (const Behaviour& behaviour : behaviours_) longest = std::max(longest, behaviour.sleep);
  const SteadyTime end = context_.clock().Steady() + longest;
  while (true) {
    if (context_.cancelled()) return CancelledError();
    const auto left = end - context_.clock().Steady();
    if (left <= SteadyTime::duration::zero()) return Ok();
    std::this_thread::sleep_for(
        std::min<SteadyTime::duration>(left, std::chrono::milliseconds(10)));
  }
}

Status NoopCall::DieAt(std::string_view where) {
  for (std::size_t i = 0; i < resources_.size(); ++i) {
    if (behaviours_[i].die != where) continue;
    HOLDFAST_ASSIGN_OR_RETURN(const bool now,
                              CountedDown(resources_[i], "die", behaviours_[i].die_times));
    if (now) kill(getpid(), SIGKILL);
  }
  return Ok();
}

Status NoopCall::JournalAll(std::string_view state) {
  for (std::size_t i = 0; i < resources_.size(); ++i) {
    if (!behaviours_[i].journal) continue;
    HOLDFAST_RETURN_IF_ERROR(
        checkpoint_.Journal(resources_[i], Value().Set(ActivityName(), state)));
  }
  return Ok();
}

Status NoopCall::TraceAll(std::string_view event) {
  for (const Resource& resource : resources_) {
    HOLDFAST_RETURN_IF_ERROR(
        trace_.Add(event, operation_, kind_, checkpoint_, context_.clock(), resource));
  }
  return Ok();
}

Result<bool> NoopCall::CountedDown(const Resource& resource, std::string_view name, int times) {
  if (times == 0) return true;
  HOLDFAST_ASSIGN_OR_RETURN(const BankSection section, checkpoint_.RecordSection(resource));
  for (int n = 1; n <= times; ++n) {
    const std::string key =
        "noop-" + std::string(NameOf(kind_)) + "-" + std::string(name) + "-" + std::to_string(n);
    const Status taken = section.CreateExclusive(key, "counted", Settling::kAtOnce);
    if (taken) return true;
    if (taken.error().code() != ErrorCode::kConflict) return Error(taken.error());
  }
  return false;
}

std::string NoopCall::ActivityName() const {
  return std::string(NameOf(operation_)) + "." + std::string(NameOf(kind_));
}

}  // namespace holdfast::plugins::noop
