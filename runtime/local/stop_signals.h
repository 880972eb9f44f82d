#pragma once

#include "plugins/sdk/result.h"
#include "runtime/local/step_process.h"

namespace holdfast::local {

// Catches SIGINT, SIGTERM and SIGHUP while it lives, whatever thread they hit, and brings the
// former handlers back. A signal that is ignored (nohup) stays ignored. One at a time in a process.
class StopSignals {
 public:
  // kInternal when there is one already.
  static Result<StopSignals> Catch();
  StopSignals(StopSignals&& other) noexcept;
  StopSignals& operator=(StopSignals&&) = delete;
  StopSignals(const StopSignals&) = delete;
  ~StopSignals();

  // Readable when a signal has come: for poll().
  int descriptor() const { return out_.number(); }
  // How many signals have come since the last call.
  int Take();

  // While somebody takes them (as at first), a signal only counts. Otherwise one more does, and the
  // next one has its former effect: whoever presses Ctrl-C at the end of a run still gets its last
  // lines, and nobody has to wait for what takes long after all.
  void SetAttended(bool attended);

 private:
  StopSignals() = default;

  Descriptor out_;
  Descriptor in_;
  bool active_ = false;
};

}  // namespace holdfast::local
