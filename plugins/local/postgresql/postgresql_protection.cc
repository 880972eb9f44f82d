#include "plugins/local/postgresql/postgresql_protection.h"

#include <fmt/format.h>

#include <cstdlib>
#include <optional>

#include "plugins/local/postgresql/database_properties.h"
#include "plugins/local/postgresql/database_swap.h"
#include "plugins/local/postgresql/server.h"
#include "plugins/local/postgresql/snapshot_holder.h"
#include "plugins/local/postgresql/target_properties.h"
#include "plugins/local/postgresql/tools.h"
#include "plugins/local/staging/own_work.h"
#include "plugins/local/staging/paced_copy.h"
#include "plugins/local/staging/staging.h"
#include "plugins/sdk/failpoint.h"
#include "plugins/sdk/preflight.h"
#include "plugins/sdk/sample.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::postgresql {
namespace {

using Settings = PostgresqlProtection::Settings;
using SavedInfo = PostgresqlProtection::SavedInfo;

constexpr std::string_view kStream = "dump";
constexpr int kOldestPsql = 10;  // that holds a snapshot

ServerAddress DefaultAddress(const Settings& settings) {
  return {settings.host, settings.port, settings.user, settings.password};
}

Result<std::string> DatabaseOf(const Resource& resource) {
  std::string database = resource.extra.StringOr("database", "");
  if (database.empty()) {
    return InvalidInput(
               fmt::format("PostgreSQL database '{}' has no 'database'", Printable(resource.name)))
        .Hint("its entry in the inventory names it");
  }
  return database;
}

// --- What the parameters must keep, also where nothing can be asked

// A server cuts longer names short: the database would be another one than was asked for.
constexpr std::size_t kLongestName = 63;

Status RequireName(std::string_view name, std::string_view what) {
  if (name.size() > kLongestName) {
    return InvalidInput(fmt::format("{} '{}' is longer than the {} bytes that PostgreSQL keeps",
                                    what, Printable(name), kLongestName));
  }
  if (name.find('\0') != std::string_view::npos) {
    return InvalidInput(fmt::format("{} '{}' holds a NUL byte", what, Printable(name)));
  }
  return Ok();
}

std::vector<ParameterFault> ProtectFaults(
    const Resource& resource, const PostgresqlProtection::ProtectParameters& parameters) {
  ParameterFaults faults;
  const auto database = DatabaseOf(resource);
  faults.NoteResource(database ? RequireName(*database, "database") : Status(database.error()));
  if (!parameters.staging.empty()) {
    faults.Note("staging", RequireAbsolutePath(parameters.staging, "staging"));
  }
  return faults.Take();
}

std::vector<ParameterFault> RestoreFaults(
    const PostgresqlProtection::RestoreParameters& parameters) {
  ParameterFaults faults;
  faults.Note("database", RequireName(parameters.database, "database"));
  return faults.Take();
}

// May this role read everything that a dump reads? Names some of what it may not.
Status RequireReadable(const ServerAddress& address, const std::string& database,
                       Context& context) {
  HOLDFAST_ASSIGN_OR_RETURN(Connection connection, Connection::Open(address, database, context));
  HOLDFAST_ASSIGN_OR_RETURN(
      const auto rows,
      connection.Query(
          "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), count(*) OVER () FROM "
          "pg_class c "
          "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'm', 'S') "
          "AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' "
          "AND NOT (has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')) "
          "ORDER BY 1 LIMIT 3"));
  if (rows.empty()) return Ok();
  std::vector<std::string> names;
  for (const Connection::Row& row : rows) names.push_back(Printable(row[0].value_or("")));
  const std::uint64_t count = std::strtoull(rows.front()[1].value_or("0").c_str(), nullptr, 10);
  return Error(ErrorCode::kDenied,
               fmt::format(
                   "the role may not read {} of the tables and sequences of database '{}': {}{}",
                   count, Printable(database), Join(names, ", "),
                   count > names.size() ? ", ..." : ""))
      .Hint("'GRANT pg_read_all_data TO role' lets it read, or 'user' names another role");
}

std::string PartOf(const std::string& staged) { return staged + "-part"; }

Status RemoveStaged(const std::string& staged, Context& context) {
  for (const std::string& path : {staged, PartOf(staged)}) {
    HOLDFAST_ASSIGN_OR_RETURN(const bool there, staging::Exists(path));
    HOLDFAST_RETURN_IF_ERROR(staging::RemoveDurably(path));
    if (there) context.log().Log(LogLevel::kInfo, "removed " + Printable(path));
  }
  return Ok();
}

// Dumps into the staging file; returns how many bytes it is.
Result<std::uint64_t> Stage(const Tool& pg_dump, const ServerAddress& address,
                            const DumpRequest& request, const std::string& staged,
                            Context& context) {
  const std::string part = PartOf(staged);
  HOLDFAST_RETURN_IF_ERROR(RemoveStaged(staged, context));
  HOLDFAST_ASSIGN_OR_RETURN(const OwnedDescriptor file, staging::CreatePrivateFile(part));
  staging::FileSink sink(file.get(), part);
  staging::Pace pace(0, context);
  staging::PacedSink counted(sink, pace, context, 0, "dumping");
  HOLDFAST_RETURN_IF_ERROR(RunDump(pg_dump, address, request, counted, context));
  HOLDFAST_RETURN_IF_ERROR(staging::SyncFile(file.get(), part));
  Failpoint("postgresql:dumped");
  HOLDFAST_RETURN_IF_ERROR(staging::RenameDurably(part, staged));
  return pace.spent();
}

Status JournalInfo(Checkpoint& checkpoint, const Resource& resource, const SavedInfo& info,
                   WallTime point_in_time, std::uint64_t staged_size) {
  HOLDFAST_RETURN_IF_ERROR(checkpoint.SetPointInTime(resource, point_in_time));
  Value entry(Value::Map{});
  entry.Set("info", ToValue(info))
      .Set("staged_size", staged_size)
      .Set("point_in_time", FormatTime(point_in_time));
  return checkpoint.Journal(resource, entry);
}

Status StagePre(const Tool& pg_dump, const ServerAddress& address, const SavedInfo& info,
                const std::string& folder, Checkpoint& checkpoint, Context& context,
                const Resource& resource,
                const PostgresqlProtection::ProtectParameters& parameters) {
  const std::string staged =
      fmt::format("{}/{}", folder, staging::HiddenName(checkpoint, resource, "staged"));
  HOLDFAST_ASSIGN_OR_RETURN(const Value before, checkpoint.Journaled(resource));
  if (before.Find("info") != nullptr && before.StringOr("staged", "") == staged) {
    HOLDFAST_ASSIGN_OR_RETURN(const bool there, staging::Exists(staged));
    // A killed attempt had staged it; what it said of the checkpoint went with it.
    if (there) {
      HOLDFAST_ASSIGN_OR_RETURN(const WallTime time,
                                ParseTime(before.StringOr("point_in_time", "")));
      return checkpoint.SetPointInTime(resource, time);
    }
  }
  // A dump has no indexes and is smaller than its database in all but odd cases.
  HOLDFAST_RETURN_IF_ERROR(staging::RequireFreeSpace(folder, info.database_size.bytes));
  Value intent(Value::Map{});
  intent.Set("staged", staged);
  HOLDFAST_RETURN_IF_ERROR(checkpoint.Journal(resource, intent));
  Failpoint("postgresql:dump-intended");
  const WallTime begun = context.clock().Now();
  HOLDFAST_ASSIGN_OR_RETURN(
      const std::uint64_t size,
      Stage(pg_dump, address, {info.database, "", parameters.lock_timeout}, staged, context));
  Failpoint("postgresql:staged");
  HOLDFAST_RETURN_IF_ERROR(JournalInfo(checkpoint, resource, info, begun, size));
  Failpoint("postgresql:stage-recorded");
  return Ok();
}

Status HolderPre(const Settings& settings, const ServerAddress& address, const SavedInfo& info,
                 const std::string& folder, Checkpoint& checkpoint, Context& context,
                 const Resource& resource,
                 const PostgresqlProtection::ProtectParameters& parameters) {
  HOLDFAST_ASSIGN_OR_RETURN(const Tool psql,
                            FindTool("psql", settings.bin_dir, kOldestPsql, context));
  const HolderRequest request{address, info.database, folder, parameters.holder_limit};
  HOLDFAST_ASSIGN_OR_RETURN(const HeldSnapshot held,
                            StartSnapshotHolder(psql, request, checkpoint, context, resource));
  return JournalInfo(checkpoint, resource, info, held.taken, 0);
}

// A dump names them, and they are the server's.
void SayTablespaces(const SavedInfo& info, Context& context) {
  std::vector<std::string> names = info.tablespaces;
  if (!info.tablespace.empty()) names.insert(names.begin(), info.tablespace);
  if (names.empty()) return;
  context.log().Log(
      LogLevel::kInfo,
      fmt::format("database '{}' stands in tablespaces other than the default one: {}; a restore "
                  "uses those of these names that the server has then",
                  Printable(info.database), Printable(Join(names, ", "))));
}

Status ProtectPre(const Settings& settings, Checkpoint& checkpoint, Context& context,
                  const Resource& resource,
                  const PostgresqlProtection::ProtectParameters& parameters) {
  HOLDFAST_RETURN_IF_ERROR(RefuseFaults(ProtectFaults(resource, parameters)));
  const ServerAddress address = AddressOf(resource, DefaultAddress(settings));
  HOLDFAST_ASSIGN_OR_RETURN(const std::string database, DatabaseOf(resource));
  HOLDFAST_ASSIGN_OR_RETURN(SavedInfo info, ReadDatabase(address, database, context));
  HOLDFAST_ASSIGN_OR_RETURN(const Tool pg_dump,
                            FindTool("pg_dump", settings.bin_dir,
                                     static_cast<int>(info.server_version / 10000), context));
  SayTablespaces(info, context);
  info.dump_major = pg_dump.major;
  info.snapshot = parameters.snapshot;
  const std::string folder = parameters.staging.empty() ? settings.staging : parameters.staging;
  if (parameters.snapshot == "holder") {
    return HolderPre(settings, address, info, folder, checkpoint, context, resource, parameters);
  }
  return StagePre(pg_dump, address, info, folder, checkpoint, context, resource, parameters);
}

// From the staged file, or straight from pg_dump on the snapshot that is held.
Status ProtectParallel(const Settings& settings, Checkpoint& checkpoint, Context& context,
                       const Resource& resource,
                       const PostgresqlProtection::ProtectParameters& parameters) {
  HOLDFAST_ASSIGN_OR_RETURN(const Value journal, checkpoint.Journaled(resource));
  const Value* saved = journal.Find("info");
  if (saved == nullptr) return Internal("there is no snapshot in the journal");
  HOLDFAST_ASSIGN_OR_RETURN(const auto info, Bind<SavedInfo>(*saved, "", "journaled info"));
  HOLDFAST_ASSIGN_OR_RETURN(const auto stream, checkpoint.CreateData(resource, kStream));
  staging::Pace pace(parameters.rate_limit.bytes, context);
  if (info.snapshot == "holder") {
    const Value* held = journal.Find("snapshot");
    const std::string snapshot = held == nullptr ? "" : held->StringOr("snapshot", "");
    if (snapshot.empty()) return Internal("there is no snapshot in the journal");
    const ServerAddress address = AddressOf(resource, DefaultAddress(settings));
    HOLDFAST_ASSIGN_OR_RETURN(
        const Tool pg_dump,
        FindTool("pg_dump", settings.bin_dir, static_cast<int>(info.dump_major), context));
    staging::PacedSink sink(*stream, pace, context, 0, "copying to the bank");
    HOLDFAST_RETURN_IF_ERROR(RunDump(
        pg_dump, address, {info.database, snapshot, parameters.lock_timeout}, sink, context));
  } else {
    const std::string staged = journal.StringOr("staged", "");
    const auto size = static_cast<std::uint64_t>(journal.IntOr("staged_size", 0));
    auto file = staging::OpenForReading(staged);
    if (!file) {
      return std::move(file)
          .error()
          .While("the staged dump")
          .Hint("where each step is a pod, 'staging' must name a folder that all of them mount");
    }
    staging::FileSource source(file->get(), staged);
    staging::PacedSink sink(*stream, pace, context, size, "copying to the bank");
    HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t copied, staging::CopyAll(source, &sink, context));
    if (copied != size) {
      return Corrupt(fmt::format("the staged dump '{}' has {} bytes, {} were written",
                                 Printable(staged), copied, size));
    }
  }
  Failpoint("postgresql:streamed");
  HOLDFAST_RETURN_IF_ERROR(stream->Finish());
  return checkpoint.SaveInfo(resource, ToValue(info));
}

