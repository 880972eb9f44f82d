#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>

#include "plugins/sdk/context.h"
#include "plugins/sdk/md5.h"
#include "plugins/sdk/sha256.h"
#include "runtime/data/data_stream.h"
#include "runtime/data/earlier_segments.h"
#include "runtime/data/segment_names.h"
#include "runtime/data/worker_thread.h"

namespace holdfast::runtime {
namespace {

// The caller fills one buffer; a full one waits in the only place of the queue; each thread that computes holds
// one more, and each thread what it has to store: `parallel` of them store, and others have the next segments ready, so that nobody
// on the other side waits for a processor here. All buffers are used again: freed and allocated anew by several threads,
// they would take a third more.
class StreamWriter final : public DataWriter {
 public:
  StreamWriter(const BankSection& data, std::string name, std::string attempt,
               const EncryptionKey* key, const DataOptions& options,
               std::function<Status(const StreamManifest&)> on_finish,
               const std::vector<std::string>& earlier)
      : data_(data),
        key_(key),
        options_(options),
        on_finish_(std::move(on_finish)),
        earlier_(data, name, earlier) {
    stream_.name = std::move(name);
    stream_.attempt = std::move(attempt);
    if (key_ != nullptr) stream_.key_id = key_->id();
    Empty(filling_);
  }
  StreamWriter(const StreamWriter&) = delete;
  StreamWriter& operator=(const StreamWriter&) = delete;

  ~StreamWriter() override { EndThreads(); }

  Status Write(std::span<const std::byte> data) override {
    HOLDFAST_RETURN_IF_ERROR(CheckUsable());
    while (!data.empty()) {
      if (filling_.size() == full_) HOLDFAST_RETURN_IF_ERROR(HandOver());
      const std::size_t count = std::min<std::size_t>(data.size(), full_ - filling_.size());
      Reserve(filling_.size() + count);
      filling_.append(AsText(data.first(count)));
      stream_.size += count;
      data = data.subspan(count);
    }
    return Ok();
  }

  Result<DataInfo> Finish() override {
    HOLDFAST_RETURN_IF_ERROR(CheckUsable());
    const bool only_one = next_ == 0 && !Plain(filling_).empty();
    if (only_one) {
      if (key_ != nullptr) hash_.Update(Plain(filling_));
      HOLDFAST_RETURN_IF_ERROR(StoreHere());
    } else if (!Plain(filling_).empty()) {
      HOLDFAST_RETURN_IF_ERROR(HandOver());
    }
    HOLDFAST_RETURN_IF_ERROR(WaitForThreads());
    EndThreads();
    HOLDFAST_RETURN_IF_ERROR(CheckUsable());
    // The hash of the only segment is that of the stream: no need to compute it twice. Of an encrypted
    // segment there is none.
    const std::string sha256 =
        only_one && key_ == nullptr ? stream_.segments.front().plain_sha256 : hash_.FinishHex();
    stream_.sha256 = sha256;
    if (key_ != nullptr) {
      auto sealed = SealSha256(data_, stream_, *key_, sha256);
      if (!sealed) return Fail(std::move(sealed).error());
      stream_.sha256 = std::move(*sealed);
    }
    if (Status listed = on_finish_(stream_); !listed) return Fail(std::move(listed).error());
    SetFailed(Internal(fmt::format("the stream '{}' was finished already", stream_.name)));
    return DataInfo{stream_.name, stream_.size, sha256};
  }

 private:
  struct Job {
    std::size_t number = 0;
    std::string filled;
  };

  // A buffer of what is stored as it is has room for the header before the plain bytes: so they need not be copied.
  std::string_view Plain(std::string_view buffer) const { return buffer.substr(header_); }
  void Empty(std::string& buffer) const { buffer.assign(header_, '\0'); }

  // The first error, of whichever thread; it stays.
  void SetFailed(Error error) {  // mutex_ is held, or there are no threads
    if (!failed_) failed_ = std::move(error);
    queued_.reset();
  }
  Error Fail(Error error) {
    const std::lock_guard lock(mutex_);
    SetFailed(std::move(error));
    return *failed_;
  }

  bool cancelled() const {
    return options_.cancellation != nullptr && options_.cancellation->is_set();
  }

  Status CheckUsable() {
    const std::lock_guard lock(mutex_);
    if (!failed_ && cancelled()) SetFailed(CancelledError());
    if (failed_) return *failed_;
    return Ok();
  }

  // Grows in doubling steps, so that a small stream takes little memory, but never above a segment.
  void Reserve(std::size_t size) {
    if (size <= filling_.capacity()) return;
    filling_.reserve(std::min<std::size_t>(std::max(size, 2 * filling_.capacity()), full_));
  }

