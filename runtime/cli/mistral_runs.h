#pragma once

#include <memory>
#include <optional>
#include <string>

#include "plugins/engines/mistral/api.h"
#include "plugins/engines/mistral/executions.h"
#include "runtime/cli/run_engine.h"

namespace holdfast::cli {

// Runs that OpenStack Mistral makes. Borrows the session.
class MistralRuns final : public RunEngine {
 public:
  MistralRuns(Session& session, std::unique_ptr<engines::mistral::Api> api,
              engines::mistral::ApiParts parts)
      : session_(session), api_(std::move(api)), parts_(parts) {}

  engines::mistral::Api& api() { return *api_; }
  // Of the run that was found last.
  engines::mistral::RunReader& reader() { return *reader_; }

  std::string Place() const override { return api_->Place(); }
  std::string Options() const override;
  std::string_view TryWord() const override { return "action"; }
  // Also of a workflow's name: its newest run.
  Result<std::string> HandleOf(const std::string& run) override;
  Result<engines::RunStatus> Find(const std::string& run) override;
  Result<std::vector<engines::RunStatus>> List() override;
  Status Follow(const std::string& handle, const See& see) override;
  // Of one that was cancelled: a `cancel` may be at its clean-ups. Waits for half a minute; who looks at the record then sees
  // whether they were made.
  bool AwaitLastStep(const std::optional<BankSection>& bank, engines::RunStatus& status) override;
  std::string CleanUp(const engines::RunStatus& run) override;
  std::string WholeOf(const engines::RunStatus& part) override { return part.uid; }
  // The end of it, of a step that failed; the whole is on the machine of the step.
  Status ReadLog(const engines::RunStatus& run, const engines::StepStatus& step,
                 const engines::StepTry& attempt, bool follow, ByteSink& sink) override;

 private:
  Session& session_;
  std::unique_ptr<engines::mistral::Api> api_;
  const engines::mistral::ApiParts parts_;
  std::optional<engines::mistral::RunReader> reader_;  // of the run that was found last
};

// kUsage for options of another engine; kInvalidInput where nothing says where Mistral is.
Result<std::unique_ptr<MistralRuns>> OpenMistralRuns(Session& session,
                                                     const ClusterArguments& arguments);

}  // namespace holdfast::cli
