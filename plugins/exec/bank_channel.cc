#include "plugins/exec/bank_channel.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace holdfast::plugins::exec {

namespace {

constexpr int kMeanwhileEveryMs = 100;
constexpr std::size_t kHeaderSize = 5;

void SetNonBlocking(int descriptor) {
  ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
}

}  // namespace

BankChannel::BankChannel(OwnedDescriptor requests, OwnedDescriptor answers, int ended,
                         std::function<void()> meanwhile)
    : requests_(std::move(requests)),
      answers_(std::move(answers)),
      ended_(ended),
      meanwhile_(std::move(meanwhile)) {
  SetNonBlocking(requests_.get());
  SetNonBlocking(answers_.get());
}

void BankChannel::Wait(int descriptor, short events) {
  std::array<pollfd, 2> waits{{{descriptor, events, 0}, {ended_, POLLIN, 0}}};
  ::poll(waits.data(), waits.size(), kMeanwhileEveryMs);
  if (meanwhile_) meanwhile_();
  if (waits[1].revents == 0 || is_over_) return;
  is_over_ = true;
  // What it wrote before it ended still counts. A process that it left behind may go on writing:
  // that does not.
  int available = 0;
  if (::ioctl(requests_.get(), FIONREAD, &available) == 0)
    left_ = static_cast<std::size_t>(available);
}

Result<std::string> BankChannel::ReadExactly(std::size_t size) {
  std::string out(size, '\0');
  std::size_t got = 0;
  while (got < size && requests_.valid()) {
    std::size_t wanted = size - got;
    if (is_over_) wanted = std::min(wanted, left_);
    if (wanted == 0) break;
    const ssize_t n = ::read(requests_.get(), out.data() + got, wanted);
    if (n == 0) break;
    if (n > 0) {
      got += static_cast<std::size_t>(n);
      if (is_over_) left_ -= static_cast<std::size_t>(n);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return SystemError(errno, "reading the plugin's bank requests");
    if (is_over_) break;
    Wait(requests_.get(), POLLIN);
  }
  out.resize(got);
  return out;
}

Result<std::optional<BankFrame>> BankChannel::Read() {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string header, ReadExactly(kHeaderSize));
  if (header.empty()) return std::optional<BankFrame>();
  const Error cut_off = InvalidInput("its bank requests end in the middle of a frame");
  if (header.size() < kHeaderSize) return cut_off;
  std::uint32_t length = 0;
  for (std::size_t i = 1; i < kHeaderSize; ++i) {
    length = (length << 8U) | static_cast<unsigned char>(header[i]);
  }
  if (length > kLongestBankFrame) {
    return InvalidInput(fmt::format("a bank frame of {} bytes is too long", length))
        .Hint(fmt::format("a frame is a type byte, four bytes of length, and at most {} bytes",
                          kLongestBankFrame));
  }
  BankFrame frame;
  frame.type = header[0];
  HOLDFAST_ASSIGN_OR_RETURN(frame.payload, ReadExactly(length));
  if (frame.payload.size() < length) return cut_off;
  return std::optional<BankFrame>(std::move(frame));
}

bool BankChannel::WriteAll(std::string_view data) {
  while (!data.empty()) {
    if (!answers_.valid()) return false;
    const ssize_t n = ::write(answers_.get(), data.data(), data.size());
    if (n > 0) {
      data.remove_prefix(static_cast<std::size_t>(n));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN || is_over_) return false;
    Wait(answers_.get(), POLLOUT);
  }
  return true;
}

bool BankChannel::Write(char type, std::string_view payload) {
  std::string frame(1, type);
  for (int shift = 24; shift >= 0; shift -= 8) {
    frame += static_cast<char>((payload.size() >> static_cast<unsigned>(shift)) & 0xFFU);
  }
  frame += payload;
  return WriteAll(frame);
}

void BankChannel::Close() {
  requests_.Reset();
  answers_.Reset();
}

}  // namespace holdfast::plugins::exec