Status ProtectPost(const Settings& settings, Checkpoint& checkpoint, Context& context,
                   const Resource& resource) {
  HOLDFAST_ASSIGN_OR_RETURN(const Value journal, checkpoint.Journaled(resource));
  if (const std::string staged = journal.StringOr("staged", ""); !staged.empty()) {
    HOLDFAST_RETURN_IF_ERROR(RemoveStaged(staged, context));
  }
  HOLDFAST_RETURN_IF_ERROR(EndSnapshotHolder(AddressOf(resource, DefaultAddress(settings)),
                                             settings.maintenance_database, checkpoint, context,
                                             resource));
  Failpoint("postgresql:cleaned");
  return Ok();
}

struct RestoreTarget {
  ServerAddress address;
  std::string database;
};

// The resource's server, changed by the parameters. Another host has a login of its own: the
// provider's, not the one that the old host's entry names.
RestoreTarget TargetOf(const Settings& settings, const Resource& resource, const SavedInfo& info,
                       const PostgresqlProtection::RestoreParameters& parameters) {
  RestoreTarget target{AddressOf(resource, DefaultAddress(settings)),
                       parameters.database.empty() ? info.database : parameters.database};
  if (!parameters.host.empty()) {
    target.address = DefaultAddress(settings);
    target.address.host = parameters.host;
  }
  if (parameters.port != 0) target.address.port = parameters.port;
  if (!parameters.user.empty()) target.address.user = parameters.user;
  return target;
}

