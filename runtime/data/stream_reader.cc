#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <numeric>
#include <optional>
#include <random>
#include <string>

#include "plugins/sdk/context.h"
#include "plugins/sdk/sha256.h"
#include "runtime/data/data_stream.h"
#include "runtime/data/segment_names.h"
#include "runtime/data/worker_thread.h"

namespace holdfast::runtime {
namespace {

// Takes as many bytes as the manifest says, into memory that is used again; more are a sign of a
// foreign object.
class SegmentSink final : public ByteSink {
 public:
  SegmentSink(std::uint64_t size, std::string& bytes) : size_(size), bytes_(bytes) {
    bytes_.clear();
    bytes_.reserve(size);
  }
  Status Write(std::span<const std::byte> data) override {
    if (data.size() > size_ - bytes_.size()) {
      too_long_ = true;
      return Corrupt("more bytes are stored than the manifest says");
    }
    bytes_.append(AsText(data));
    return Ok();
  }
  // Against the manifest, by SegmentDecoder.
  bool ChecksBytes() const override { return true; }
  bool too_long() const { return too_long_; }

 private:
  std::uint64_t size_;
  std::string& bytes_;  // Not owned; outlives this.
  bool too_long_ = false;
};

// The caller holds the segment that it reads from. The `parallel` segments after it are fetched or
// wait to be read; each thread has a buffer for the stored form besides. All buffers are used again.
class StreamReader final : public ByteSource {
 public:
  // `sha256`: of all plain bytes. `chosen`: the segments to read; nullopt = all, which then have to be the whole stream.
  StreamReader(const BankSection& data, const StreamManifest& stream, std::string sha256,
               std::optional<std::vector<std::size_t>> chosen, const DataOptions& options)
      : data_(data),
        stream_(stream),
        sha256_(std::move(sha256)),
        chosen_(std::move(chosen)),
        options_(options),
        worker_(data.keys()),
        places_(options.parallel) {}
  StreamReader(const StreamReader&) = delete;
  StreamReader& operator=(const StreamReader&) = delete;

