#include "runtime/copy/resource_copy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>

#include "plugins/sdk/segment.h"
#include "plugins/sdk/text.h"
#include "runtime/step/recording_bank.h"
#include "runtime/step/sealed_bank.h"
#include "runtime/store/layout.h"
#include "runtime/store/stat_manifest.h"

namespace holdfast::runtime {
namespace {

constexpr std::size_t kBuffer = std::size_t{1} << 20U;
constexpr std::uint64_t kRawPiece = std::uint64_t{8} << 20U;

// Of every manifest of the resource; `other`: the one that is there.
Error OtherContents(const BankSection& checkpoint, const ResourceManifest& other,
                    std::string_view what) {
  return Error(ErrorCode::kConflict,
               fmt::format("{}/{}/manifest is there with other contents ({})", checkpoint.prefix(),
                           EpochPrefix(other.resource, other.epoch), what))
      .Hint(
          "it is what another copy has left: once nobody goes on with that, holdfast gc removes "
          "it");
}

// That a manifest which is there already says the same as the one that is to be copied, and that what it names stays.
Status CheckSame(const CopyEnds& ends, const ResourceManifest& wanted,
                 const ResourceManifest& there) {
  // Written late, by a copy that was taken for dead. The next one clears it away (Copier::RemoveLeft).
  if (there.attempt != ends.attempt &&
      std::find(ends.earlier.begin(), ends.earlier.end(), there.attempt) == ends.earlier.end()) {
    return Unavailable(
        fmt::format("{}/{}/manifest is of a copy that was away, and what it names "
                    "may be deleted still",
                    ends.to.prefix(), EpochPrefix(there.resource, there.epoch)));
  }
  if (there.plugin != wanted.plugin || there.name != wanted.name ||
      there.point_in_time != wanted.point_in_time ||
      there.saved_info_version != wanted.saved_info_version ||
      there.parameters_version != wanted.parameters_version) {
    return OtherContents(ends.to, there, "plugin, versions or point in time");
  }
  if (there.streams.size() != wanted.streams.size())
    return OtherContents(ends.to, there, "other streams");
  HOLDFAST_ASSIGN_OR_RETURN(const BankSection from,
                            ends.from.Narrow(DataPrefix(wanted.resource), SectionAccess::kRead));
  HOLDFAST_ASSIGN_OR_RETURN(const BankSection to,
                            ends.to.Narrow(DataPrefix(wanted.resource), SectionAccess::kRead));
  for (std::size_t i = 0; i < wanted.streams.size(); ++i) {
    const StreamManifest& one = wanted.streams[i];
    const StreamManifest& other = there.streams[i];
    HOLDFAST_ASSIGN_OR_RETURN(const std::string sha256, PlainSha256(from, one));
    HOLDFAST_ASSIGN_OR_RETURN(const std::string other_sha256, PlainSha256(to, other));
    if (one.name != other.name || one.size != other.size || sha256 != other_sha256)
      return OtherContents(ends.to, there, "the stream " + Printable(one.name));
  }
  HOLDFAST_ASSIGN_OR_RETURN(const Value saved, ReadSavedInfo(ends.from, wanted));
  HOLDFAST_ASSIGN_OR_RETURN(const Value other_saved, ReadSavedInfo(ends.to, there));
  if (!(saved == other_saved)) return OtherContents(ends.to, there, "saved info");
  Status whole = StatManifest(ends.to, there);
  if (whole || whole.error().code() != ErrorCode::kNotFound) return whole;
  return Corrupt(whole.error().message());
}

// A stream that is read and one that is written: both together are to need no more memory than one does.
DataOptions HalfOf(DataOptions options) {
  options.parallel = std::max(1U, options.parallel / 2);
  return options;
}

Result<StreamManifest> CopyStream(const CopyEnds& ends, const BankSection& from,
                                  const BankSection& to, const StreamManifest& stream) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string sha256, PlainSha256(from, stream));
  HOLDFAST_ASSIGN_OR_RETURN(const auto source,
                            OpenDataStream(from, stream, HalfOf(ends.from_options)));
  StreamManifest written;
  HOLDFAST_ASSIGN_OR_RETURN(const auto writer,
                            CreateDataStream(
                                to, stream.name, ends.attempt, HalfOf(ends.to_options),
                                [&written](const StreamManifest& manifest) {
                                  written = manifest;
                                  return Ok();
                                },
                                ends.earlier));
  const auto buffer = std::make_unique<std::array<std::byte, kBuffer>>();
  for (;;) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::size_t read, source->Read(*buffer));
    if (read == 0) break;
    HOLDFAST_RETURN_IF_ERROR(ends.advanced(read));
    HOLDFAST_RETURN_IF_ERROR(writer->Write(std::span(*buffer).first(read)));
  }
  HOLDFAST_ASSIGN_OR_RETURN(const DataInfo info, writer->Finish());
  if (info.size != stream.size || info.sha256 != sha256) {
    return Corrupt(fmt::format("the stream {} is not, as it was written, what was read",
                               Printable(stream.name)));
  }
  return written;
}

