#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "plugins/sdk/descriptor_owner.h"
#include "plugins/sdk/result.h"

namespace holdfast::plugins::exec {

// One frame of the bank protocol (docs/reference/exec-protocol.md):
//   frame = type, length, payload
//   type: one byte; length: four bytes, big-endian, at most kLongestBankFrame; payload: that many
struct BankFrame {
  char type = 0;
  std::string payload;
};
inline constexpr std::uint32_t kLongestBankFrame = 1U << 20U;

// The descriptors 3 and 4 of a plugin, seen from our side. Nothing blocks for longer than the
// process lives: once `ended` is readable, what is left in the pipe is read and then it is over,
// also when a process that the plugin left behind keeps its ends open. One thread.
class BankChannel {
 public:
  // Our ends of the pipes, both made non-blocking here. `ended` (not owned) is a descriptor that
  // becomes readable when the process has ended. `meanwhile` is called about ten times a second
  // while this waits.
  BankChannel(OwnedDescriptor requests, OwnedDescriptor answers, int ended,
              std::function<void()> meanwhile);

  // The next frame; nullopt when the plugin has closed its end or is gone. kInvalidInput for a
  // frame that is too long or cut off.
  Result<std::optional<BankFrame>> Read();
  // Sends a frame (payload at most kLongestBankFrame); false when the plugin does not read any more.
  bool Write(char type, std::string_view payload);
  // Closes both ends: a plugin that goes on writing gets SIGPIPE.
  void Close();

 private:
  // Reads exactly `size` bytes; fewer are returned only at the end.
  Result<std::string> ReadExactly(std::size_t size);
  bool WriteAll(std::string_view data);
  void Wait(int descriptor, short events);

  OwnedDescriptor requests_;
  OwnedDescriptor answers_;
  int ended_;
  std::function<void()> meanwhile_;
  bool is_over_ = false;
  std::size_t left_ = 0;  // once it is over: what was still in the pipe
};

}  // namespace holdfast::plugins::exec
