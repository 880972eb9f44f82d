#include "runtime/local/run_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "plugins/sdk/failpoint.h"
#include "plugins/sdk/file.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/sha256.h"
#include "plugins/sdk/text.h"

namespace holdfast::local {
namespace {

Status SyncFolder(const std::string& folder) {
  const Descriptor opened(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened.open() || fsync(opened.number()) != 0)
    return SystemError(errno, fmt::format("cannot sync '{}'", folder));
  return Ok();
}

Status WriteAll(int descriptor, std::string_view text, std::string_view what) {
  while (!text.empty()) {
    const ssize_t written = write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return SystemError(errno, fmt::format("cannot write '{}'", what));
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return Ok();
}

Status MakeFolder(const std::string& folder) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  const std::string what = fmt::format("cannot make the folder '{}'", folder);
  if (failed.value() == ENOTDIR || failed.value() == EEXIST)
    return InvalidInput(what + ": this, or a folder of it, is a file");
  if (failed) return SystemError(failed.value(), what);
  return Ok();
}

Result<std::string> ReadWhole(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return SystemError(errno, fmt::format("cannot read '{}'", path));
  std::ostringstream text;
  text << in.rdbuf();
  if (in.bad()) return SystemError(EIO, fmt::format("cannot read '{}'", path));
  return std::move(text).str();
}

// The whole lines of a state, and how many bytes they take.
Result<std::pair<std::vector<Value>, std::size_t>> ParseState(const std::string& text,
                                                              const std::string& path) {
  std::vector<Value> lines;
  std::size_t at = 0;
  while (true) {
    const std::size_t end = text.find('\n', at);
    if (end == std::string::npos) return std::pair(std::move(lines), at);
    auto line = ParseJson(std::string_view(text).substr(at, end - at), path);
    if (!line || !line->is_map()) {
      // Only the last line can have been torn; and a torn one has no end.
      return Corrupt(fmt::format("line {} of '{}' is damaged", lines.size() + 1, path));
    }
    lines.push_back(std::move(*line));
    at = end + 1;
  }
}

// A run's id becomes the name of a folder.
Status CheckRunId(const std::string& run) {
  const bool good = !run.empty() && run.size() <= 100 && run[0] != '.' && run[0] != '-' &&
                    std::all_of(run.begin(), run.end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
                    });
  if (!good) return InvalidInput(fmt::format("'{}' cannot be the id of a run", Printable(run)));
  return Ok();
}

}  // namespace

Result<RunFolder> RunFolder::Open(const std::string& folder) {
  HOLDFAST_RETURN_IF_ERROR(MakeFolder(folder));
  RunFolder opened(folder);
  const std::string path = folder + "/lock";
  opened.lock_ = Descriptor(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!opened.lock_.open()) return SystemError(errno, fmt::format("cannot open '{}'", path));
  if (flock(opened.lock_.number(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return SystemError(errno, fmt::format("cannot lock '{}'", path));
    return Error(ErrorCode::kLocked, fmt::format("another engine works in '{}'", folder))
        .Hint("wait for it, or give this run another work folder");
  }
  return opened;
}

Result<std::string> RunFolder::LatestRun() const {
  const std::string path = folder_ + "/latest";
  auto text = ReadWhole(path);
  if (!text) {
    if (text.error().code() == ErrorCode::kNotFound) return std::string();
    return std::move(text).error();
  }
  std::string run(Trim(*text));
  if (!CheckRunId(run)) return Corrupt(fmt::format("'{}' does not name a run", path));
  return run;
}

std::string RunFolder::run_folder() const { return folder_ + "/" + run_; }

Status RunFolder::StartRun(const std::string& run, const Value& head) {
  HOLDFAST_RETURN_IF_ERROR(CheckRunId(run));
  run_ = run;
  if (mkdir(run_folder().c_str(), 0700) != 0) {
    if (errno == EEXIST)
      return Error(ErrorCode::kConflict,
                   fmt::format("there is a run '{}' in '{}' already", run, folder_));
    return SystemError(errno, fmt::format("cannot make the folder '{}'", run_folder()));
  }
  HOLDFAST_RETURN_IF_ERROR(MakeFolder(run_folder() + "/logs"));
  const std::string path = run_folder() + "/state.jsonl";
  state_ = Descriptor(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600));
  if (!state_.open()) return SystemError(errno, fmt::format("cannot write '{}'", path));
  HOLDFAST_RETURN_IF_ERROR(Append(head, true));
  HOLDFAST_RETURN_IF_ERROR(SyncFolder(run_folder()));
  Failpoint("engine:before-latest");
  // From here on the run can be resumed.
  return WriteFileDurably(folder_ + "/latest", run + "\n");
}

Result<std::vector<Value>> RunFolder::ReadRun(const std::string& run) const {
  HOLDFAST_RETURN_IF_ERROR(CheckRunId(run));
  const std::string path = fmt::format("{}/{}/state.jsonl", folder_, run);
  auto text = ReadWhole(path);
  if (!text) {
    if (text.error().code() == ErrorCode::kNotFound)
      return NotFound(fmt::format("there is no run '{}' in '{}'", run, folder_));
    return std::move(text).error();
  }
  HOLDFAST_ASSIGN_OR_RETURN(auto parsed, ParseState(*text, path));
  return std::move(parsed.first);
}

Result<std::vector<Value>> RunFolder::ResumeRun(const std::string& run) {
  HOLDFAST_ASSIGN_OR_RETURN(std::vector<Value> lines, ReadRun(run));
  run_ = run;
  const std::string path = run_folder() + "/state.jsonl";
  HOLDFAST_ASSIGN_OR_RETURN(const std::string text, ReadWhole(path));
  HOLDFAST_ASSIGN_OR_RETURN(const auto parsed, ParseState(text, path));
  state_ = Descriptor(open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  if (!state_.open()) return SystemError(errno, fmt::format("cannot write '{}'", path));
  if (parsed.second != text.size() &&
      ftruncate(state_.number(), static_cast<off_t>(parsed.second)) != 0) {
    return SystemError(errno, fmt::format("cannot repair '{}'", path));
  }
  return lines;
}

Status RunFolder::Append(const Value& line, bool durable) {
  HOLDFAST_ASSIGN_OR_RETURN(std::string text, DumpJson(line));
  text += '\n';
  HOLDFAST_RETURN_IF_ERROR(WriteAll(state_.number(), text, run_folder() + "/state.jsonl"));
  if (durable && fdatasync(state_.number()) != 0)
    return SystemError(errno, fmt::format("cannot sync the state of run '{}'", run_));
  return Ok();
}

std::string RunFolder::LogFile(std::string_view step) const {
  // Names of steps are letters, digits and "-.()"; a deeply nested one can be too long for a file.
  std::string name(step);
  if (name.size() > 200) name = name.substr(0, 120) + "-" + Sha256Hex(name);
  return fmt::format("{}/logs/{}.log", run_folder(), name);
}

}  // namespace holdfast::local