// Addresses that lead to one server as long as nobody runs two on one port, by one spelling.
ServerAddress UsualAddress(ServerAddress address) {
  for (const char* const local :
       {"127.0.0.1", "::1", "/var/run/postgresql", "/run/postgresql", "localhost"}) {
    if (address.host == local) address.host.clear();
  }
  return address;
}

Result<Connection> MaintenanceOf(const Settings& settings, const RestoreTarget& target,
                                 Context& context) {
  return Connection::OpenMaintenance(target.address, settings.maintenance_database, target.database,
                                     context);
}

// Only where the server is on this machine and tells where its data is.
Status RequireSpaceForDatabase(Connection& maintenance, const ServerAddress& address,
                               const SavedInfo& info) {
  if (!address.host.empty() && address.host.front() != '/') return Ok();
  const auto folder =
      info.tablespace.empty()
          ? maintenance.Ask("SELECT current_setting('data_directory', true)")
          : maintenance.Ask(
                "SELECT pg_tablespace_location(oid) FROM pg_tablespace WHERE spcname = $1",
                {info.tablespace});
  if (!folder || !*folder || (*folder)->empty()) return Ok();  // only superusers may know
  HOLDFAST_ASSIGN_OR_RETURN(const bool visible, staging::Exists(**folder));
  if (!visible) return Ok();
  return staging::RequireFreeSpace(**folder, info.database_size.bytes);
}

