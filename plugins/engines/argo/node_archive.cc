#include "plugins/engines/argo/node_archive.h"

#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <memory>

#include "plugins/engines/argo/workflow_status.h"
#include "plugins/sdk/base64.h"
#include "plugins/sdk/json.h"

namespace holdfast::engines::argo {

namespace {

using Piece = std::array<char, 65536>;

Error Damaged(std::string_view kind) {
  return Corrupt("the workflow's compressed nodes cannot be read: no " + std::string(kind));
}
Error TooMuch() { return Corrupt("the workflow's compressed nodes are too large to be true"); }

Result<std::string> Gunzip(std::string_view data, std::uint64_t most) {
  z_stream stream{};
  constexpr int kGzip = 16 + MAX_WBITS;
  if (inflateInit2(&stream, kGzip) != Z_OK) return Internal("zlib has no memory");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, &inflateEnd);
  stream.next_in =
      reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));  // zlib does not write it
  stream.avail_in = static_cast<uInt>(data.size());
  std::string out;
  Piece piece;
  for (;;) {
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    const int code = inflate(&stream, Z_NO_FLUSH);
    out.append(piece.data(), piece.size() - stream.avail_out);
    if (out.size() > most) return TooMuch();
    if (code == Z_STREAM_END) return out;
    if (code != Z_OK || (stream.avail_in == 0 && stream.avail_out != 0)) return Damaged("gzip");
  }
}

Result<std::string> Unzstd(std::string_view data, std::uint64_t most) {
  const std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(),
                                                                        &ZSTD_freeDCtx);
  if (context == nullptr) return Internal("zstd has no memory");
  ZSTD_inBuffer in{data.data(), data.size(), 0};
  std::string out;
  Piece piece;
  for (;;) {
    ZSTD_outBuffer space{piece.data(), piece.size(), 0};
    const std::size_t left = ZSTD_decompressStream(context.get(), &space, &in);
    if (ZSTD_isError(left) != 0) return Damaged("zstd");
    out.append(piece.data(), space.pos);
    if (out.size() > most) return TooMuch();
    if (left == 0 && in.pos == in.size) return out;
    if (in.pos == in.size && space.pos < space.size) return Damaged("zstd");
  }
}

Result<std::string> Unbrotli(std::string_view data, std::uint64_t most) {
  const std::unique_ptr<BrotliDecoderState, void (*)(BrotliDecoderState*)> state(
      BrotliDecoderCreateInstance(nullptr, nullptr, nullptr), &BrotliDecoderDestroyInstance);
  if (state == nullptr) return Internal("brotli has no memory");
  const auto* next = reinterpret_cast<const std::uint8_t*>(data.data());
  std::size_t left = data.size();
  std::string out;
  Piece piece;
  for (;;) {
    auto* space = reinterpret_cast<std::uint8_t*>(piece.data());
    std::size_t room = piece.size();
    const BrotliDecoderResult result =
        BrotliDecoderDecompressStream(state.get(), &left, &next, &room, &space, nullptr);
    out.append(piece.data(), piece.size() - room);
    if (out.size() > most) return TooMuch();
    if (result == BROTLI_DECODER_RESULT_SUCCESS) return out;
    if (result != BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT) return Damaged("gzip, zstd or brotli");
  }
}

}  // namespace

Result<std::string> DecompressNodes(std::string_view base64, std::uint64_t most) {
  auto data = FromBase64(base64);
  if (!data) return Damaged("base64");
  if (data->starts_with("\x1f\x8b")) return Gunzip(*data, most);
  if (data->starts_with("\x28\xb5\x2f\xfd")) return Unzstd(*data, most);
  return Unbrotli(*data, most);  // which has no mark
}

Status ExpandNodes(Value& workflow) {
  if (!workflow.is_map()) return Ok();
  const Value* const status = workflow.Find("status");
  if (status == nullptr || !status->is_map()) return Ok();
  const std::string packed = status->StringOr("compressedNodes", "");
  if (packed.empty()) return Ok();
  HOLDFAST_ASSIGN_OR_RETURN(const std::string text, DecompressNodes(packed));
  auto nodes = ParseJson(text, "status.nodes");
  if (!nodes || !nodes->is_map())
    return Corrupt("the workflow's compressed nodes are no JSON object");
  Value::Map& fields = workflow.MutableMap().at("status").MutableMap();
  fields.erase("compressedNodes");
  fields["nodes"] = std::move(*nodes);
  return Ok();
}

void ExpandReadableNodes(Value& workflow) {
  const Status expanded = ExpandNodes(workflow);
  if (expanded) return;
  workflow.MutableMap().at("status").Set(std::string(kNodesUnreadable), expanded.error().message());
}

}  // namespace holdfast::engines::argo