// An object of a bank, as a source: read piece by piece.
class ObjectSource final : public ByteSource {
 public:
  ObjectSource(const BankSection& section, std::string key, std::uint64_t size, std::uint64_t piece)
      : section_(section), key_(std::move(key)), size_(size), piece_(piece) {}
  Result<std::size_t> Read(std::span<std::byte> buffer) override {
    if (at_ == current_.size()) {
      if (read_ == size_) return std::size_t{0};
      const std::uint64_t wanted = std::min(piece_, size_ - read_);
      StringSink sink(wanted);
      HOLDFAST_RETURN_IF_ERROR(section_.Get(key_, sink, read_, wanted));
      current_ = sink.Take();
      at_ = 0;
      read_ += current_.size();
      if (current_.size() != wanted) return Corrupt("the object " + key_ + " is cut off");
    }
    const std::size_t count = std::min(buffer.size(), current_.size() - at_);
    std::copy_n(AsBytes(current_).begin() + static_cast<std::ptrdiff_t>(at_), count,
                buffer.begin());
    at_ += count;
    return count;
  }

 private:
  const BankSection& section_;  // Not owned; outlives this.
  const std::string key_;
  const std::uint64_t size_;
  const std::uint64_t piece_;
  std::uint64_t read_ = 0;
  std::string current_;
  std::size_t at_ = 0;
};

// The raw objects of an attempt, as its plugin put them: a section of plain objects.
struct RawSection {
  std::unique_ptr<RecordingBank> recorder;  // where it is written
  std::unique_ptr<SealedBank> sealed;       // where the section has keys
  std::optional<BankSection> section;
};
Result<RawSection> OpenRaw(const BankSection& data, std::string_view attempt, SectionAccess access,
                           PlainObjects plain) {
  RawSection raw;
  HOLDFAST_ASSIGN_OR_RETURN(raw.section, data.Narrow(fmt::format("{}/raw", attempt), access));
  Bank* bank = &data.bank();
  const std::string prefix = raw.section->prefix();
  if (access == SectionAccess::kWrite) {
    raw.recorder = std::make_unique<RecordingBank>(*bank);
    bank = raw.recorder.get();
    HOLDFAST_ASSIGN_OR_RETURN(raw.section, BankSection::Open(*bank, prefix, access));
  }
  if (data.keys() == nullptr) return raw;
  raw.sealed = std::make_unique<SealedBank>(*bank, *data.keys(), plain);
  HOLDFAST_ASSIGN_OR_RETURN(raw.section, BankSection::Open(*raw.sealed, prefix, access));
  return raw;
}

// Those that a manifest is of, to be read.
Result<RawSection> OpenRawOf(const BankSection& data, const ResourceManifest& manifest) {
  return OpenRaw(data, manifest.attempt, SectionAccess::kRead, PlainIn(manifest));
}

