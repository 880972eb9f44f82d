// What an executable plugin writes on stdout, in pieces, for every call.
#include <algorithm>
#include <filesystem>

#include "plugins/exec/answer.h"
#include "plugins/exec/description.h"
#include "plugins/exec/executable.h"
#include "plugins/exec/resource_message.h"
#include "tests/fuzz/fuzz_target.h"

using namespace holdfast;
using namespace holdfast::plugins::exec;

namespace {

class SilentLog final : public Logger {
 public:
  void Log(LogLevel, std::string_view, const Value&) override {}
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  SilentLog log;
  const auto bytes = AsBytes(fuzz::TextOf(data, size));
  // Any file that nobody but root can change: it is not run.
  static const auto executable = Executable::Open("exec:/bin/true");
  fuzz::Require(executable.has_value(), "/bin/true could be a plugin");
  for (const Call call : {Call::kDescribe, Call::kList, Call::kShow, Call::kDependents,
                          Call::kCheck, Call::kActivity, Call::kPoll, Call::kCleanUp}) {
    AnswerReader reader(call, "exec:/opt/fuzz", log, [](const Progress&) {});
    Status status = Ok();
    const std::size_t piece = size > 4096 ? 1000 : 7;
    for (std::size_t at = 0; at < bytes.size() && status; at += piece) {
      status = reader.Write(bytes.subspan(at, std::min(piece, bytes.size() - at)));
    }
    if (!status) {
      (void)status.error().Render();
      continue;
    }
    const auto answer = reader.Take();
    if (!answer || !*answer) continue;
    if ((*answer)->state == AnswerState::kFailed) (void)(*answer)->error().Render();
    for (const Value& resource : (*answer)->resources) (void)NodeFromValue(resource, "T::Volume");
    if (call != Call::kDescribe) continue;
    if (const Value* plugin = (*answer)->result.Find("plugin"); plugin != nullptr) {
      if (const auto description = DescriptionFromValue(*executable, *plugin); !description) {
        (void)description.error().Render();
      }
    }
  }
  return 0;
}
