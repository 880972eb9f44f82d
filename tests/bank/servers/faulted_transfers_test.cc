// Random transfers through a proxy that breaks them, 16 at a time, to a real server; what is true is asked of the same
// bank straight. HOLDFAST_FAULTED_TRANSFERS: how many meet a fault (100), beside those that meet none; HOLDFAST_FAULT_SEED: which.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <iostream>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <thread>

#include "plugins/sdk/text.h"
#include "tests/bank/servers/faulted_bank.h"

namespace holdfast::testing {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr unsigned kAtATime = 16;
// Of so many some meet each kind of fault.
constexpr std::uint64_t kEnoughForEach = 100;
constexpr std::uint64_t kLargest = std::uint64_t{10} << 20U;
// Beyond what the bank promises: the machine of a test has other work.
constexpr milliseconds kMargin{5'000};
// What the banks say that they allow a slow line (object_store_bank.cc).
constexpr std::uint64_t kSlowestBytesPerMillisecond = 100;

// Random bytes; made when they are needed: all of them at once would be gigabytes.
struct Content {
  std::uint64_t size = 0;
  std::uint64_t seed = 0;

  std::string bytes() const {
    std::string bytes(size, '\0');
    std::mt19937_64 random(seed);
    for (std::size_t at = 0; at < size; at += 8) {
      const std::uint64_t word = random();
      std::memcpy(bytes.data() + at, &word, std::min<std::size_t>(8, size - at));
    }
    return bytes;
  }
  bool Is(std::string_view other) const { return other.size() == size && other == bytes(); }
};

// Comes in pieces, and cannot begin anew.
class StreamSource final : public ByteSource {
 public:
  explicit StreamSource(std::string_view bytes) : rest_(bytes) {}
  Result<std::size_t> Read(std::span<std::byte> buffer) override {
    const std::size_t count = std::min({buffer.size(), rest_.size(), std::size_t{100'000}});
    std::memcpy(buffer.data(), rest_.data(), count);
    rest_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view rest_;
};

// What is known of an object: it is one of these, or, where it may, not there.
struct Object {
  ObjectKey key;
  std::vector<Content> values;
  bool maybe_absent = false;
  bool maybe_broken = false;  // its deletion has failed half-way
};

// What all workers find.
struct Findings {
  void Wrong(std::string what) {
    const std::lock_guard lock(mutex);
    wrong.push_back(std::move(what));
  }
  std::mutex mutex;
  std::vector<std::string> wrong;
  std::map<std::string, unsigned> outcomes;     // "put ok", "get unavailable"
  std::map<std::string, std::string> messages;  // one of each outcome
  milliseconds longest{0};
  std::string longest_operation;
};

// One of the 16: it works on keys of its own, one operation after the other.
class Worker {
 public:
  Worker(FaultedBank& bank, unsigned number, std::uint64_t seed, std::uint64_t largest,
         Findings& findings)
      : bank_(bank),
        largest_(largest),
        name_(fmt::format("w{}", number)),
        prefix_(fmt::format("t/faults/{}/", name_)),
        random_(seed * 1000 + number),
        findings_(findings) {}

  // True: a request of it had a fault.
  bool Operate() {
    const std::uint64_t before = bank_.proxy->faults_of(name_);
    OperateOnce();
    return bank_.proxy->faults_of(name_) > before;
  }

  // What nobody could be sure of when it happened.
  void CheckAll() {
    for (const Object& object : known_) Check(object);
    for (const Object& object : doubtful_) Check(object);
    for (const Object& object : leases_) Check(object);
  }

 private:
  void OperateOnce() {
    switch (Below(12)) {
      case 0:
      case 1:
      case 2:
        return Put();
      case 3:
      case 4:
      case 5:
        return GetWhole();
      case 6:
        return GetRange();
      case 7:
        return CreateExclusive();
      case 8:
        return Replace();
      case 9:
        return Delete();
      case 10:
        return List();
      default:
        return Stat();
    }
  }

  std::uint64_t Below(std::uint64_t end) { return random_() % end; }

  Content NewContent() {
    const std::array<std::uint64_t, 4> sizes{4'000, largest_ / 10, largest_ / 3, largest_};
    const std::uint64_t size = Below(sizes[Below(sizes.size())] + 1);
    return {size, random_()};
  }
  Content SmallContent() { return {1 + Below(3000), random_()}; }
  ObjectKey NewKey() { return *ObjectKey::Parse(fmt::format("{}o{:04}", prefix_, next_key_++)); }
  // One that is there for sure; made where there is none.
  Object* Known() {
    for (int tries = 0; known_.empty() && tries < 3; ++tries) Put();
    return known_.empty() ? nullptr : &known_[Below(known_.size())];
  }

  // Runs one, and checks all that is the same for each: that it ends in time, and how it fails.
  template <class Call>
  auto Timed(const std::string& name, const ObjectKey* key, std::uint64_t bytes, Call call,
             std::initializer_list<ErrorCode> also = {}, milliseconds more = milliseconds(0)) {
    const auto begun = std::chrono::steady_clock::now();
    auto outcome = call();
    const auto took = duration_cast<milliseconds>(std::chrono::steady_clock::now() - begun);
    const milliseconds most =
        milliseconds(kRetryWindow) + milliseconds(bytes / kSlowestBytesPerMillisecond) + more;
    if (took > most + kMargin)
      Wrong(fmt::format("{} of {} bytes took {} ms", name, bytes, took.count()));
    const std::string end =
        name + " " + (outcome ? "ok" : std::string(NameOf(outcome.error().code())));
    if (!outcome) CheckError(name, key, outcome.error(), also);
    const std::lock_guard lock(findings_.mutex);
    ++findings_.outcomes[end];
    if (!outcome) findings_.messages[end] = outcome.error().OneLine();
    if (took > findings_.longest) {
      findings_.longest = took;
      findings_.longest_operation = fmt::format("{} of {} bytes", end, bytes);
    }
    return outcome;
  }

  void CheckError(const std::string& name, const ObjectKey* key, const Error& error,
                  std::initializer_list<ErrorCode> also) {
    const std::string said = error.OneLine();
    const bool fits = error.code() == ErrorCode::kUnavailable ||
                      error.code() == ErrorCode::kDenied || error.code() == ErrorCode::kCorrupt ||
                      std::find(also.begin(), also.end(), error.code()) != also.end();
    if (!fits) Wrong(fmt::format("{} failed with {}: {}", name, NameOf(error.code()), said));
    if (said.find('\n') != std::string::npos) Wrong("an error has several lines: " + said);
    if (error.code() == ErrorCode::kNotFound || error.code() == ErrorCode::kConflict) return;
    if (said.find("http://127.0.0.1:") == std::string::npos)
      Wrong("an error does not name the server: " + said);
    if (key != nullptr && said.find(key->str()) == std::string::npos)
      Wrong("an error does not name the object: " + said);
  }

  void Put() {
    Object object{NewKey(), {NewContent()}};
    const std::string value = object.values.front().bytes();
    const bool stream = Below(3) == 0;
    const Status put = Timed(stream ? "put of a stream" : "put", &object.key, value.size(), [&] {
      if (stream) {
        StreamSource source(value);
        return bank_.faulted->Put(object.key, source, value.size());
      }
      MemorySource source(value);
      return bank_.faulted->Put(object.key, source, value.size());
    });
    object.maybe_absent = !put;
    Check(object);
    (put ? known_ : doubtful_).push_back(std::move(object));
  }

  void GetWhole() {
    const Object* const object = Known();
    if (object == nullptr) return;
    const std::string value = object->values.front().bytes();
    StringSink sink(kLargest);
    const Status got = Timed("get", &object->key, value.size(),
                             [&] { return bank_.faulted->Get(object->key, sink); });
    if (got && sink.data() != value) Wrong("wrong bytes of " + object->key.str());
  }

  void GetRange() {
    const Object* const object = Known();
    if (object == nullptr) return;
    const std::string value = object->values.front().bytes();
    const std::uint64_t offset = Below(value.size() + 1);
    const std::uint64_t length = Below(value.size() + 1);
    StringSink sink(kLargest);
    const Status got = Timed("get of a range", &object->key, value.size(),
                             [&] { return bank_.faulted->Get(object->key, sink, offset, length); });
    if (got && sink.data() != std::string_view(value).substr(offset, length)) {
      Wrong(fmt::format("wrong bytes of {}, {} from {}: {} of {}", object->key.str(), length,
                        offset, sink.data().size(), value.size()));
    }
  }

  // Two at once: the one that believes it has it has it.
  void CreateExclusive() {
    Object object{NewKey(), {SmallContent(), SmallContent()}};
    const std::array values{object.values[0].bytes(), object.values[1].bytes()};
    std::array<bool, 2> won{};
    const auto create = [&](std::size_t who) {
      won[who] =
          Timed(
              "create-exclusive", &object.key, 0,
              [&] {
                return bank_.faulted->CreateExclusive(object.key, values[who], Settling::kWait);
              },
              {ErrorCode::kConflict}, 2 * kSettleTime)
              .has_value();
    };
    std::thread other([&] { create(1); });
    create(0);
    other.join();
    if (won[0] && won[1]) Wrong("two have created " + object.key.str());
    if (won[0]) object.values.pop_back();
    if (won[1] && !won[0]) object.values.erase(object.values.begin());
    object.maybe_absent = !won[0] && !won[1];
    Check(object);
    doubtful_.push_back(std::move(object));
  }

  void Replace() {
    if (leases_.size() < 2) leases_.push_back({NewKey(), {}, true});
    Object& lease = leases_[Below(leases_.size())];
    const Content content = SmallContent();
    const std::string value = content.bytes();
    const Status replaced =
        Timed("replace", &lease.key, 0, [&] { return bank_.faulted->Replace(lease.key, value); });
    if (replaced) {
      lease.values.clear();
      lease.maybe_absent = false;
    }
    lease.values.push_back(content);
    Check(lease);
  }

  void Delete() {
    if (Known() == nullptr) return;
    const auto at = known_.begin() + static_cast<std::ptrdiff_t>(Below(known_.size()));
    Object object = std::move(*at);
    known_.erase(at);
    const Status gone =
        Timed("delete", &object.key, 0, [&] { return bank_.faulted->Delete(object.key); },
              {ErrorCode::kNotFound});
    object.maybe_absent = true;
    object.maybe_broken = !gone;
    // Not there any more: its own first try has done that.
    if (gone || gone.error().code() == ErrorCode::kNotFound) object.values.clear();
    Check(object);
    doubtful_.push_back(std::move(object));
  }

  void Stat() {
    const Object* const object = Known();
    if (object == nullptr) return;
    const auto info =
        Timed("stat", &object->key, 0, [&] { return bank_.faulted->Stat(object->key); });
    if (info && info->size != object->values.front().size)
      Wrong("wrong size of " + object->key.str());
  }

  void List() {
    ListOptions options;
    options.prefix = prefix_;
    options.limit = 1 + Below(40);
    if (Below(2) == 0) options.direction = ListDirection::kDescending;
    if (Below(3) == 0 && next_key_ > 0) {
      options.marker = fmt::format("{}o{:04}", prefix_, Below(next_key_));
    }
    const auto names = [](const std::vector<ObjectInfo>& page) {
      std::vector<std::string> keys;
      for (const ObjectInfo& info : page) keys.push_back(info.key.str());
      return keys;
    };
    const auto before = bank_.straight->List(options);
    const auto listed = Timed("list", nullptr, 0, [&] { return bank_.faulted->List(options); });
    const auto after = bank_.straight->List(options);
    // What a failed request of before has still done meanwhile says nothing.
    if (!listed || !before || !after || names(*before) != names(*after)) return;
    if (names(*listed) != names(*before))
      Wrong(fmt::format("a listing of {} is [{}] and not [{}]", prefix_, Join(names(*listed), " "),
                        Join(names(*before), " ")));
  }

  void Check(const Object& object) {
    StringSink sink(kLargest);
    const Status got = bank_.straight->Get(object.key, sink);
    if (!got) {
      const bool absent = got.error().code() == ErrorCode::kNotFound;
      if (absent ? !object.maybe_absent : !object.maybe_broken)
        Wrong(object.key.str() + " is lost: " + got.error().OneLine());
      return;
    }
    if (std::none_of(object.values.begin(), object.values.end(),
                     [&](const Content& value) { return value.Is(sink.data()); })) {
      Wrong(fmt::format("{} has {} bytes that nobody is known to have written; values: {}",
                        object.key.str(), sink.data().size(), object.values.size()));
    }
  }

  void Wrong(std::string what) { findings_.Wrong(std::move(what)); }

  FaultedBank& bank_;
  const std::uint64_t largest_;
  const std::string name_;
  const std::string prefix_;
  std::mt19937_64 random_;
  Findings& findings_;
  std::uint64_t next_key_ = 0;
  std::vector<Object> known_;
  std::vector<Object> doubtful_;
  std::vector<Object> leases_;
};

// The memcached of the server forgets every token, again and again.
class ForgetfulServer {
 public:
  ForgetfulServer() : thread_([this] { Run(); }) {}
  ~ForgetfulServer() {
    ending_ = true;
    thread_.join();
  }

 private:
  void Run() {
    const auto port = static_cast<std::uint16_t>(NumberOr("HOLDFAST_TEST_MEMCACHED", 0));
    for (int ticks = 1; !ending_; ++ticks) {
      std::this_thread::sleep_for(milliseconds(100));
      if (ticks % 13 == 0) Forget(port);
    }
  }
  static void Forget(std::uint16_t port) {
    const int memcached = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    constexpr std::string_view kWords = "flush_all\r\n";
    std::array<char, 64> answer{};
    if (::connect(memcached, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::send(memcached, kWords.data(), kWords.size(), MSG_NOSIGNAL) <= 0 ||
        ::recv(memcached, answer.data(), answer.size(), 0) <= 0) {
      ADD_FAILURE() << "no memcached to make forget";
    }
    ::close(memcached);
  }

  std::atomic<bool> ending_{false};
  std::thread thread_;
};

class FaultedTransfers : public ::testing::TestWithParam<const char*> {
 protected:
  void Run(std::uint64_t transfers, double share, std::uint64_t largest = kLargest) {
    const std::uint64_t seed = NumberOr("HOLDFAST_FAULT_SEED", 1);
    FaultedBank bank(GetParam(), seed, share);
    Findings findings;
    std::vector<Worker> workers;
    for (unsigned i = 0; i < kAtATime; ++i) workers.emplace_back(bank, i, seed, largest, findings);
    std::atomic<std::uint64_t> done{0};
    std::atomic<std::uint64_t> met_fault{0};
    {
      std::optional<ForgetfulServer> forgetful;
      if (std::string_view(GetParam()) == "swift") forgetful.emplace();
      std::vector<std::jthread> threads;
      for (Worker& worker : workers) {
        threads.emplace_back([&] {
          for (; met_fault < transfers; ++done) met_fault += worker.Operate() ? 1 : 0;
        });
      }
    }
    for (Worker& worker : workers) worker.CheckAll();
    for (const std::string& line : bank.log.lines()) CheckNoSecret(line);
    for (const auto& [outcome, message] : findings.messages) {
      CheckNoSecret(message);
      std::cout << outcome << ", such as: " << message << "\n";
    }
    for (const auto& [outcome, count] : findings.outcomes)
      std::cout << count << " " << outcome << "\n";
    std::cout << GetParam() << ", seed " << seed << ": " << met_fault << " of " << done
              << " transfers met a fault, " << bank.proxy->faults() << " of "
              << bank.proxy->requests() << " requests with a fault (" << bank.proxy->Summary()
              << "); the longest took " << findings.longest.count() << " ms ("
              << findings.longest_operation << ")" << std::endl;
    EXPECT_THAT(findings.wrong, ::testing::IsEmpty());
    if (transfers < kEnoughForEach) return;
    for (std::size_t i = 1; i < kHttpFaults; ++i) {
      const auto fault = static_cast<HttpFault>(i);
      EXPECT_GE(bank.proxy->count(fault), 1U) << NameOf(fault);
    }
    for (const int status : {429, 500, 503}) EXPECT_GE(bank.proxy->answers(status), 1U) << status;
    EXPECT_GE(bank.proxy->told_when(), 1U);
  }

  static void CheckNoSecret(const std::string& text) {
    for (const char* secret : {"testing", "AUTH_tk", "Signature", "Credential"})
      EXPECT_EQ(text.find(secret), std::string::npos) << text;
  }
};

std::uint64_t Transfers() { return NumberOr("HOLDFAST_FAULTED_TRANSFERS", 100); }

TEST_P(FaultedTransfers, NothingIsLostOrDamaged) { Run(Transfers(), 0.3); }

// Where hardly anything comes through, what fails does so in time. (Of small objects, which have little.)
TEST_P(FaultedTransfers, FailInTime) {
  Run(std::max<std::uint64_t>(Transfers() / 6, 16), 0.9, kLargest / 10);
}

INSTANTIATE_TEST_SUITE_P(Banks, FaultedTransfers, ::testing::Values("swift", "s3"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace holdfast::testing
