#include "plugins/local/postgresql/snapshot_holder.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <thread>
#include <vector>

#include "plugins/local/staging/paced_copy.h"
#include "plugins/local/staging/staging.h"
#include "plugins/sdk/failpoint.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::postgresql {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kStartDeadline{std::chrono::seconds(30)};
constexpr milliseconds kEndDeadline{std::chrono::seconds(30)};
constexpr milliseconds kLookEvery{10};

// Text of a backend's start that does not depend on a session's time zone.
constexpr std::string_view kBackendStart =
    "(extract(epoch FROM backend_start) * 1000000)::bigint::text";

std::string ApplicationName(std::string_view token) { return fmt::format("holdfast-{}", token); }

// As it stands in the holder's command line.
std::string ApplicationArgument(std::string_view token) {
  return fmt::format("application_name='{}'", ApplicationName(token));
}

std::string ReadSmallFile(const std::string& path) {
  const OwnedDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return {};
  std::string out(16U << 10U, '\0');
  std::size_t size = 0;
  while (size < out.size()) {
    const ssize_t got = ::read(file.get(), out.data() + size, out.size() - size);
    if (got <= 0) break;
    size += static_cast<std::size_t>(got);
  }
  out.resize(size);
  return out;
}

// The processes of this host that carry the token: a step that was killed between starting one and
// journaling it leaves no other trace.
std::vector<int> ProcessesWith(std::string_view token) {
  std::vector<int> found;
  struct Close {
    void operator()(DIR* folder) const { ::closedir(folder); }
  };
  const std::unique_ptr<DIR, Close> folder(::opendir("/proc"));
  if (folder == nullptr) return found;
  const std::string wanted = ApplicationArgument(token);
  while (const dirent* entry = ::readdir(folder.get())) {
    const std::string_view name = entry->d_name;
    if (name.find_first_not_of("0123456789") != std::string_view::npos) continue;
    if (ReadSmallFile(fmt::format("/proc/{}/cmdline", name)).find(wanted) != std::string::npos) {
      found.push_back(std::atoi(entry->d_name));
    }
  }
  return found;
}

// "SNAPSHOT|PID|START" once the holder has said it; an empty snapshot before.
struct Announcement {
  std::string snapshot;
  std::string backend_pid;
  std::string backend_start;
};

Announcement ReadAnnouncement(const std::string& path) {
  const std::string text = ReadSmallFile(path);
  const auto end = text.find('\n');
  if (end == std::string::npos) return {};
  const auto parts = Split(std::string_view(text).substr(0, end), '|');
  if (parts.size() != 3 ||
      parts[0].find_first_not_of("0123456789ABCDEF-") != std::string_view::npos) {
    return {};
  }
  return {std::string(parts[0]), std::string(parts[1]), std::string(parts[2])};
}

Result<bool> BackendLives(Connection& connection, std::string_view token, const Value& known) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const auto found,
      connection.Ask(fmt::format("SELECT 1 FROM pg_stat_activity WHERE application_name = $1 "
                                 "AND pid = $2::int AND {} = $3",
                                 kBackendStart),
                     {ApplicationName(token), known.StringOr("backend_pid", "0"),
                      known.StringOr("backend_start", "")}));
  return found.has_value();
}

Result<Announcement> AwaitAnnouncement(const std::string& path, int pid, Context& context) {
  const SteadyTime until = context.clock().Steady() + context.TimeLeft(kStartDeadline);
  for (;;) {
    Announcement said = ReadAnnouncement(path);
    if (!said.snapshot.empty()) return said;
    if (context.cancelled()) return CancelledError();
    if (!FindProcess(pid)) {
      return Internal(fmt::format("the process that was to hold the snapshot ended: {}",
                                  Printable(Trim(ReadSmallFile(path)))));
    }
    if (context.clock().Steady() >= until) {
      return Unavailable("the process that was to hold the snapshot did not get one in time");
    }
    std::this_thread::sleep_for(kLookEvery);
  }
}

Result<HeldSnapshot> Launch(const Tool& psql, const HolderRequest& request,
                            const std::string& token, const std::string& path,
                            Checkpoint& checkpoint, Context& context, const Resource& resource) {
  ProcessSpec spec;
  const std::string announce = fmt::format(
      "SELECT pg_export_snapshot() || '|' || pid || '|' || {} FROM pg_stat_activity WHERE pid = "
      "pg_backend_pid()",
      kBackendStart);
  spec.argv = {psql.path,
               "--no-psqlrc",
               "--no-password",
               "--quiet",
               "--no-align",
               "--tuples-only",
               "--set=ON_ERROR_STOP=1",
               "--dbname=" + DatabaseArgument(request.database) + " " + ApplicationArgument(token),
               "--command=BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
               "--command=" + announce,
               fmt::format("--command=SELECT pg_sleep({})",
                           static_cast<double>(request.limit.count()) / 1000.0)};
  HOLDFAST_RETURN_IF_ERROR(AddToEnvironment(request.address, context, spec));
  spec.working_folder = "/";  // it must not keep a mount busy
  HOLDFAST_ASSIGN_OR_RETURN(const int pid, context.processes().StartDetached(spec, path));
  Failpoint("postgresql:holder-started");
  HOLDFAST_ASSIGN_OR_RETURN(const Announcement said, AwaitAnnouncement(path, pid, context));
  Failpoint("postgresql:holder-announced");
  const WallTime taken = context.clock().Now();
  const ProcessIdentity process = FindProcess(pid).value_or(ProcessIdentity{});
  Value known(Value::Map{});
  known.Set("snapshot", said.snapshot)
      .Set("backend_pid", said.backend_pid)
      .Set("backend_start", said.backend_start)
      .Set("pid", pid)
      .Set("pid_start", process.start_time)
      .Set("taken", FormatTime(taken));
  Value entry(Value::Map{});
  entry.Set("snapshot", std::move(known));
  HOLDFAST_RETURN_IF_ERROR(checkpoint.Journal(resource, entry));
  Failpoint("postgresql:holder-recorded");
  return HeldSnapshot{said.snapshot, taken};
}

}  // namespace

