#include "runtime/agent/job_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>
#include <system_error>

#include "plugins/sdk/file.h"
#include "plugins/sdk/progress_text.h"
#include "plugins/sdk/text.h"

namespace holdfast::agent {

namespace {

constexpr std::uint64_t kLargestJob = std::uint64_t{4} << 20U;
constexpr std::uint64_t kLargestProgress = 256;
constexpr mode_t kOwnerAlone = 0700;
constexpr mode_t kOwnerReadsAndWrites = 0600;
constexpr mode_t kOthersWrite = 022;

Status MakeFolder(const std::string& path) {
  const std::string what = "making the folder '" + Printable(path) + "'";
  std::error_code error;
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  if (!parent.empty()) std::filesystem::create_directories(parent, error);
  if (error) return SystemError(error.value(), what);
  if (::mkdir(path.c_str(), kOwnerAlone) == 0) return Ok();
  if (errno != EEXIST) return SystemError(errno, what);
  // Who may write here can have steps run.
  struct stat there {};
  if (::stat(path.c_str(), &there) != 0) return SystemError(errno, what);
  if (!S_ISDIR(there.st_mode)) return InvalidInput("'" + Printable(path) + "' is no folder");
  if (there.st_uid != ::geteuid() || (there.st_mode & kOthersWrite) != 0) {
    return Error(ErrorCode::kDenied, "others may write to '" + Printable(path) + "'")
        .Hint(
            "it is to belong to the user of the agent, and to be writable for that user alone: "
            "chmod 700");
  }
  return Ok();
}

}  // namespace

Result<JobStore> JobStore::Open(const std::string& folder) {
  HOLDFAST_RETURN_IF_ERROR(MakeFolder(folder));
  HOLDFAST_RETURN_IF_ERROR(MakeFolder(folder + "/jobs"));
  HOLDFAST_RETURN_IF_ERROR(MakeFolder(folder + "/progress"));
  const std::string path = folder + "/lock";
  OwnedDescriptor lock(
      ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kOwnerReadsAndWrites));
  if (!lock.valid()) return SystemError(errno, "opening '" + Printable(path) + "'");
  // The kernel gives it back when the process ends, however it ends.
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return SystemError(errno, "locking '" + Printable(path) + "'");
    return Error(ErrorCode::kLocked, "another agent works in '" + Printable(folder) + "'")
        .Hint("end it first, or give each a folder of its own (--state-dir)");
  }
  return JobStore(folder + "/jobs", folder + "/progress", std::move(lock));
}

std::string JobStore::PathOf(const std::string& id) const { return folder_ + "/" + id + ".json"; }

Result<std::vector<Job>> JobStore::Load(Logger& log) const {
  std::vector<Job> jobs;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder_, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string path = entry->path().string();
    // What a write that was cut off has left: nobody else writes here.
    if (entry->path().filename().string().find(".json.tmp") != std::string::npos) {
      ::unlink(path.c_str());
      continue;
    }
    if (entry->path().extension() != ".json") continue;
    // Nothing of ours: what is written there would go into the file that a link leads to.
    if (entry->is_symlink(error)) {
      log.Log(LogLevel::kError, "'" + Printable(path) + "' was a link, and is removed");
      ::unlink(path.c_str());
      continue;
    }
    const auto text = ReadFile(path, kLargestJob);
    auto job = text ? ParseJob(*text, path) : Result<Job>(text.error());
    if (job && entry->path().stem() != job->id)
      job = Corrupt("'" + Printable(path) + "' is the step of another name");
    if (!job) {
      log.Log(LogLevel::kError, job.error().OneLine());
      const std::string stem = entry->path().stem().string();
      if (CanonicalUuid(stem).empty() || CanonicalUuid(stem) != stem) continue;
      job = ReplaceBroken(path, stem);
      if (!job) {
        log.Log(LogLevel::kError, job.error().OneLine());
        continue;
      }
    }
    jobs.push_back(std::move(*job));
  }
  if (error) return SystemError(error.value(), "reading the folder '" + Printable(folder_) + "'");
  std::sort(jobs.begin(), jobs.end(), [](const Job& a, const Job& b) {
    return std::tie(a.accepted, a.id) < std::tie(b.accepted, b.id);
  });
  DropOtherProgress(jobs);
  return jobs;
}

// A crash may come between a step and its progress.
void JobStore::DropOtherProgress(const std::vector<Job>& jobs) const {
  std::set<std::string> known;
  for (const Job& job : jobs) known.insert(job.id);
  std::error_code error;
  std::vector<std::string> others;
  for (std::filesystem::directory_iterator entry(progress_folder_, error), end;
       !error && entry != end; entry.increment(error)) {
    if (!known.contains(entry->path().filename().string()))
      others.push_back(entry->path().string());
  }
  for (const std::string& path : others) ::unlink(path.c_str());
}

Result<Job> JobStore::ReplaceBroken(const std::string& path, const std::string& id) const {
  HOLDFAST_RETURN_IF_ERROR(MakeFolder(folder_ + "/broken"));
  // Both names until the other one is written: so it is not lost in between.
  const std::string aside = folder_ + "/broken/" + id + ".json";
  if (::link(path.c_str(), aside.c_str()) != 0 && errno != EEXIST)
    return SystemError(errno, "putting aside '" + Printable(path) + "'");
  struct stat there {};
  if (::stat(path.c_str(), &there) != 0)
    return SystemError(errno, "looking at '" + Printable(path) + "'");
  Job job;
  job.id = id;
  job.accepted = WallTime(
      std::chrono::duration_cast<WallTime::duration>(std::chrono::seconds(there.st_mtim.tv_sec)));
  job.ended_at = job.accepted;
  job.failure = "the agent has lost this step: what it had kept of it cannot be read";
  HOLDFAST_RETURN_IF_ERROR(Keep(job));
  return job;
}

Status JobStore::Keep(const Job& job) const {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string text, DumpJob(job));
  return WriteFileDurably(PathOf(job.id), text);
}

std::string JobStore::ProgressFileOf(const std::string& id) const {
  return progress_folder_ + "/" + id;
}

std::string JobStore::ProgressOf(const std::string& id) const {
  const auto text = ReadFile(ProgressFileOf(id), kLargestProgress);
  return text ? ReadProgressText(*text) : "";
}

Status JobStore::Forget(const std::string& id) const {
  ::unlink(ProgressFileOf(id).c_str());
  const std::string path = PathOf(id);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT)
    return SystemError(errno, "removing '" + Printable(path) + "'");
  return Ok();
}

}  // namespace holdfast::agent