  Status HandOver() {
    // Of a stream with one segment only, Finish takes the hash from the segment.
    hash_.Update(Plain(filling_));
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return failed_ || !queued_; });
    if (failed_) return *failed_;
    if (idle_ == 0 && threads_.size() < options_.parallel + ready_) {
      if (auto thread = StartWorkerThread([this] { Work(); }))
        threads_.push_back(std::move(*thread));
    }
    if (threads_.empty()) {
      lock.unlock();
      return StoreHere();
    }
    queued_ = Job{next_++, std::move(filling_)};
    filling_.clear();
    if (spare_.empty()) {
      filling_.reserve(full_);
    } else {
      filling_ = std::move(spare_.back());
      spare_.pop_back();
    }
    Empty(filling_);
    lock.unlock();
    // All: who waits to compute once more, and not for what is queued, could be the only one that hears it.
    work_.notify_all();
    return Ok();
  }

  // Without a thread: the only segment, or where the system gives no threads.
  Status StoreHere() {
    if (!encoder_) encoder_ = NewEncoder();
    EncodedSegment segment;
    Stored stored;
    Computing computing(*this);
    computing.Await();
    Status done = Prepare(*encoder_, next_, filling_, segment, computing, stored);
    if (done) done = Store(stored, segment.info);
    if (!done) return Fail(std::move(done).error());
    Empty(filling_);
    const std::lock_guard lock(mutex_);
    List(next_++, std::move(segment.info), stored.adopted);
    return Ok();
  }

  // Equal bytes in one place are to be the same each time: so an attempt that comes again finds what is there.
  SegmentEncoder NewEncoder() const {
    const bool stores = options_.zstd_level == 0;
    return SegmentEncoder(stores ? SegmentAlgorithm::kNone : SegmentAlgorithm::kZstd,
                          options_.zstd_level, key_, SegmentNonce::kOfContents);
  }

  // A segment as it is to be stored.
  struct Stored {
    std::string key;
    std::string_view bytes;          // of the encoded segment, or of the buffer that was filled
    std::optional<Md5::Digest> md5;  // where the bank wants it
    std::string adopted;             // the attempt that has stored it; empty: nobody has
  };

  // This thread computes, as one of so many.
  class Computing {
   public:
    explicit Computing(StreamWriter& writer) : writer_(writer) {}
    Computing(const Computing&) = delete;
    Computing& operator=(const Computing&) = delete;
    ~Computing() { End(); }
    bool may() const { return writer_.computing_ < writer_.at_once_; }  // mutex_ is held
    void Begin() {                                                      // the same, and may()
      ++writer_.computing_;
      begun_ = true;
    }
    void Await() {
      std::unique_lock lock(writer_.mutex_);
      writer_.work_.wait(lock, [this] { return may(); });
      Begin();
    }
    void End() {
      if (!begun_) return;
      begun_ = false;
      {
        const std::lock_guard lock(writer_.mutex_);
        --writer_.computing_;
      }
      writer_.work_.notify_all();
    }

   private:
    StreamWriter& writer_;
    bool begun_ = false;
  };

  // `segment` has what is listed.
  Status Encode(SegmentEncoder& encoder, std::string& filled, EncodedSegment& segment,
                Stored& out) {
    if (header_ > 0) {
      HOLDFAST_ASSIGN_OR_RETURN(segment.info, encoder.EncodeHere(filled));
      out.bytes = filled;
    } else {
      HOLDFAST_RETURN_IF_ERROR(encoder.EncodeInto(filled, SegmentPlace(data_, out.key), segment));
      out.bytes = segment.bytes;
    }
    return Ok();
  }

  // Any thread; `computing` has begun, and has ended after it. `filled` is used no more where it is not what is stored.
  Status Prepare(SegmentEncoder& encoder, std::size_t number, std::string& filled,
                 EncodedSegment& segment, Computing& computing, Stored& out) {
    if (cancelled()) return CancelledError();
    out.adopted.clear();
    if (const EarlierSegments::Segment* const there = earlier_.Find(number)) {
      out.key = SegmentKey(there->attempt, stream_.name, number);
      HOLDFAST_RETURN_IF_ERROR(Encode(encoder, filled, segment, out));
      computing.End();
      if (there->size == out.bytes.size() && IsSame(out)) {
        out.adopted = there->attempt;
        return Ok();
      }
      computing.Await();
    }
    out.key = SegmentKey(stream_.attempt, stream_.name, number);
    HOLDFAST_RETURN_IF_ERROR(Encode(encoder, filled, segment, out));
    if (data_.bank().holds_to_md5()) out.md5 = Md5::Of(out.bytes);
    computing.End();
    return Ok();
  }

  bool IsSame(const Stored& stored) {
    const Turns::Turn turn(at_the_bank_);
    return earlier_.IsSame(stored.key, stored.bytes);
  }

