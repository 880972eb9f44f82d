#include "plugins/engines/argo/node_archive.h"
#include "plugins/engines/argo/watch_lines.h"
#include "plugins/engines/argo/workflow_status.h"
#include "plugins/sdk/base64.h"
#include "plugins/sdk/json.h"
#include "tests/fuzz/fuzz_target.h"

using namespace holdfast;
using namespace holdfast::engines;

// A Workflow object, as a server or a watch sends it: with or without compressed nodes, as a line of either stream; and
// the bytes themselves as an archive of nodes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::uint64_t kMost = 1U << 20U;
  const std::string_view text = fuzz::TextOf(data, size);
  const auto nodes = argo::DecompressNodes(ToBase64(text), kMost);
  fuzz::Require(!nodes || nodes->size() <= kMost,
                "no more comes out of an archive than is allowed");
  (void)argo::DecompressNodes(text, kMost);

  argo::LineSink lines(
      [](std::string_view line) -> Status {
        fuzz::Require(line.find('\n') == std::string_view::npos, "a line is one line");
        const auto event = argo::ReadWatchLine(line);
        if (!event) return event.error();
        return Ok();
      },
      kMost);
  const std::size_t half = size / 2;
  if (lines.Write(AsBytes(text.substr(0, half)))) (void)lines.Write(AsBytes(text.substr(half)));

  auto object = ParseJson(text, "fuzz.json");
  if (!object || !argo::ExpandNodes(*object)) return 0;
  const auto status = argo::ReadWorkflowStatus(*object);
  if (!status) {
    (void)status.error().Render();
    return 0;
  }
  (void)status->dying();
  (void)engines::VerdictOf(*status);
  for (const engines::StepStatus& step : status->steps)
    fuzz::Require(status->Find(step.path) != nullptr, "a step is found by its path");
  return 0;
}
