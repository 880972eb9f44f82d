#pragma once

#include <chrono>
#include <string>

#include "plugins/local/postgresql/server.h"
#include "plugins/local/postgresql/tools.h"
#include "plugins/sdk/checkpoint.h"
#include "plugins/sdk/context.h"
#include "plugins/sdk/resource.h"
#include "plugins/sdk/result.h"

// A process that keeps an exported snapshot of a database open between two steps: psql in a
// transaction, detached from the step that starts it. It is journaled before it is started (by the
// token in its application_name) and after (backend pid and start), ends by itself after a limit,
// and is ended by EndSnapshotHolder whatever had been journaled of it.
namespace holdfast::plugins::postgresql {

struct HolderRequest {
  ServerAddress address;
  std::string database;
  std::string folder;  // for the file in which it says its snapshot
  std::chrono::milliseconds limit{std::chrono::hours(12)};
};

struct HeldSnapshot {
  std::string id;  // for pg_dump --snapshot
  WallTime taken;
};

// Starts one, or finds the one that an attempt before started. After an error nothing is left.
Result<HeldSnapshot> StartSnapshotHolder(const Tool& psql, const HolderRequest& request,
                                         Checkpoint& checkpoint, Context& context,
                                         const Resource& resource);

// Ends whatever holder the journal knows of, through the server (pg_terminate_backend) and, on this
// host, its process; returns when both are gone. Nothing journaled: success. `maintenance_database`
// is the one to connect to (Connection::OpenMaintenance). kUnavailable when the server cannot be
// asked.
Status EndSnapshotHolder(const ServerAddress& address, const std::string& maintenance_database,
                         Checkpoint& checkpoint, Context& context, const Resource& resource);

}  // namespace holdfast::plugins::postgresql
