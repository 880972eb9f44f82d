// What a plugin process writes on descriptor 3: frames of the bank protocol, cut off anywhere.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "plugins/exec/bank_channel.h"
#include "plugins/sdk/json.h"
#include "tests/fuzz/fuzz_target.h"

using namespace holdfast;
using namespace holdfast::plugins::exec;

namespace {

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    fuzz::Require(::pipe2(ends.data(), O_CLOEXEC) == 0, "the machine gives a pipe");
    read = OwnedDescriptor(ends[0]);
    write = OwnedDescriptor(ends[1]);
  }
  OwnedDescriptor read;
  OwnedDescriptor write;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Pipe requests;
  Pipe answers;
  Pipe ended;
  // What fits into a pipe that nobody reads.
  const std::size_t written = std::min<std::size_t>(size, 60'000);
  fuzz::Require(::write(requests.write.get(), data, written) == static_cast<ssize_t>(written),
                "a pipe takes 60 kB");
  // The process is gone: what is in the pipe is read, and then it is over.
  requests.write = OwnedDescriptor();
  const int ended_descriptor = ended.read.get();
  ended.write = OwnedDescriptor();
  BankChannel channel(std::move(requests.read), std::move(answers.write), ended_descriptor, {});
  std::size_t read = 0;
  for (;;) {
    const auto frame = channel.Read();
    if (!frame || !*frame) break;
    read += 5 + (*frame)->payload.size();
    (void)ParseJson((*frame)->payload, "request");
  }
  fuzz::Require(read <= written, "no frame holds more than was written");
  return 0;
}
