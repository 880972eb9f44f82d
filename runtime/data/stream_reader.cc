#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>

#include "plugins/sdk/context.h"
#include "plugins/sdk/sha256.h"
#include "runtime/data/data_stream.h"
#include "runtime/data/segment_names.h"
#include "runtime/data/worker_thread.h"

namespace holdfast::runtime {
namespace {

// Takes exactly as many bytes as the manifest says; more are a sign of a foreign object.
class SegmentSink final : public ByteSink {
 public:
  explicit SegmentSink(std::uint64_t size) : size_(size) { bytes_.reserve(size); }
  Status Write(std::span<const std::byte> data) override {
    if (data.size() > size_ - bytes_.size()) {
      too_long_ = true;
      return Corrupt("more bytes are stored than the manifest says");
    }
    bytes_.append(AsText(data));
    return Ok();
  }
  const std::string& bytes() const { return bytes_; }
  bool too_long() const { return too_long_; }

 private:
  std::uint64_t size_;
  bool too_long_ = false;
  std::string bytes_;
};

// The caller holds the segment that it reads from. The `parallel` segments after it are fetched or
// wait to be read; each is two buffers, stored and plain, until it is decoded.
class StreamReader final : public ByteSource {
 public:
  StreamReader(const BankSection& data, const StreamManifest& stream, const DataOptions& options)
      : data_(data), stream_(stream), options_(options), fetched_(options.parallel) {}
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
      if (next_ == stream_.segments.size()) return std::size_t{0};
      if (Status step = NextSegment(); !step) {
        failed_ = std::move(step).error();
        return *failed_;
      }
    } else if (cancelled()) {
      failed_ = CancelledError();
      return *failed_;
    }
    const std::size_t count = std::min(buffer.size(), current_.size() - offset_);
    std::copy_n(AsBytes(current_).begin() + static_cast<std::ptrdiff_t>(offset_), count,
                buffer.begin());
    offset_ += count;
    return count;
  }

 private:
  bool cancelled() const {
    return options_.cancellation != nullptr && options_.cancellation->is_set();
  }

  Status NextSegment() {
    current_ = std::string();
    offset_ = 0;
    if (cancelled()) return CancelledError();
    StartThreads();
    HOLDFAST_ASSIGN_OR_RETURN(
        std::string plain, threads_.empty() ? Fetch(decoder_, next_) : TakeFetched(next_));
    hash_.Update(plain);
    ++next_;
    // Before the last bytes are handed out, not after them.
    if (next_ == stream_.segments.size() && hash_.FinishHex() != stream_.sha256) {
      return Corrupt(fmt::format("the objects {}/{}/{}.* are not the stream that the manifest lists "
                                 "(SHA-256 of the whole)",
                                 data_.prefix(), stream_.attempt, stream_.name));
    }
    current_ = std::move(plain);
    return Ok();
  }

  void StartThreads() {
    const std::size_t wanted = std::min<std::size_t>(options_.parallel, stream_.segments.size());
    if (next_ != 0 || wanted < 2) return;
    for (std::size_t i = 0; i < wanted; ++i) {
      auto thread = StartWorkerThread([this] { Work(); });
      if (!thread) return;
      threads_.push_back(std::move(*thread));
    }
  }

  Result<std::string> TakeFetched(std::size_t number) {
    std::unique_lock lock(mutex_);
    std::optional<Result<std::string>>& place = fetched_[number % fetched_.size()];
    ready_.wait(lock, [&] { return place.has_value(); });
    Result<std::string> taken = std::move(*place);
    place.reset();
    taken_ = number + 1;
    lock.unlock();
    work_.notify_one();
    return taken;
  }

  void Work() {
    SegmentDecoder decoder;
    std::unique_lock lock(mutex_);
    for (;;) {
      work_.wait(lock, [this] { return stop_ || to_fetch_ < taken_ + fetched_.size(); });
      if (stop_ || to_fetch_ == stream_.segments.size()) return;
      const std::size_t number = to_fetch_++;
      lock.unlock();
      Result<std::string> plain = Fetch(decoder, number);
      lock.lock();
      // The reader gets as far as here and no further.
      if (!plain) to_fetch_ = stream_.segments.size();
      fetched_[number % fetched_.size()] = std::move(plain);
      ready_.notify_one();
    }
  }

  // Any thread.
  Result<std::string> Fetch(SegmentDecoder& decoder, std::size_t number) const {
    if (cancelled()) return CancelledError();
    const SegmentInfo& info = stream_.segments[number];
    const std::string key = SegmentKey(stream_.attempt, stream_.name, number);
    const std::string object = fmt::format("the object {}/{}", data_.prefix(), key);
    SegmentSink sink(info.stored_size);
    if (Status got = data_.Get(key, sink); !got) {
      if (sink.too_long()) return Corrupt(object + ": more bytes are stored than the manifest says");
      if (got.error().code() == ErrorCode::kNotFound) return NotFound(object + " is missing");
      return std::move(got).error().While("reading " + object);
    }
    auto plain = decoder.Decode(sink.bytes(), info);
    if (!plain) return std::move(plain).error().While(object);
    return plain;
  }

  const BankSection data_;
  const StreamManifest stream_;
  const DataOptions options_;

  // The caller's.
  std::string current_;
  std::size_t offset_ = 0;  // into current_
  std::size_t next_ = 0;    // the number of the segment after it
  Sha256 hash_;
  SegmentDecoder decoder_;
  std::optional<Error> failed_;
  std::vector<std::thread> threads_;

  std::mutex mutex_;
  std::condition_variable work_;   // there is room for more, or the end
  std::condition_variable ready_;  // a segment is fetched
  // Guarded by mutex_. A ring: segment n has the place n % parallel.
  std::vector<std::optional<Result<std::string>>> fetched_;
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
  return std::unique_ptr<ByteSource>(std::make_unique<StreamReader>(data, stream, options));
}

}  // namespace holdfast::runtime
