#include "runtime/local/stop_signals.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <utility>

namespace holdfast::local {
namespace {

constexpr std::array<int, 3> kSignals{SIGINT, SIGTERM, SIGHUP};

// A handler can reach nothing else.
std::atomic<int> g_pipe{-1};
std::array<struct sigaction, kSignals.size()> g_before;
constexpr int kNoLimit = -1;
std::atomic<int> g_left{kNoLimit};  // how many signals only count

void OnSignal(int number) {
  const int saved = errno;
  const int left = g_left.load();
  if (left > 0) g_left.store(left - 1);
  const int pipe = g_pipe.load();
  if (left == 0) {
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
      if (kSignals[i] == number) sigaction(number, &g_before[i], nullptr);
    }
    raise(number);
  } else if (pipe >= 0) {
    const char byte = 1;
    [[maybe_unused]] const auto written = write(pipe, &byte, 1);
  }
  errno = saved;
}

}  // namespace

Result<StopSignals> StopSignals::Catch() {
  StopSignals made;
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0)
    return SystemError(errno, "cannot make a pipe");
  made.out_ = Descriptor(ends[0]);
  made.in_ = Descriptor(ends[1]);
  int none = -1;
  if (!g_pipe.compare_exchange_strong(none, made.in_.number())) {
    return Internal("signals are caught by another run in this process already");
  }
  made.active_ = true;
  g_left.store(kNoLimit);
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    sigaction(kSignals[i], nullptr, &g_before[i]);
    if (g_before[i].sa_handler != SIG_IGN) sigaction(kSignals[i], &action, nullptr);
  }
  return made;
}

StopSignals::StopSignals(StopSignals&& other) noexcept
    : out_(std::move(other.out_)),
      in_(std::move(other.in_)),
      active_(std::exchange(other.active_, false)) {}

StopSignals::~StopSignals() {
  if (!active_) return;
  for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &g_before[i], nullptr);
  g_pipe.store(-1);
}

int StopSignals::Take() {
  std::array<char, 64> bytes{};
  const ssize_t got = read(out_.number(), bytes.data(), bytes.size());
  return got > 0 ? static_cast<int>(got) : 0;
}

void StopSignals::SetAttended(bool attended) { g_left.store(attended ? kNoLimit : 1); }

}  // namespace holdfast::local