Result<HeldSnapshot> StartSnapshotHolder(const Tool& psql, const HolderRequest& request,
                                         Checkpoint& checkpoint, Context& context,
                                         const Resource& resource) {
  HOLDFAST_ASSIGN_OR_RETURN(const Value journal, checkpoint.Journaled(resource));
  const std::string token = staging::HiddenToken(checkpoint, resource);
  const std::string path =
      fmt::format("{}/{}", request.folder, staging::HiddenName(checkpoint, resource, "snapshot"));
  if (const Value* known = journal.Find("snapshot"); known != nullptr && known->is_map()) {
    HOLDFAST_ASSIGN_OR_RETURN(Connection connection,
                              Connection::Open(request.address, request.database, context));
    HOLDFAST_ASSIGN_OR_RETURN(const bool lives, BackendLives(connection, token, *known));
    if (lives) {
      HOLDFAST_ASSIGN_OR_RETURN(const WallTime taken, ParseTime(known->StringOr("taken", "")));
      return HeldSnapshot{known->StringOr("snapshot", ""), taken};
    }
  }
  if (journal.Find("holder") != nullptr) {
    // An attempt before this one may have started one and not journaled it.
    HOLDFAST_RETURN_IF_ERROR(
        EndSnapshotHolder(request.address, request.database, checkpoint, context, resource));
  }
  const ProcessIdentity here = OwnProcessIdentity();
  Value holder(Value::Map{});
  holder.Set("token", token).Set("file", path).Set("host", here.host).Set("boot_id", here.boot_id);
  Value intent(Value::Map{});
  intent.Set("holder", std::move(holder)).Set("snapshot", Value());
  HOLDFAST_RETURN_IF_ERROR(checkpoint.Journal(resource, intent));
  Failpoint("postgresql:holder-intended");
  return Launch(psql, request, token, path, checkpoint, context, resource);
}

Status EndSnapshotHolder(const ServerAddress& address, const std::string& maintenance_database,
                         Checkpoint& checkpoint, Context& context, const Resource& resource) {
  HOLDFAST_ASSIGN_OR_RETURN(const Value journal, checkpoint.Journaled(resource));
  const Value* holder = journal.Find("holder");
  if (holder == nullptr || !holder->is_map()) return Ok();
  const std::string token = holder->StringOr("token", "");
  const ProcessIdentity here = OwnProcessIdentity();
  bool any = false;
  if (holder->StringOr("host", "") == here.host &&
      holder->StringOr("boot_id", "") == here.boot_id) {
    // First the process: one that has not connected yet must not do so after we have looked.
    for (const int pid : ProcessesWith(token)) {
      ::kill(pid, SIGKILL);
      any = true;
    }
  }
  HOLDFAST_ASSIGN_OR_RETURN(Connection connection, Connection::OpenMaintenance(
                                                       address, maintenance_database, "", context));
  // The token belongs to this record and resource alone. Where the backend is journaled, only the
  // one with that number and start is meant; a number may have gone to another.
  const Value* known = journal.Find("snapshot");
  const bool exact = known != nullptr && known->is_map();
  std::string which = "application_name = $1 AND usename = current_user";
  std::vector<std::optional<std::string>> parameters{ApplicationName(token)};
  if (exact) {
    which += fmt::format(" AND pid = $2::int AND {} = $3", kBackendStart);
    parameters.emplace_back(known->StringOr("backend_pid", "0"));
    parameters.emplace_back(known->StringOr("backend_start", ""));
  }
  const SteadyTime until = context.clock().Steady() + context.TimeLeft(kEndDeadline);
  for (;;) {
    HOLDFAST_ASSIGN_OR_RETURN(
        const auto ended,
        connection.Query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE " + which,
                         parameters));
    any = any || !ended.empty();
    if (ended.empty() && ProcessesWith(token).empty()) break;
    if (context.clock().Steady() >= until) {
      return Unavailable("the process that holds the snapshot does not end");
    }
    std::this_thread::sleep_for(kLookEvery);
  }
  if (const std::string file = holder->StringOr("file", ""); !file.empty()) {
    HOLDFAST_RETURN_IF_ERROR(staging::RemoveDurably(file));
  }
  if (any) {
    context.log().Log(LogLevel::kInfo,
                      fmt::format("ended the process '{}', which held the snapshot",
                                  Printable(ApplicationName(token))));
  }
  return Ok();
}

}  // namespace holdfast::plugins::postgresql
