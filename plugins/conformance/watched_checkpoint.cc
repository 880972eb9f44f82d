#include "plugins/conformance/watched_checkpoint.h"

#include <fmt/format.h>

#include <algorithm>

namespace holdfast::plugins::conformance {

class WatchedCheckpoint::Writer final : public DataWriter {
 public:
  Writer(WatchedCheckpoint& owner, std::size_t stream, std::unique_ptr<DataWriter> inner)
      : owner_(owner), stream_(stream), inner_(std::move(inner)) {}
  Status Write(std::span<const std::byte> data) override {
    HOLDFAST_RETURN_IF_ERROR(owner_.Count());
    return inner_->Write(data);
  }
  Result<DataInfo> Finish() override {
    HOLDFAST_RETURN_IF_ERROR(owner_.Count());
    if (owner_.streams_[stream_].finished) {
      owner_.faults_.push_back("it finished a stream twice");
      return Internal("the stream was finished already");
    }
    owner_.streams_[stream_].finished = true;
    return inner_->Finish();
  }

 private:
  WatchedCheckpoint& owner_;
  std::size_t stream_;
  std::unique_ptr<DataWriter> inner_;
};

class WatchedCheckpoint::Source final : public ByteSource {
 public:
  Source(WatchedCheckpoint& owner, std::unique_ptr<ByteSource> inner)
      : owner_(owner), inner_(std::move(inner)) {}
  Result<std::size_t> Read(std::span<std::byte> buffer) override {
    HOLDFAST_RETURN_IF_ERROR(owner_.Count());
    return inner_->Read(buffer);
  }

 private:
  WatchedCheckpoint& owner_;
  std::unique_ptr<ByteSource> inner_;
};

Status WatchedCheckpoint::Count() {
  ++calls_;
  if (broke()) return Unavailable("the trial's bank is gone");
  return Ok();
}

void WatchedCheckpoint::Judge(std::string_view call, const Error& error) {
  // A stream or info that is not there may be asked for; what the rights or the schema refuse is
  // never right.
  switch (error.code()) {
    case ErrorCode::kDenied:
    case ErrorCode::kInvalidInput:
    case ErrorCode::kConflict:
    case ErrorCode::kInternal:
      faults_.push_back(fmt::format("it called {}, which was refused: {}", call, error.OneLine()));
      return;
    default:
      return;
  }
}

Result<std::unique_ptr<DataWriter>> WatchedCheckpoint::CreateData(const Resource& resource,
                                                                  std::string_view name) {
  HOLDFAST_RETURN_IF_ERROR(Count());
  HOLDFAST_ASSIGN_OR_RETURN(auto inner, Watch("CreateData", inner_.CreateData(resource, name)));
  streams_.push_back({std::string(name), false});
  return std::unique_ptr<DataWriter>(
      std::make_unique<Writer>(*this, streams_.size() - 1, std::move(inner)));
}

Status WatchedCheckpoint::SaveInfo(const Resource& resource, Value info) {
  HOLDFAST_RETURN_IF_ERROR(Count());
  return Watch("SaveInfo", inner_.SaveInfo(resource, std::move(info)));
}

Status WatchedCheckpoint::SetPointInTime(const Resource& resource, WallTime time) {
  HOLDFAST_RETURN_IF_ERROR(Count());
  return Watch("SetPointInTime", inner_.SetPointInTime(resource, time));
}

Result<std::vector<DataInfo>> WatchedCheckpoint::ListData(const Resource& resource) {
  HOLDFAST_RETURN_IF_ERROR(Count());
  return Watch("ListData", inner_.ListData(resource));
}

Result<std::unique_ptr<ByteSource>> WatchedCheckpoint::OpenData(const Resource& resource,
                                                                std::string_view name) {
  HOLDFAST_RETURN_IF_ERROR(Count());
  HOLDFAST_ASSIGN_OR_RETURN(auto inner, Watch("OpenData", inner_.OpenData(resource, name)));
  return std::unique_ptr<ByteSource>(std::make_unique<Source>(*this, std::move(inner)));
}

Result<std::unique_ptr<ByteSource>> WatchedCheckpoint::OpenSample(const Resource& resource,
                                                                  std::string_view name,
                                                                  Percent share) {
  HOLDFAST_RETURN_IF_ERROR(Count());
  HOLDFAST_ASSIGN_OR_RETURN(auto inner,
                            Watch("OpenSample", inner_.OpenSample(resource, name, share)));
  return std::unique_ptr<ByteSource>(std::make_unique<Source>(*this, std::move(inner)));
}

Result<Value> WatchedCheckpoint::SavedInfo(const Resource& resource) {
  HOLDFAST_RETURN_IF_ERROR(Count());
  return Watch("SavedInfo", inner_.SavedInfo(resource));
}

Result<Value> WatchedCheckpoint::SavedInfoOfChild(const Resource& resource,
                                                  const ResourceKey& child) {
  HOLDFAST_RETURN_IF_ERROR(Count());
  return Watch("SavedInfoOfChild", inner_.SavedInfoOfChild(resource, child));
}

Status WatchedCheckpoint::DeleteData(const Resource& resource) {
  HOLDFAST_RETURN_IF_ERROR(Count());
  return Watch("DeleteData", inner_.DeleteData(resource));
}

Status WatchedCheckpoint::Journal(const Resource& resource, const Value& entries) {
  HOLDFAST_RETURN_IF_ERROR(Count());
  return Watch("Journal", inner_.Journal(resource, entries));
}

Result<Value> WatchedCheckpoint::Journaled(const Resource& resource) {
  HOLDFAST_RETURN_IF_ERROR(Count());
  return Watch("Journaled", inner_.Journaled(resource));
}

Result<bool> WatchedCheckpoint::AllSucceeded(const Resource& resource) {
  HOLDFAST_RETURN_IF_ERROR(Count());
  return Watch("AllSucceeded", inner_.AllSucceeded(resource));
}

Result<bool> WatchedCheckpoint::AnyBelowBegan(const Resource& resource) {
  HOLDFAST_RETURN_IF_ERROR(Count());
  return Watch("AnyBelowBegan", inner_.AnyBelowBegan(resource));
}

Status WatchedCheckpoint::SetNewResource(const Resource& resource, const ResourceKey& now) {
  HOLDFAST_RETURN_IF_ERROR(Count());
  return Watch("SetNewResource", inner_.SetNewResource(resource, now));
}

Result<std::optional<ResourceKey>> WatchedCheckpoint::NewResource(const ResourceKey& old) {
  HOLDFAST_RETURN_IF_ERROR(Count());
  return Watch("NewResource", inner_.NewResource(old));
}

Result<BankSection> WatchedCheckpoint::Section(const Resource& resource) {
  HOLDFAST_RETURN_IF_ERROR(Count());
  return Watch("Section", inner_.Section(resource));
}

Result<BankSection> WatchedCheckpoint::RecordSection(const Resource& resource) {
  HOLDFAST_RETURN_IF_ERROR(Count());
  return Watch("RecordSection", inner_.RecordSection(resource));
}

std::vector<std::string> WatchedCheckpoint::UnfinishedStreams() const {
  std::vector<std::string> names;
  for (const Stream& stream : streams_) {
    if (!stream.finished) names.push_back(stream.name);
  }
  return names;
}

}  // namespace holdfast::plugins::conformance
