#include "compiler/graph/walk.h"
#include "compiler/plan/graph_file.h"
#include "tests/fuzz/fuzz_target.h"

using namespace holdfast;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto graph = compiler::ReadGraph(fuzz::TextOf(data, size), "fuzz.yaml");
  if (!graph) {
    (void)graph.error().Render();
    return 0;
  }
  (void)compiler::WalkGraph(*graph);
  const auto yaml = compiler::WriteGraphYaml(*graph, "");
  const auto lines = compiler::WriteGraphJsonLines(*graph);
  fuzz::Require(yaml.has_value() && lines.has_value(), "a graph that was read can be written");
  const auto of_yaml = compiler::ReadGraph(*yaml, "fuzz.yaml");
  const auto of_lines = compiler::ReadGraph(*lines, "fuzz.jsonl");
  fuzz::Require(of_yaml.has_value() && of_lines.has_value(),
                "a graph that was written can be read");
  fuzz::Require(*compiler::WriteGraphYaml(*of_lines, "") == *yaml &&
                    *compiler::WriteGraphJsonLines(*of_yaml) == *lines,
                "both forms hold the same graph");
  return 0;
}
