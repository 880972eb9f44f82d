#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "plugins/sdk/process_runner.h"
#include "plugins/sdk/result.h"

namespace holdfast {

// The lower half of ProcessRunner, for process_runner.cc and preflight.cc.

// A descriptor of ours and the number that it has in the child.
struct Placement {
  int ours;
  int child;
};

// Starts spec.argv with exactly these descriptors, in a process group of its own and to die with us,
// or, detached, in a session of its own. Into the socket `told` (-1: none) goes the number of that
// group as a line, before the program starts. The given descriptors stay open here. The caller waits
// for the child. Thread-safe.
Result<pid_t> LaunchProcess(const ProcessSpec& spec, const std::vector<Placement>& wanted,
                            bool detached, int told = -1);

// The file that LaunchProcess would start; its errors, found before it is started.
Result<std::string> FindProgram(const ProcessSpec& spec);

}  // namespace holdfast