Status RestorePre(const Settings& settings, Checkpoint& checkpoint, Context& context,
                  const Resource& resource,
                  const PostgresqlProtection::RestoreParameters& parameters) {
  HOLDFAST_ASSIGN_OR_RETURN(const Value saved, checkpoint.SavedInfo(resource));
  const auto info = BindChecked<SavedInfo>(saved);
  HOLDFAST_RETURN_IF_ERROR(RefuseFaults(RestoreFaults(parameters)));
  const RestoreTarget target = TargetOf(settings, resource, info, parameters);
  HOLDFAST_ASSIGN_OR_RETURN(
      const Tool pg_restore,
      FindTool("pg_restore", settings.bin_dir, static_cast<int>(info.dump_major), context));
  HOLDFAST_ASSIGN_OR_RETURN(Connection maintenance, MaintenanceOf(settings, target, context));
  Value intent(Value::Map{});
  intent.Set("target", target.database);
  HOLDFAST_ASSIGN_OR_RETURN(const std::string present,
                            DatabaseIdentity(maintenance, target.address, target.database));
  HOLDFAST_ASSIGN_OR_RETURN(const bool done, staging::IsOwnWork(checkpoint, resource, present));
  // Restored in an earlier epoch: there is nothing to do but to say so.
  if (done) return checkpoint.Journal(resource, intent.Set("restored", true));
  HOLDFAST_RETURN_IF_ERROR(
      RefuseExisting(target.address, maintenance, target.database, parameters.overwrite, context));
  HOLDFAST_RETURN_IF_ERROR(RefuseHeld(maintenance, target.database));
  HOLDFAST_ASSIGN_OR_RETURN(
      const TargetProperties wanted,
      PropertiesFor(maintenance, target.address, target.database, info, parameters, context));
  for (const std::string& warning : wanted.warnings) {
    context.log().Log(LogLevel::kWarning, warning);
  }
  HOLDFAST_RETURN_IF_ERROR(RequireSpaceForDatabase(maintenance, target.address, wanted.info));
  HOLDFAST_RETURN_IF_ERROR(checkpoint.Journal(resource, intent));
  Failpoint("postgresql:restore-intended");
  return Ok();
}

