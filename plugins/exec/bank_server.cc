#include "plugins/exec/bank_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "plugins/sdk/json.h"
#include "plugins/sdk/sample.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::exec {

namespace {

constexpr char kPut = 'P';
constexpr char kData = 'D';
constexpr char kFinish = 'F';
constexpr char kAbandon = 'A';
constexpr char kGet = 'G';
constexpr char kList = 'L';
constexpr char kDelete = 'X';
constexpr char kAnswer = 'K';
constexpr char kEnd = 'F';
constexpr char kError = 'E';

constexpr std::size_t kGetChunk = 256U << 10U;
constexpr std::size_t kLongestStreamName = 64;

Value DataInfoToValue(const DataInfo& info) {
  return Value().Set("stream", info.name).Set("size", info.size).Set("sha256", info.sha256);
}

std::string TypeText(char type) { return Printable(std::string_view(&type, 1)); }

}  // namespace

BankServer::BankServer(Checkpoint& checkpoint, std::span<const Resource> resources)
    : checkpoint_(checkpoint), resources_(resources) {}

Status BankServer::Serve(BankChannel& channel) {
  for (;;) {
    auto frame = channel.Read();
    Status status;
    if (!frame) {
      status = Error(std::move(frame).error());
    } else if (!*frame) {
      return Ok();
    } else {
      status = Handle(channel, **frame);
    }
    if (status) continue;
    Refuse(channel, status.error());
    channel.Close();
    writer_.reset();
    return status;
  }
}

Status BankServer::status() const {
  if (!lasting_) return lasting_;
  if (putting_) {
    return Internal(
        fmt::format("it began to put stream '{}' and did not finish it", Printable(stream_)));
  }
  return Ok();
}

Status BankServer::Handle(BankChannel& channel, const BankFrame& frame) {
  const bool within_put = frame.type == kData || frame.type == kFinish || frame.type == kAbandon;
  static constexpr std::string_view kRequests = "PDFAGLX";
  if (kRequests.find(frame.type) == std::string_view::npos) {
    return InvalidInput(fmt::format("there is no bank request '{}'", TypeText(frame.type)))
        .Hint(
            "a frame is a type byte (P, D, F, A, G, L or X), four bytes of length, big-endian, and "
            "the payload");
  }
  if (within_put != putting_) {
    return InvalidInput(
        putting_
            ? fmt::format("bank request '{}' while a stream is being put", TypeText(frame.type))
            : fmt::format("bank request '{}' without a stream that is being put",
                          TypeText(frame.type)));
  }
  switch (frame.type) {
    case kData:
      if (writer_ != nullptr && !frame.payload.empty()) {
        put_status_ = writer_->Write(AsBytes(frame.payload));
        if (!put_status_) writer_.reset();
      }
      return Ok();
    case kFinish:
    case kAbandon:
      if (!frame.payload.empty()) {
        return InvalidInput(fmt::format("bank request '{}' has no payload", TypeText(frame.type)));
      }
      if (frame.type == kFinish) {
        Finish(channel);
      } else {
        putting_ = false;
        writer_.reset();
        Answer(channel, Value(Value::Map{}));
      }
      return Ok();
    default:
      break;
  }
  std::vector<std::string> names{"resource"};
  if (frame.type == kPut || frame.type == kGet) names.emplace_back("stream");
  if (frame.type == kGet) names.emplace_back("sample");
  HOLDFAST_ASSIGN_OR_RETURN(const Value arguments, Arguments(frame, names));
  switch (frame.type) {
    case kPut:
      Put(arguments);
      break;
    case kGet:
      Get(channel, arguments);
      break;
    case kList:
      List(channel, arguments);
      break;
    case kDelete:
      Delete(channel, arguments);
      break;
    default:
      return Internal("a bank request of a type that was let through by mistake");
  }
  return Ok();
}

Result<Value> BankServer::Arguments(const BankFrame& frame,
                                    const std::vector<std::string>& names) const {
  HOLDFAST_ASSIGN_OR_RETURN(Value arguments,
                            frame.payload.empty()
                                ? Result<Value>(Value(Value::Map{}))
                                : ParseJson(frame.payload, "bank request " + TypeText(frame.type)));
  if (!arguments.is_map()) return InvalidInput("the payload of a bank request is a JSON object");
  for (const auto& [name, value] : arguments.AsMap()) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      return InvalidInput(
          fmt::format("bank request '{}' has no '{}'", TypeText(frame.type), Printable(name)));
    }
  }
  return arguments;
}

Result<const Resource*> BankServer::ResourceOf(const Value& arguments) const {
  const Value* const named = arguments.Find("resource");
  if (named == nullptr) {
    if (resources_.size() == 1) return &resources_.front();
    return InvalidInput(
        "this step has several resources: a bank request names one of them as 'resource'");
  }
  if (!named->is_string()) return InvalidInput("'resource' is a text, TYPE#ID");
  for (const Resource& resource : resources_) {
    if (resource.key.str() == named->AsString()) return &resource;
  }
  return Error(ErrorCode::kDenied,
               fmt::format("{} does not belong to this step", Printable(named->AsString())));
}