// Which there are; of those that an older build wrote only the bank knows that.
Result<std::vector<std::string>> RawKeys(const BankSection& section,
                                         const ResourceManifest& manifest) {
  if (!manifest.raw) return section.ListAll();
  std::vector<std::string> keys;
  for (const RawObject& object : *manifest.raw) keys.push_back(object.key);
  return keys;
}

// Returns what the manifest of the copy is to say of them.
Result<std::optional<std::vector<RawObject>>> CopyRaw(const CopyEnds& ends, const BankSection& from,
                                                      const BankSection& to,
                                                      const ResourceManifest& manifest) {
  HOLDFAST_ASSIGN_OR_RETURN(const RawSection source, OpenRawOf(from, manifest));
  HOLDFAST_ASSIGN_OR_RETURN(const auto keys, RawKeys(*source.section, manifest));
  if (keys.empty()) return manifest.raw;
  if (manifest.raw) {
    HOLDFAST_ASSIGN_OR_RETURN(
        const BankSection stored,
        from.Narrow(fmt::format("{}/raw", manifest.attempt), SectionAccess::kRead));
    for (const RawObject& object : *manifest.raw) {
      HOLDFAST_RETURN_IF_ERROR(ends.advanced(0));
      HOLDFAST_RETURN_IF_ERROR(CheckRawObject(stored, object, /*read=*/true));
    }
  }
  HOLDFAST_ASSIGN_OR_RETURN(
      const RawSection target,
      OpenRaw(to, ends.attempt, SectionAccess::kWrite, PlainObjects::kRefuse));
  for (const std::string& key : keys) {
    HOLDFAST_RETURN_IF_ERROR(ends.advanced(0));
    HOLDFAST_ASSIGN_OR_RETURN(const ObjectInfo info, source.section->Stat(key));
    // What is encrypted is opened as a whole: once.
    ObjectSource object(*source.section, key, info.size,
                        source.sealed == nullptr ? kRawPiece : kMaxSegmentSize);
    HOLDFAST_RETURN_IF_ERROR(target.section->Put(key, object, info.size));
  }
  HOLDFAST_ASSIGN_OR_RETURN(auto recorded,
                            target.recorder->Recorded(target.section->prefix() + "/"));
  return std::optional<std::vector<RawObject>>(std::move(recorded));
}

// Streams and raw objects, and what the manifest of the copy says of them.
Status CopyData(const CopyEnds& ends, const ResourceManifest& manifest, ResourceManifest& written) {
  const std::string prefix = DataPrefix(manifest.resource);
  HOLDFAST_ASSIGN_OR_RETURN(const BankSection from, ends.from.Narrow(prefix, SectionAccess::kRead));
  HOLDFAST_ASSIGN_OR_RETURN(const BankSection to, ends.to.Narrow(prefix, SectionAccess::kWrite));
  for (const StreamManifest& stream : manifest.streams) {
    HOLDFAST_ASSIGN_OR_RETURN(StreamManifest copied, CopyStream(ends, from, to, stream));
    written.streams.push_back(std::move(copied));
  }
  HOLDFAST_ASSIGN_OR_RETURN(written.raw, CopyRaw(ends, from, to, manifest));
  return Ok();
}

Status StatRaw(const BankSection& data, const ResourceManifest& manifest,
               const std::map<std::string, std::uint64_t>& wanted) {
  if (wanted.empty()) return Ok();
  HOLDFAST_ASSIGN_OR_RETURN(const RawSection raw, OpenRawOf(data, manifest));
  for (const auto& [key, size] : wanted) {
    const std::string name = fmt::format("{}/{}", raw.section->prefix(), key);
    const auto there = raw.section->Stat(key);
    if (!there && there.error().code() == ErrorCode::kNotFound)
      return NotFound("the object " + name + " is missing");
    if (!there) return there.error();
    if (there->size != size) {
      return Corrupt(fmt::format("the object {} holds {} bytes, that of the original {}", name,
                                 there->size, size));
    }
  }
  return Ok();
}