Status RestoreParallel(const Settings& settings, Checkpoint& checkpoint, Context& context,
                       const Resource& resource,
                       const PostgresqlProtection::RestoreParameters& parameters) {
  HOLDFAST_ASSIGN_OR_RETURN(const Value saved, checkpoint.SavedInfo(resource));
  const auto info = BindChecked<SavedInfo>(saved);
  const RestoreTarget target = TargetOf(settings, resource, info, parameters);
  const SwapNames names = NamesOfRestore(checkpoint, resource, target.database);
  HOLDFAST_ASSIGN_OR_RETURN(const Value journal, checkpoint.Journaled(resource));
  if (!journal.BoolOr("restored", false)) {
    HOLDFAST_ASSIGN_OR_RETURN(
        const Tool pg_restore,
        FindTool("pg_restore", settings.bin_dir, static_cast<int>(info.dump_major), context));
    RestoreRequest request{names.fresh, parameters.owners, true};
    {
      HOLDFAST_ASSIGN_OR_RETURN(Connection maintenance, MaintenanceOf(settings, target, context));
      HOLDFAST_ASSIGN_OR_RETURN(
          const TargetProperties wanted,
          PropertiesFor(maintenance, target.address, target.database, info, parameters, context));
      request.tablespaces = wanted.tablespaces;
      HOLDFAST_RETURN_IF_ERROR(
          CreateFresh(target.address, maintenance, names, wanted.info, context));
    }
    Failpoint("postgresql:created");
    HOLDFAST_ASSIGN_OR_RETURN(const auto source, checkpoint.OpenData(resource, kStream));
    HOLDFAST_RETURN_IF_ERROR(RunRestore(pg_restore, target.address, request, *source, context));
    // pg_restore need not read what follows the last entry; it is checked like the rest.
    HOLDFAST_RETURN_IF_ERROR(staging::CopyAll(*source, nullptr, context));
    Failpoint("postgresql:restored");
    Value entry(Value::Map{});
    entry.Set("restored", true);
    HOLDFAST_RETURN_IF_ERROR(checkpoint.Journal(resource, entry));
    Failpoint("postgresql:restore-recorded");
  }
  HOLDFAST_ASSIGN_OR_RETURN(Connection maintenance, MaintenanceOf(settings, target, context));
  HOLDFAST_ASSIGN_OR_RETURN(const bool fresh, DatabaseExists(maintenance, names.fresh));
  if (!fresh) {
    // Restored and no longer there: a killed attempt, or an earlier epoch, has swapped it in.
    HOLDFAST_ASSIGN_OR_RETURN(const std::string present,
                              DatabaseIdentity(maintenance, target.address, target.database));
    HOLDFAST_ASSIGN_OR_RETURN(const bool ours, staging::IsOwnWork(checkpoint, resource, present));
    if (!ours) {
      return NotFound(fmt::format("the restored database '{}' is gone", Printable(names.fresh)))
          .Hint("somebody has dropped it, or what it became; run the restore again");
    }
  } else {
    HOLDFAST_RETURN_IF_ERROR(RefuseExisting(target.address, maintenance, target.database,
                                            parameters.overwrite, context));
    HOLDFAST_RETURN_IF_ERROR(RefuseHeld(maintenance, target.database));
    HOLDFAST_ASSIGN_OR_RETURN(
        const TargetProperties wanted,
        PropertiesFor(maintenance, target.address, target.database, info, parameters, context));
    HOLDFAST_RETURN_IF_ERROR(
        ApplyProperties(maintenance, names.fresh, wanted.info, target.database, context));
    HOLDFAST_ASSIGN_OR_RETURN(const std::string identity,
                              DatabaseIdentity(maintenance, target.address, names.fresh));
    HOLDFAST_RETURN_IF_ERROR(staging::NoteOwnWork(checkpoint, resource, identity));
    Failpoint("postgresql:restore-noted");
    HOLDFAST_RETURN_IF_ERROR(SwapIn(maintenance, names));
  }
  // post drops the one that was replaced: restored it is also where that cannot be done yet.
  Failpoint("postgresql:swapped");
  ResourceKey now = resource.key;
  if (target.database != info.database || !parameters.host.empty() || parameters.port != 0) {
    now.id = fmt::format("{}/{}", target.address.str(), target.database);
  }
  return checkpoint.SetNewResource(resource, now);
}