  ~StreamReader() override {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    work_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  Result<std::size_t> Read(std::span<std::byte> buffer) override {
    if (failed_) return *failed_;
    if (offset_ == current_.size()) {
      if (next_ == count()) return std::size_t{0};
      if (Status step = NextSegment(); !step) {
        failed_ = std::move(step).error();
        return *failed_;
      }
    } else if (cancelled()) {
      failed_ = CancelledError();
      return *failed_;
    }
    const std::size_t size = std::min(buffer.size(), current_.size() - offset_);
    std::copy_n(AsBytes(current_).begin() + static_cast<std::ptrdiff_t>(offset_), size,
                buffer.begin());
    offset_ += size;
    return size;
  }

 private:
  // What one thread needs between two segments.
  struct Worker {
    explicit Worker(const KeyRing* keys) : decoder(keys) {}
    SegmentDecoder decoder;
    std::string stored;
  };
  // Where a fetched segment waits.
  struct Place {
    bool filled = false;
    Status status;
    std::string plain;
  };

  bool cancelled() const {
    return options_.cancellation != nullptr && options_.cancellation->is_set();
  }

  // How many segments are read.
  std::size_t count() const { return chosen_ ? chosen_->size() : stream_.segments.size(); }

  Status NextSegment() {
    current_.clear();
    offset_ = 0;
    if (cancelled()) return CancelledError();
    StartThreads();
    HOLDFAST_RETURN_IF_ERROR(threads_.empty() ? Fetch(worker_, next_, current_)
                                              : TakeFetched(next_));
    ++next_;
    if (chosen_) return Ok();
    hash_.Update(current_);
    // Before the last bytes are handed out, not after them.
    if (next_ == count() && hash_.FinishHex() != sha256_) {
      current_.clear();
      return Corrupt(
          fmt::format("the objects {}/{}/{}.* are not the stream that the manifest lists "
                      "(SHA-256 of the whole)",
                      data_.prefix(), stream_.attempt, stream_.name));
    }
    return Ok();
  }

  void StartThreads() {
    const std::size_t wanted = std::min<std::size_t>(options_.parallel, count());
    if (next_ != 0 || wanted < 2) return;
    for (std::size_t i = 0; i < wanted; ++i) {
      auto thread = StartWorkerThread([this] { Work(); });
      if (!thread) return;
      threads_.push_back(std::move(*thread));
    }
  }

  // Moves the `number`th of them into current_, whose memory goes to the threads.
  Status TakeFetched(std::size_t number) {
    std::unique_lock lock(mutex_);
    Place& place = places_[number % places_.size()];
    ready_.wait(lock, [&] { return place.filled; });
    Status status = std::move(place.status);
    std::swap(current_, place.plain);
    place.plain.clear();
    place.filled = false;
    taken_ = number + 1;
    lock.unlock();
    work_.notify_one();
    return status;
  }

  void Work() {
    Worker worker(data_.keys());
    std::unique_lock lock(mutex_);
    for (;;) {
      work_.wait(lock, [this] { return stop_ || to_fetch_ < taken_ + places_.size(); });
      if (stop_ || to_fetch_ == count()) return;
      const std::size_t number = to_fetch_++;
      // The place is this thread's until it is filled.
      Place& place = places_[number % places_.size()];
      lock.unlock();
      Status status = Fetch(worker, number, place.plain);
      lock.lock();
      // The reader gets as far as here and no further.
      if (!status) to_fetch_ = count();
      place.status = std::move(status);
      place.filled = true;
      ready_.notify_one();
    }
  }

  // Any thread. The `nth` of the segments that are read.
  Status Fetch(Worker& worker, std::size_t nth, std::string& plain) {
    if (cancelled()) return CancelledError();
    const std::size_t number = chosen_ ? (*chosen_)[nth] : nth;
    const SegmentInfo& info = stream_.segments[number];
    const std::string key = SegmentKey(stream_, number);
    const std::string object = fmt::format("the object {}/{}", data_.prefix(), key);
    SegmentSink sink(info.stored_size, worker.stored);
    if (Status got = data_.Get(key, sink); !got) {
      if (sink.too_long())
        return Corrupt(object + ": more bytes are stored than the manifest says");
      if (got.error().code() == ErrorCode::kNotFound) return NotFound(object + " is missing");
      return std::move(got).error().While("reading " + object);
    }
    const Turns::Turn turn(computing_);
    Status decoded =
        worker.decoder.DecodeInto(worker.stored, info, SegmentPlace(data_, key), plain);
    if (!decoded) return std::move(decoded).error().While(object);
    return Ok();
  }

  const BankSection data_;
  const StreamManifest stream_;
  const std::string sha256_;
  const std::optional<std::vector<std::size_t>> chosen_;
  const DataOptions options_;
  Turns computing_{ComputeAtOnce(options_.parallel)};

  // The caller's.
  std::string current_;
  std::size_t offset_ = 0;  // into current_
  std::size_t next_ = 0;    // of those that are read, the one after it
  Sha256 hash_;
  Worker worker_;  // where no thread is needed
  std::optional<Error> failed_;
  std::vector<std::thread> threads_;

  std::mutex mutex_;
  std::condition_variable work_;   // there is room for more, or the end
  std::condition_variable ready_;  // a segment is fetched
  // Guarded by mutex_. A ring: segment n has the place n % parallel.
  std::vector<Place> places_;
  std::size_t to_fetch_ = 0;
  std::size_t taken_ = 0;
  bool stop_ = false;
};

}  // namespace

Result<std::unique_ptr<ByteSource>> OpenDataStream(const BankSection& data,
                                                   const StreamManifest& stream,
                                                   const DataOptions& options) {
  HOLDFAST_RETURN_IF_ERROR(CheckDataOptions(options));
  HOLDFAST_RETURN_IF_ERROR(CheckStreamManifest(stream));
  HOLDFAST_ASSIGN_OR_RETURN(std::string sha256, PlainSha256(data, stream));
  return std::unique_ptr<ByteSource>(
      std::make_unique<StreamReader>(data, stream, std::move(sha256), std::nullopt, options));
}

std::vector<std::size_t> ChooseSegments(const std::vector<SegmentInfo>& segments, Percent share,
                                        std::string_view seed) {
  std::uint64_t size = 0;
  for (const SegmentInfo& segment : segments) size += segment.plain_size;
  // A little less: what is a whole number of segments is not one more for how doubles are rounded.
  const double wanted = static_cast<double>(size) * share.value / 100 * (1 - 1e-12);
  // An engine whose numbers the standard fixes; those of its distributions are the library's.
  std::mt19937_64 random(std::stoull(Sha256Hex(seed).substr(0, 16), nullptr, 16));
  std::vector<std::size_t> order(segments.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::uint64_t taken = 0;
  std::size_t count = 0;
  while (count < order.size() && (count == 0 || static_cast<double>(taken) < wanted)) {
    std::swap(order[count], order[count + random() % (order.size() - count)]);
    taken += segments[order[count]].plain_size;
    ++count;
  }
  order.resize(count);
  std::sort(order.begin(), order.end());
  return order;
}

Result<std::unique_ptr<ByteSource>> OpenDataSample(const BankSection& data,
                                                   const StreamManifest& stream,
                                                   std::vector<std::size_t> chosen,
                                                   const DataOptions& options) {
  HOLDFAST_RETURN_IF_ERROR(CheckDataOptions(options));
  HOLDFAST_RETURN_IF_ERROR(CheckStreamManifest(stream));
  if (!chosen.empty() && chosen.back() >= stream.segments.size()) {
    return InvalidInput("a sample of segments that the stream does not have");
  }
  HOLDFAST_ASSIGN_OR_RETURN(std::string sha256, PlainSha256(data, stream));
  return std::unique_ptr<ByteSource>(
      std::make_unique<StreamReader>(data, stream, std::move(sha256), std::move(chosen), options));
}

}  // namespace holdfast::runtime
