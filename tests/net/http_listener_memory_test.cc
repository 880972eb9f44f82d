#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "tests/net/listener_fixture.h"
#include "tests/sdk/sanitizers.h"

// The thread sanitizer has its own of what is replaced here, and a program can have one.
#if !HOLDFAST_THREAD_SANITIZER

// A listener that has no memory for a connection.
namespace {

// So many allocations of at least this size fail: those of a connection are, those around it are not.
std::atomic<int> failing{0};
constexpr std::size_t kOfAConnection = 600;

}  // namespace

// NOLINTBEGIN(misc-new-delete-overloads): one pair for all of this program
void* operator new(std::size_t size) {
  if (failing.load() > 0 && size >= kOfAConnection && failing.fetch_sub(1) > 0)
    throw std::bad_alloc();
  if (void* const memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*size*/) noexcept { std::free(memory); }
// NOLINTEND(misc-new-delete-overloads)

namespace holdfast::net {
namespace {

using ::testing::StartsWith;

TEST_F(Listener, ServesTheNextConnectionWhenThereWasNoMemoryForOne) {
  ListenerOptions options;
  options.limits.most_connections = 2;  // the one before may still be leaving
  Start(std::move(options));
  EXPECT_THAT(Ask(kGet), StartsWith("HTTP/1.1 202 "));
  for (int i = 0; i < 3; ++i) {
    failing = 1;
    const Peer dropped(port());
    EXPECT_EQ(dropped.Read(), "");
    ASSERT_LE(failing, 0) << "nothing was as large";
  }
  // Neither deaf, nor is a place lost.
  std::string answer;
  Eventually([this, &answer] {
    answer = Ask(kGet);
    return answer.starts_with("HTTP/1.1 202 ");
  });
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 202 "));
}

}  // namespace
}  // namespace holdfast::net

#endif