Status RestorePost(const Settings& settings, Checkpoint& checkpoint, Context& context,
                   const Resource& resource,
                   const PostgresqlProtection::RestoreParameters& parameters) {
  HOLDFAST_ASSIGN_OR_RETURN(const Value journal, checkpoint.Journaled(resource));
  const std::string database = journal.StringOr("target", "");
  if (database.empty()) return Ok();
  RestoreTarget target = TargetOf(settings, resource, SavedInfo{}, parameters);
  target.database = database;
  HOLDFAST_ASSIGN_OR_RETURN(Connection maintenance, MaintenanceOf(settings, target, context));
  HOLDFAST_RETURN_IF_ERROR(DropLeftovers(target.address, maintenance,
                                         NamesOfRestore(checkpoint, resource, database), context));
  Failpoint("postgresql:restore-cleaned");
  return Ok();
}

Status Verify(const Settings& settings, Checkpoint& checkpoint, Context& context,
              const Resource& resource) {
  HOLDFAST_ASSIGN_OR_RETURN(const Value saved, checkpoint.SavedInfo(resource));
  const auto info = BindChecked<SavedInfo>(saved);
  HOLDFAST_ASSIGN_OR_RETURN(
      const Tool pg_restore,
      FindTool("pg_restore", settings.bin_dir, static_cast<int>(info.dump_major), context));
  HOLDFAST_ASSIGN_OR_RETURN(const auto source, checkpoint.OpenData(resource, kStream));
  HOLDFAST_ASSIGN_OR_RETURN(const std::size_t entries, ListDump(pg_restore, *source, context));
  Failpoint("postgresql:verifying");
  // The list stands at the front; the rest is read so that every byte is checked.
  HOLDFAST_RETURN_IF_ERROR(staging::CopyAll(*source, nullptr, context));
  context.log().Log(LogLevel::kInfo, fmt::format("the dump lists {} entries", entries));
  return Ok();
}

}  // namespace

std::vector<ParameterFault> PostgresqlProtection::Validate(Operation operation,
                                                           const Resource& resource,
                                                           const Value& parameters) const {
  switch (operation) {
    case Operation::kProtect:
      return ProtectFaults(resource, BindChecked<ProtectParameters>(parameters));
    case Operation::kRestore:
      return RestoreFaults(BindChecked<RestoreParameters>(parameters));
    default:
      return {};
  }
}

std::vector<Place> PostgresqlProtection::Places(Operation operation, const Resource& resource,
                                                const Value& parameters) const {
  const auto database = DatabaseOf(resource);
  if (!database) return {};
  SavedInfo info;
  info.database = *database;
  const auto given = operation == Operation::kRestore ? BindChecked<RestoreParameters>(parameters)
                                                      : RestoreParameters();
  const RestoreTarget target = TargetOf(settings_, resource, info, given);
  Place place;
  place.parameter = given.database.empty() ? "" : "database";
  place.space = "PostgreSQL database";
  place.name = fmt::format("{}/{}", UsualAddress(target.address).str(), target.database);
  return {std::move(place)};
}

