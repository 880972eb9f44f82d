#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>

#include "plugins/banks/filesystem/file_calls.h"
#include "plugins/sdk/bank.h"
#include "plugins/sdk/clock.h"

namespace holdfast {

// A bank in a folder: every key is a file below it, every part but the last of a key a folder.
//
// Several processes, also on several machines that share the folder, may use it at the same time.
// A new object is written to a temporary file in its folder ("~" and hex digits, never listed),
// synced, linked to its name (exactly one of many wins) or renamed over it (Replace), and the folder
// is synced. A folder that a Put had to make is synced in its parent before the Put succeeds; until
// then it carries a mark (the sticky bit), so that another process that finds it does the same.
// Files have mode 0600, folders 0700.
//
// Opening is cheap and checks little (ProbeFilesystemBank is the full check). The folder itself is
// made when only it is missing and `missing` says so; a relative path is taken from the working
// directory of now. kNotFound when it, or its parent, is missing, kDenied when it may not be opened.
enum class MissingBank { kMake, kRefuse };
Result<std::unique_ptr<Bank>> OpenFilesystemBank(const std::filesystem::path& root,
                                                 MissingBank missing = MissingBank::kMake);
// The same with system calls of the caller's, which outlive the bank: for tests.
Result<std::unique_ptr<Bank>> OpenFilesystemBank(const std::filesystem::path& root,
                                                 banks::filesystem::FileCalls& calls,
                                                 MissingBank missing = MissingBank::kMake);

// Tries in a temporary folder of the bank all that it relies on: sync of files and folders, links
// that never overwrite, rename, long names, names that differ in case. kDenied, saying what does
// not hold there. Leaves nothing behind. Milliseconds to seconds.
Status ProbeFilesystemBank(const std::filesystem::path& root);
// The same with system calls of the caller's: for tests.
Status ProbeFilesystemBank(const std::filesystem::path& root, banks::filesystem::FileCalls& calls);

// What a sweep found.
struct TemporaryFiles {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};

// Removes the temporary files that crashed writers left more than `age` before `now`; with `dry_run`
// only counts them. A writer that has written nothing for so long loses its Put (kUnavailable).
Result<TemporaryFiles> SweepFilesystemBank(const std::filesystem::path& root, WallTime now,
                                           std::chrono::seconds age = std::chrono::hours(24),
                                           bool dry_run = false);

}  // namespace holdfast