Result<std::string> BankServer::StreamOf(const Value& arguments) const {
  const std::string name = arguments.StringOr("stream", "");
  const bool allowed =
      !name.empty() && name.size() <= kLongestStreamName &&
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
  if (!allowed) {
    return InvalidInput(fmt::format("'{}' is no name of a stream", Printable(name)))
        .Hint("a name is 1 to 64 of a-z, 0-9 and '-'");
  }
  return name;
}

void BankServer::Answer(BankChannel& channel, const Value& value) {
  auto text = DumpJson(value);
  if (!text) return Refuse(channel, text.error());
  if (text->size() > kLongestBankFrame)
    return Refuse(channel, InvalidInput("the answer does not fit into a frame"));
  channel.Write(kAnswer, *text);
}

void BankServer::Refuse(BankChannel& channel, const Error& error) {
  Value answer =
      Value().Set("code", NameOf(error.code())).Set("message", Printable(error.message()));
  if (!error.hint().empty()) answer.Set("hint", Printable(error.hint()));
  const auto text = DumpJson(answer);
  channel.Write(kError, text ? std::string_view(*text) : std::string_view("{}"));
}

void BankServer::Put(const Value& arguments) {
  putting_ = true;
  put_status_ = Ok();
  stream_ = arguments.StringOr("stream", "");
  const auto create = [&]() -> Result<std::unique_ptr<DataWriter>> {
    HOLDFAST_ASSIGN_OR_RETURN(const Resource* const resource, ResourceOf(arguments));
    HOLDFAST_ASSIGN_OR_RETURN(const std::string name, StreamOf(arguments));
    return checkpoint_.CreateData(*resource, name);
  };
  auto writer = create();
  // No answer yet: a put is answered once, when it is finished, so that it needs no round trip.
  if (writer) {
    writer_ = std::move(*writer);
  } else {
    put_status_ = Error(std::move(writer).error());
  }
}

void BankServer::Finish(BankChannel& channel) {
  putting_ = false;
  const auto finish = [&]() -> Result<DataInfo> {
    HOLDFAST_RETURN_IF_ERROR(put_status_);
    return writer_->Finish();
  };
  auto info = finish();
  writer_.reset();
  if (info) return Answer(channel, DataInfoToValue(*info));
  Refuse(channel, info.error());
  if (lasting_) {
    lasting_ = Error(std::move(info).error())
                   .While(fmt::format("putting stream '{}'", Printable(stream_)));
  }
}

void BankServer::Get(BankChannel& channel, const Value& arguments) {
  const auto open = [&]() -> Result<std::unique_ptr<ByteSource>> {
    HOLDFAST_ASSIGN_OR_RETURN(const Resource* const resource, ResourceOf(arguments));
    HOLDFAST_ASSIGN_OR_RETURN(const std::string name, StreamOf(arguments));
    const Value* const sample = arguments.Find("sample");
    if (sample == nullptr) return checkpoint_.OpenData(*resource, name);
    HOLDFAST_ASSIGN_OR_RETURN(
        const auto given,
        Bind<SampleParameter>(Value().Set("sample", *sample), "", "arguments of bank request 'G'"));
    return checkpoint_.OpenSample(*resource, name, given.sample.value_or(Percent{}));
  };
  const auto damaged = [&](const Error& error) {
    // A missing stream may be what the plugin wants to know; a damaged one never is fine.
    if (error.code() != ErrorCode::kCorrupt || !lasting_) return;
    lasting_ = Error(error).While(
        fmt::format("getting stream '{}'", Printable(arguments.StringOr("stream", ""))));
  };
  auto source = open();
  if (!source) {
    damaged(source.error());
    return Refuse(channel, source.error());
  }
  std::string buffer(kGetChunk, '\0');
  for (;;) {
    const auto got =
        (*source)->Read(std::as_writable_bytes(std::span(buffer.data(), buffer.size())));
    if (!got) {
      damaged(got.error());
      return Refuse(channel, got.error());
    }
    if (*got == 0) break;
    if (!channel.Write(kData, std::string_view(buffer).substr(0, *got))) return;
  }
  channel.Write(kEnd, "");
}

void BankServer::List(BankChannel& channel, const Value& arguments) {
  const auto list = [&]() -> Result<Value> {
    HOLDFAST_ASSIGN_OR_RETURN(const Resource* const resource, ResourceOf(arguments));
    HOLDFAST_ASSIGN_OR_RETURN(const std::vector<DataInfo> streams, checkpoint_.ListData(*resource));
    Value::List out;
    for (const DataInfo& info : streams) out.push_back(DataInfoToValue(info));
    return Value().Set("streams", std::move(out));
  };
  const auto streams = list();
  if (!streams) return Refuse(channel, streams.error());
  Answer(channel, *streams);
}

void BankServer::Delete(BankChannel& channel, const Value& arguments) {
  const auto remove = [&]() -> Status {
    HOLDFAST_ASSIGN_OR_RETURN(const Resource* const resource, ResourceOf(arguments));
    return checkpoint_.DeleteData(*resource);
  };
  const auto status = remove();
  if (status) return Answer(channel, Value(Value::Map{}));
  Refuse(channel, status.error());
  if (lasting_) lasting_ = Error(status.error()).While("deleting data");
}

}  // namespace holdfast::plugins::exec