std::vector<Error> PostgresqlProtection::Check(Context& context, const Resource& resource,
                                               const Parameters& parameters) {
  Problems problems;
  const ServerAddress address = AddressOf(resource, DefaultAddress(settings_));
  const auto database = DatabaseOf(resource);
  std::optional<SavedInfo> info;
  if (database) {  // one that is not named has been said by Validate
    if (auto asked = ReadDatabase(address, *database, context); !asked) {
      problems.Note(std::move(asked).error());
    } else {
      info = std::move(*asked);
      problems.Note(RequireReadable(address, *database, context));
    }
  }
  // Without a server there is nothing to be as new as.
  const int server_major = info ? static_cast<int>(info->server_version / 10000) : 0;
  const auto p = parameters.As<ProtectParameters>(resource);
  auto pg_dump = FindTool("pg_dump", settings_.bin_dir, server_major, context);
  const int as_new_as = pg_dump ? pg_dump->major : server_major;
  if (!pg_dump) problems.Note(std::move(pg_dump).error());
  // Only restore and verify need it; then is too late to hear that it is not there.
  auto pg_restore = FindTool("pg_restore", settings_.bin_dir, as_new_as, context);
  if (!pg_restore) problems.Note(std::move(pg_restore).error());
  if (p.snapshot == "holder") {
    if (auto psql = FindTool("psql", settings_.bin_dir, kOldestPsql, context); !psql) {
      problems.Note(std::move(psql).error());
    }
  }
  const std::string& folder = p.staging.empty() ? settings_.staging : p.staging;
  if (problems.Note(RequireWritableFolder(folder, "the staging folder")) && info &&
      p.snapshot == "dump") {
    problems.Note(staging::RequireFreeSpace(folder, info->database_size.bytes));
  }
  return problems.Take();
}

Activity PostgresqlProtection::activity_protect_pre(Checkpoint& checkpoint, Context& context,
                                                    const Resource& resource,
                                                    const Parameters& parameters) {
  Status made = ProtectPre(settings_, checkpoint, context, resource,
                           parameters.As<ProtectParameters>(resource));
  if (made) co_return Ok();
  // What post would remove, of this attempt or of one that was killed before it.
  Error failure = std::move(made).error();
  if (Status undone = ProtectPost(settings_, checkpoint, context, resource); !undone) {
    co_return std::move(failure).Because(std::move(undone).error()).HalfDone();
  }
  co_return failure;
}

Activity PostgresqlProtection::activity_protect_parallel(Checkpoint& checkpoint, Context& context,
                                                         const Resource& resource,
                                                         const Parameters& parameters) {
  co_return ProtectParallel(settings_, checkpoint, context, resource,
                            parameters.As<ProtectParameters>(resource));
}

Activity PostgresqlProtection::activity_protect_post(Checkpoint& checkpoint, Context& context,
                                                     const Resource& resource, const Parameters&) {
  co_return ProtectPost(settings_, checkpoint, context, resource);
}

Activity PostgresqlProtection::activity_restore_pre(Checkpoint& checkpoint, Context& context,
                                                    const Resource& resource,
                                                    const Parameters& parameters) {
  co_return RestorePre(settings_, checkpoint, context, resource,
                       parameters.As<RestoreParameters>(resource));
}

Activity PostgresqlProtection::activity_restore_parallel(Checkpoint& checkpoint, Context& context,
                                                         const Resource& resource,
                                                         const Parameters& parameters) {
  co_return RestoreParallel(settings_, checkpoint, context, resource,
                            parameters.As<RestoreParameters>(resource));
}

Activity PostgresqlProtection::activity_restore_post(Checkpoint& checkpoint, Context& context,
                                                     const Resource& resource,
                                                     const Parameters& parameters) {
  co_return RestorePost(settings_, checkpoint, context, resource,
                        parameters.As<RestoreParameters>(resource));
}

Activity PostgresqlProtection::activity_delete_parallel(Checkpoint& checkpoint, Context&,
                                                        const Resource& resource,
                                                        const Parameters&) {
  HOLDFAST_CO_RETURN_IF_ERROR(checkpoint.DeleteData(resource));
  Failpoint("postgresql:deleted");
  co_return Ok();
}

Activity PostgresqlProtection::activity_verify_parallel(Checkpoint& checkpoint, Context& context,
                                                        const Resource& resource,
                                                        const Parameters& parameters) {
  if (const auto share = SampleOf(parameters, resource)) {
    co_return VerifySample(checkpoint, context, resource, *share);
  }
  co_return Verify(settings_, checkpoint, context, resource);
}

}  // namespace holdfast::plugins::postgresql
