#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>

#include "tests/data/stream_fixture.h"
#include "tests/sdk/sanitizers.h"
#include "tests/sdk/test_keys.h"

namespace holdfast::runtime {
namespace {

// Keeps one object's bytes, whatever is put: enough for a stream whose segments are all alike.
class OneObjectBank final : public Bank {
 public:
  Status Put(const ObjectKey&, ByteSource& source, std::uint64_t size) override {
    std::string block(64 << 10, '\0');
    std::string* const keep = Claim(size);
    for (;;) {
      HOLDFAST_ASSIGN_OR_RETURN(
          const std::size_t count,
          source.Read(std::as_writable_bytes(std::span(block.data(), block.size()))));
      if (count == 0) break;
      if (keep != nullptr) keep->append(block, 0, count);
    }
    return Ok();
  }
  Status Get(const ObjectKey&, ByteSink& sink, std::uint64_t, std::uint64_t) override {
    std::string_view rest = object_;
    while (!rest.empty()) {
      const std::string_view block = rest.substr(0, 64 << 10);
      HOLDFAST_RETURN_IF_ERROR(sink.Write(AsBytes(block)));
      rest.remove_prefix(block.size());
    }
    return Ok();
  }
  Status CreateExclusive(const ObjectKey&, std::string_view, Settling) override {
    return Internal("not here");
  }
  Status Replace(const ObjectKey&, std::string_view) override { return Internal("not here"); }
  Result<std::vector<ObjectInfo>> List(const ListOptions&) override { return Internal("not here"); }
  Result<ObjectInfo> Stat(const ObjectKey&) override { return Internal("not here"); }
  Status Delete(const ObjectKey&) override { return Internal("not here"); }
  ExclusiveStrength strength() const override { return ExclusiveStrength::kAtomic; }
  std::string Describe() const override { return "one object"; }

 private:
  std::string* Claim(std::uint64_t size) {
    const std::lock_guard lock(mutex_);
    if (claimed_) return nullptr;
    claimed_ = true;
    object_.reserve(size);
    return &object_;
  }
  std::mutex mutex_;
  bool claimed_ = false;
  std::string object_;
};

std::int64_t PeakMiB() {
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} / 1024;
}

// 0 = as it should be. Encrypted segments are all different ones, also of the same bytes: they are written only
// (tests/bench/stream_bench.sh reads them, too).
int StreamAGibibyte(const KeyRing* keys) {
  OneObjectBank bank;
  const BankSection section =
      BankSection::Open(bank, "t/local/data/T/r", SectionAccess::kWrite, keys).value();
  DataOptions options;
  const std::string segment = RandomBytes(options.segment_size);
  std::optional<StreamManifest> manifest;
  {
    auto writer =
        CreateDataStream(section, "dump", "a1", options, [&](const StreamManifest& stream) {
          manifest = stream;
          return Ok();
        });
    for (std::uint64_t size = 0; size < 1024 * kMiB; size += segment.size()) {
      // In blocks as a plugin gives them.
      for (std::size_t at = 0; at < segment.size(); at += 256 << 10) {
        if (!(*writer)->Write(AsBytes(std::string_view(segment).substr(at, 256 << 10)))) return 1;
      }
    }
    if (!(*writer)->Finish() || !manifest) return 2;
  }
  const std::int64_t written = PeakMiB();
  if (keys == nullptr) {
    auto source = OpenDataStream(section, *manifest, options);
    std::string block(256 << 10, '\0');
    std::uint64_t size = 0;
    for (;;) {
      const auto count =
          (*source)->Read(std::as_writable_bytes(std::span(block.data(), block.size())));
      if (!count) return 3;
      if (*count == 0) break;
      size += *count;
    }
    if (size != 1024 * kMiB) return 4;
  }
  const std::int64_t peak = PeakMiB();
  std::fprintf(stderr, "peak memory: %lld MiB written, %lld MiB after reading\n",
               static_cast<long long>(written), static_cast<long long>(peak));
  return testing::kSanitized || peak < 128 ? 0 : 5;
}

// The peak is the process's: this test runs itself again in a fresh one, in which no other test has
// touched memory.
constexpr const char* kFresh = "HOLDFAST_TEST_FRESH_PROCESS";

void RunInAFreshProcess(const char* test) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::setenv(kFresh, "1", 1);
    const std::string filter = "--gtest_filter=DataStreamMemory." + std::string(test);
    ::execl("/proc/self/exe", "data_stream_test", filter.c_str(), nullptr);
    ::_exit(127);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(DataStreamMemory, AGibibyteGoesThroughLessThan128MiB) {
  if (::getenv(kFresh) != nullptr) {
    ASSERT_EQ(StreamAGibibyte(nullptr), 0);
    return;
  }
  RunInAFreshProcess("AGibibyteGoesThroughLessThan128MiB");
}

TEST(DataStreamMemory, AnEncryptedOneIsWrittenThroughLessThan128MiB) {
  if (::getenv(kFresh) != nullptr) {
    const holdfast::testing::TestKeys keys;
    ASSERT_EQ(StreamAGibibyte(&keys.ring()), 0);
    return;
  }
  RunInAFreshProcess("AnEncryptedOneIsWrittenThroughLessThan128MiB");
}

}  // namespace
}  // namespace holdfast::runtime