  Status Store(const Stored& stored, const SegmentInfo& info) {
    if (!stored.adopted.empty()) return Ok();
    const Turns::Turn turn(at_the_bank_);
    // Or each that was ready would try for as long as the one that failed.
    HOLDFAST_RETURN_IF_ERROR(CheckUsable());
    // The attempt's name is drawn at random.
    Status put = data_.PutUnique(stored.key, stored.bytes, {info.stored_sha256, stored.md5});
    if (!put)
      return std::move(put).error().While(fmt::format("storing {}/{}", data_.prefix(), stored.key));
    return Ok();
  }

  void List(std::size_t number, SegmentInfo info, const std::string& adopted) {  // mutex_ is held
    if (stream_.segments.size() <= number) stream_.segments.resize(number + 1);
    if (!adopted.empty()) stream_.adopted[number] = adopted;
    stream_.segments[number] = std::move(info);
  }

  void Work() {
    SegmentEncoder encoder = NewEncoder();
    EncodedSegment segment;
    Stored stored;
    std::unique_lock lock(mutex_);
    for (;;) {
      Computing computing(*this);
      ++idle_;
      work_.wait(lock, [&] { return stop_ || (queued_ && computing.may()); });
      --idle_;
      if (stop_) return;
      Job job = std::move(*queued_);
      queued_.reset();
      ++busy_;
      computing.Begin();
      room_.notify_one();
      lock.unlock();
      Status done = Prepare(encoder, job.number, job.filled, segment, computing, stored);
      computing.End();
      if (header_ == 0) GiveBack(std::move(job.filled));
      if (done) done = Store(stored, segment.info);
      if (header_ > 0) GiveBack(std::move(job.filled));
      lock.lock();
      --busy_;
      if (done) {
        List(job.number, std::move(segment.info), stored.adopted);
      } else {
        SetFailed(std::move(done).error());
      }
      room_.notify_one();
    }
  }

  void GiveBack(std::string buffer) {
    buffer.clear();
    const std::lock_guard lock(mutex_);
    spare_.push_back(std::move(buffer));
  }

  Status WaitForThreads() {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return failed_ || (!queued_ && busy_ == 0); });
    if (failed_) return *failed_;
    return Ok();
  }

  // What is stored just now is stored to its end; what is queued is not.
  void EndThreads() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    work_.notify_all();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  const BankSection data_;
  const EncryptionKey* const key_;  // Not owned; nullptr: the stream is not encrypted.
  const DataOptions options_;
  const std::size_t header_ =  // room for it at the front of a buffer
      options_.zstd_level == 0 && key_ == nullptr ? kSegmentHeaderSize : std::size_t{0};
  const std::size_t full_ = header_ + options_.segment_size;  // bytes of a buffer
  const std::function<Status(const StreamManifest&)> on_finish_;
  EarlierSegments earlier_;
  // Segments that are ready, and wait for their turn at the bank: segments that are under way together end together, as a server
  // gives each the same share, and then as many are wanted at once. Where one buffer is all that a segment takes, there is room
  // for them.
  const std::size_t ready_ = header_ > 0 ? std::max(options_.parallel - 1, 1U) : 1U;
  Turns at_the_bank_{options_.parallel};
  const unsigned at_once_ = ComputeAtOnce(options_.parallel);

  // The caller's.
  std::string filling_;
  std::size_t next_ = 0;  // the number of the segment that is being filled
  Sha256 hash_;           // of the segments handed over
  std::optional<SegmentEncoder> encoder_;
  std::vector<std::thread> threads_;

  std::mutex mutex_;
  std::condition_variable work_;  // something is queued, or one more may compute, or the end
  std::condition_variable room_;  // the queue has room, or a segment is stored, or an error
  // Guarded by mutex_. Of stream_ only the segments and which are adopted; the rest is the caller's and, while threads
  // run, name and attempt do not change.
  StreamManifest stream_;
  std::optional<Job> queued_;
  std::vector<std::string> spare_;
  std::optional<Error> failed_;
  unsigned computing_ = 0;
  unsigned idle_ = 0;
  unsigned busy_ = 0;
  bool stop_ = false;
};

}  // namespace

Result<std::unique_ptr<DataWriter>> CreateDataStream(
    const BankSection& data, std::string name, std::string attempt, const DataOptions& options,
    std::function<Status(const StreamManifest&)> on_finish,
    const std::vector<std::string>& earlier) {
  HOLDFAST_RETURN_IF_ERROR(CheckDataOptions(options));
  HOLDFAST_RETURN_IF_ERROR(CheckStreamParts(attempt, name));
  const EncryptionKey* key = nullptr;
  if (data.keys() != nullptr) {
    HOLDFAST_ASSIGN_OR_RETURN(key, data.keys()->Current());
  }
  return std::unique_ptr<DataWriter>(std::make_unique<StreamWriter>(
      data, std::move(name), std::move(attempt), key, options, std::move(on_finish), earlier));
}

}  // namespace holdfast::runtime