CopiedResource SumOf(const ResourceManifest& manifest, bool all_reused) {
  CopiedResource sum;
  sum.bytes = manifest.bytes();
  for (const StreamManifest& stream : manifest.streams) {
    for (std::size_t i = 0; i < stream.segments.size(); ++i) {
      sum.stored += stream.segments[i].stored_size;
      if (all_reused || stream.adopted.contains(i)) sum.reused += stream.segments[i].stored_size;
    }
  }
  return sum;
}

}  // namespace

Result<std::map<std::string, std::uint64_t>> RawObjects(const BankSection& checkpoint,
                                                        const ResourceManifest& manifest) {
  HOLDFAST_ASSIGN_OR_RETURN(const BankSection data,
                            checkpoint.Narrow(DataPrefix(manifest.resource), SectionAccess::kRead));
  HOLDFAST_ASSIGN_OR_RETURN(const RawSection raw, OpenRawOf(data, manifest));
  HOLDFAST_ASSIGN_OR_RETURN(const auto keys, RawKeys(*raw.section, manifest));
  std::map<std::string, std::uint64_t> sizes;
  for (const std::string& key : keys) {
    HOLDFAST_ASSIGN_OR_RETURN(const ObjectInfo info, raw.section->Stat(key));
    sizes.emplace(key, info.size);
  }
  return sizes;
}

Status StatCopy(const BankSection& checkpoint, const ResourceManifest& manifest,
                const std::map<std::string, std::uint64_t>& raw) {
  HOLDFAST_RETURN_IF_ERROR(StatManifest(checkpoint, manifest));
  HOLDFAST_ASSIGN_OR_RETURN(const BankSection data,
                            checkpoint.Narrow(DataPrefix(manifest.resource), SectionAccess::kRead));
  return StatRaw(data, manifest, raw);
}

Result<CopiedResource> CopyResource(const CopyEnds& ends, const ResourceManifest& manifest) {
  const ResourceKey& key = manifest.resource;
  HOLDFAST_ASSIGN_OR_RETURN(const auto there, ReadManifest(ends.to, key, manifest.epoch));
  if (there) {
    HOLDFAST_RETURN_IF_ERROR(CheckSame(ends, manifest, *there));
    HOLDFAST_RETURN_IF_ERROR(ends.advanced(manifest.bytes()));
    return SumOf(*there, true);
  }
  ResourceManifest written = manifest;
  written.attempt = ends.attempt;
  written.streams.clear();
  written.saved_object.clear();
  written.key_id.clear();
  if (const Status data = CopyData(ends, manifest, written); !data) {
    if (data.error().code() != ErrorCode::kNotFound) return data.error();
    // What the manifest names and is not there is damage: "not found" is a checkpoint that there is none of.
    return Corrupt(data.error().message())
        .Hint("the original is damaged: 'holdfast checkpoints verify' says what else of it is");
  }
  HOLDFAST_ASSIGN_OR_RETURN(const Value saved, ReadSavedInfo(ends.from, manifest));
  HOLDFAST_RETURN_IF_ERROR(ends.check_held());
  const CopiedResource sum = SumOf(written, false);
  Status put = WriteManifest(ends.to, std::move(written), saved);
  if (put) return sum;
  if (put.error().code() != ErrorCode::kConflict) return std::move(put).error();
  // One whose claim this one took over has just written it after all: it is as good where it is the same.
  HOLDFAST_ASSIGN_OR_RETURN(const auto other, ReadManifest(ends.to, key, manifest.epoch));
  if (!other) return std::move(put).error();
  HOLDFAST_RETURN_IF_ERROR(CheckSame(ends, manifest, *other));
  return SumOf(*other, false);
}

}  // namespace holdfast::runtime
