#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "plugins/sdk/places.h"
#include "plugins/sdk/text.h"
#include "runtime/cli/cluster_copy.h"
#include "runtime/cli/cluster_trust.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/next_command.h"
#include "runtime/cli/opened_workflow.h"
#include "runtime/local/step_list.h"
#include "runtime/store/claim.h"
#include "runtime/store/layout.h"
#include "runtime/store/lease.h"
#include "runtime/store/record.h"

namespace holdfast::cli {

namespace {

// plugins/sdk/secret.h
constexpr const char* kSecretFolder = "HOLDFAST_SECRET_DIR";

struct ListedWorkflow {
  StepArguments arguments;  // as given, with what the run on the cluster says where that is meant
  std::string whole;        // of a child: the run that it is a part of; else empty
  OpenedWorkflow workflow;
  std::vector<local::ListedStep> steps;
};

// Reads all that there is to read: a copy of a run on a cluster is gone afterwards.
Result<ListedWorkflow> OpenAndList(Session& session, const StepArguments& given) {
  StepArguments arguments = given;
  std::optional<ClusterCopy> copy;
  if (!given.from_cluster.empty()) {
    auto made = ClusterCopy::Make(session, given);
    if (!made) return std::move(made).error();
    arguments = copy.emplace(std::move(*made)).Over(std::move(arguments));
  }
  std::map<std::string, std::string> parameters;
  if (!arguments.record.empty()) parameters["record"] = arguments.record;
  ListedWorkflow out;
  out.arguments = arguments;
  HOLDFAST_ASSIGN_OR_RETURN(out.workflow, OpenWorkflow(arguments.file, arguments.bundle,
                                                       arguments.templates, parameters));
  // The steps of a child take their run from there, not from the id of their Workflow.
  if (const auto run = out.workflow.parameters.find(kRunParameter);
      run != out.workflow.parameters.end() && !arguments.run_id.empty()) {
    out.whole = std::exchange(run->second, arguments.run_id);
  }
  HOLDFAST_ASSIGN_OR_RETURN(out.steps, ListStepsOf(out.workflow, arguments.run_id));
  return out;
}

Value ActivitiesOf(const BundleStep& step) {
  Value::List activities;
  for (const BundleActivity& activity : step.activities) {
    Value::List gates;
    for (const BundleGate& gate : activity.gates) {
      gates.push_back(Value()
                          .Set("step", gate.step)
                          .Set("activity", NameOf(gate.kind))
                          .Set("resource", gate.resource.str()));
    }
    activities.push_back(Value()
                             .Set("activity", NameOf(activity.kind))
                             .Set("type", activity.resource.type)
                             .Set("id", activity.resource.id)
                             .Set("gates", std::move(gates)));
  }
  return activities;
}

Result<std::vector<std::string>> CommandOf(const ListedWorkflow& listed,
                                           const StepArguments& arguments) {
  HOLDFAST_ASSIGN_OR_RETURN(const local::ListedStep step,
                            local::FindStep(listed.steps, arguments.step));
  std::vector<std::string> argv = step.command;
  argv.insert(argv.end(), step.args.begin(), step.args.end());
  if (!arguments.activity.empty()) {
    const auto kind = ParseActivityKind(arguments.activity);
    const BundleStep* const bundle_step = listed.workflow.bundle.FindStep(step.task);
    const auto has = [&](const BundleActivity& a) { return kind && a.kind == *kind; };
    if (bundle_step == nullptr ||
        std::none_of(bundle_step->activities.begin(), bundle_step->activities.end(), has)) {
      return Error(ErrorCode::kUsage,
                   "step " + step.task + " has no activity '" + Printable(arguments.activity) + "'")
          .Hint("'holdfast step list' shows which activities a step has");
    }
    const auto activity =
        std::find_if(bundle_step->activities.begin(), bundle_step->activities.end(), has);
    if (std::count_if(bundle_step->activities.begin(), bundle_step->activities.end(), has) > 1) {
      return Error(ErrorCode::kUsage, "step " + step.task + " runs " + arguments.activity +
                                          " of several resources at once")
          .Hint("run the whole step");
    }
    argv.push_back("--resource=" + activity->resource.str());
    argv.push_back("--activity=" + arguments.activity);
  }
  if (arguments.dry_run) argv.emplace_back("--dry-run");
  return argv;
}

// What the template sets, but the provider files are where this command finds them: the template's
// folder is the image's.
std::map<std::string, std::string> EnvironmentOf(const local::ListedStep& step,
                                                 const Session& session,
                                                 const StepArguments& arguments) {
  std::map<std::string, std::string> environment(step.environment.begin(), step.environment.end());
  environment["HOLDFAST_PROVIDER_CONFIG_DIR"] = session.provider_folder_path();
  if (!arguments.secret_folder.empty()) environment[kSecretFolder] = arguments.secret_folder;
  return environment;
}

// POSIX, Base Definitions 3.235.
bool IsShellName(std::string_view text) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !text.empty() && letter(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

// A folder that is named and not there would look like one without the provider or the secret. The default one of
// providers may be missing where a command is only shown.
Status CheckFolders(Session& session, const StepArguments& arguments) {
  if (session.provider_folder_path() != kDefaultProviderFolder) {
    const auto folder = session.providers();
    if (!folder) return folder.error();
  }
  if (arguments.secret_folder.empty()) return Ok();
  std::error_code error;
  const auto found = std::filesystem::status(arguments.secret_folder, error);
  const std::string what = "--secret-dir " + Printable(arguments.secret_folder);
  if (error) return SystemError(error.value(), what);
  if (!std::filesystem::is_directory(found)) return InvalidInput(what + ": this is no folder");
  return Ok();
}

// Becomes the command: its terminal, its group and its signals are those of this process.
Error Become(const std::vector<std::string>& argv,
             const std::map<std::string, std::string>& environment) {
  std::vector<char*> pointers;
  pointers.reserve(argv.size() + 1);
  for (const std::string& word : argv) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
  std::fflush(nullptr);
  // What this process ignores (SIGPIPE) is its own business.
  const auto before = ::signal(SIGPIPE, SIG_DFL);
  ::execvp(pointers[0], pointers.data());
  const int error = errno;
  ::signal(SIGPIPE, before);
  return SystemError(error, "starting " + argv.front());
}

// Whatever the bundle has come after a step, directly or not.
std::vector<std::string> StepsAfterInBundle(const LoadedBundle& bundle, const std::string& step) {
  std::map<std::string_view, std::vector<const std::string*>> next;
  for (const BundleShard& shard : bundle.shards) {
    for (const BundleStep& after : shard.steps) {
      for (const std::string& before : after.order) next[before].push_back(&after.name);
    }
  }
  std::vector<std::string> found;
  std::set<std::string_view> seen{step};
  std::vector<std::string_view> open{step};
  while (!open.empty()) {
    const auto after = next.find(open.back());
    open.pop_back();
    if (after == next.end()) continue;
    for (const std::string* const name : after->second) {
      if (!seen.insert(*name).second) continue;
      found.push_back(*name);
      open.push_back(*name);
    }
  }
  return found;
}

// An engine keeps the order. By hand, a snapshot could be taken after the application was resumed,
// and nothing would look wrong: a step whose followers this run has begun comes too late.
Status RefuseTooLate(Session& session, const ListedWorkflow& listed, const StepArguments& arguments,
                     const local::ListedStep& listed_step) {
  const std::string& step = listed_step.task;
  HOLDFAST_ASSIGN_OR_RETURN(
      Provider* const provider,
      session.OpenProvider(listed.workflow.provider, Session::Warnings::kLeave));
  HOLDFAST_ASSIGN_OR_RETURN(const BankSection tenant,
                            session.TenantSection(*provider, SectionAccess::kRead));
  const std::string& id = arguments.record.empty() ? arguments.run_id : arguments.record;
  HOLDFAST_ASSIGN_OR_RETURN(const auto lease, runtime::CurrentLease(tenant, id));
  if (!lease || lease->run != arguments.run_id) return Ok();  // the step says what is wrong
  HOLDFAST_ASSIGN_OR_RETURN(
      const auto record,
      runtime::Record::Open(tenant, runtime::RecordKindOf(listed.workflow.bundle.bundle.operation),
                            id));
  const auto began = [&](const std::string& name) -> Result<bool> {
    HOLDFAST_ASSIGN_OR_RETURN(const auto claims, runtime::ReadClaims(record.section(), name));
    return !claims.empty() && claims.back().token == lease->token;
  };
  HOLDFAST_ASSIGN_OR_RETURN(const bool again, began(step));
  if (again) return Ok();
  std::vector<std::string> followers;
  for (const std::size_t place : local::StepsAfter(listed.steps, listed_step.name)) {
    if (!listed.steps[place].exit_handler) followers.push_back(listed.steps[place].task);
  }
  // A child's file has only its own steps, and another's may leave out what it likes.
  if (!arguments.from_cluster.empty()) {
    for (std::string& after : StepsAfterInBundle(listed.workflow.bundle, step))
      followers.push_back(std::move(after));
  }
  for (const std::string& after : followers) {
    HOLDFAST_ASSIGN_OR_RETURN(const bool late, began(after));
    if (!late) continue;
    // A child has no end.
    const std::string& ended_by = listed.whole.empty() ? arguments.from_cluster : listed.whole;
    return InvalidInput("step " + step + " comes before " + after +
                        ", which this run has begun already")
        .Hint("end this run with 'holdfast step run " +
              (arguments.from_cluster.empty() ? ShellWord(arguments.file)
                                              : "--from-cluster " + ShellWord(ended_by)) +
              " end --run-id " + ShellWord(arguments.run_id) +
              "', and run each step of a new one after those that 'holdfast step list' names "
              "under ORDER: of resources with a pre_finish that is not the order of the lines");
  }
  return Ok();
}

}  // namespace

int ListWorkflowSteps(Session& session, const StepArguments& given) {
  const auto listed = OpenAndList(session, given);
  if (!listed) return session.out().Fail(listed.error());
  std::vector<std::vector<std::string>> rows;
  for (const local::ListedStep& step : listed->steps) {
    Value datum = Value()
                      .Set("name", step.task)
                      .Set("operation", NameOf(listed->workflow.bundle.bundle.operation));
    std::vector<std::string> activities;
    std::string resource;
    if (const BundleStep* const bundle_step = listed->workflow.bundle.FindStep(step.task);
        bundle_step != nullptr) {
      for (const BundleActivity& activity : bundle_step->activities) {
        const std::string name(NameOf(activity.kind));
        if (std::find(activities.begin(), activities.end(), name) == activities.end())
          activities.push_back(name);
      }
      resource = bundle_step->activities.front().resource.str();
      datum.Set("type", bundle_step->activities.front().resource.type)
          .Set("id", bundle_step->activities.front().resource.id)
          .Set("activities", ActivitiesOf(*bundle_step));
      if (const std::size_t more = bundle_step->activities.size() - 1;
          activities.size() == 1 && more > 0) {
        resource += " and " + std::to_string(more) + " more";
      }
    }
    Value::List order(step.order.begin(), step.order.end());
    Value::List gates(step.gates.begin(), step.gates.end());
    datum.Set("order", std::move(order))
        .Set("gates", std::move(gates))
        .Set("line", static_cast<std::int64_t>(step.line));
    session.out().Json("step", std::move(datum));
    rows.push_back({step.task, std::string(NameOf(listed->workflow.bundle.bundle.operation)),
                    Join(activities, "+"), resource, Join(step.order, " "), Join(step.gates, " ")});
  }
  session.out().Table({"STEP", "OPERATION", "ACTIVITIES", "RESOURCE", "ORDER", "GATES"}, rows);
  return 0;
}

int ShowWorkflowStep(Session& session, const StepArguments& given) {
  if (const Status there = CheckFolders(session, given); !there)
    return session.out().Fail(there.error());
  const auto listed = OpenAndList(session, given);
  if (!listed) return session.out().Fail(listed.error());
  const StepArguments& arguments = listed->arguments;
  const auto argv = CommandOf(*listed, arguments);
  if (!argv) return session.out().Fail(argv.error());
  const auto step = local::FindStep(listed->steps, arguments.step);
  if (!step) return session.out().Fail(step.error());
  const auto variables = EnvironmentOf(*step, session, arguments);
  std::vector<std::string> words;
  // A shell would take another name for a word of its own.
  const bool plain = std::all_of(variables.begin(), variables.end(),
                                 [](const auto& v) { return IsShellName(v.first); });
  // Nor is one that begins with '-' an option of env.
  if (!plain) words.insert(words.end(), {"env", "--"});
  Value environment(Value::Map{});
  for (const auto& [name, value] : variables) {
    words.push_back(plain ? name + "=" + ShellWord(value) : ShellWord(name + "=" + value));
    environment.Set(name, value);
  }
  words.push_back(ShellWords(*argv));
  session.out().Line(Join(words, " "));
  session.out().Json("command", Value()
                                    .Set("argv", Value::List(argv->begin(), argv->end()))
                                    .Set("environment", std::move(environment)));
  if (arguments.run_id.empty()) session.out().Say("--run-id names the run that it works in");
  return 0;
}

int RunWorkflowStep(Session& session, const StepArguments& given) {
  if (const Status there = CheckFolders(session, given); !there)
    return session.out().Fail(there.error());
  // This process opens the provider's bank, too.
  if (!given.secret_folder.empty()) ::setenv(kSecretFolder, given.secret_folder.c_str(), 1);
  const auto listed = OpenAndList(session, given);
  if (!listed) return session.out().Fail(listed.error());
  const StepArguments& arguments = listed->arguments;
  const auto argv = CommandOf(*listed, arguments);
  if (!argv) return session.out().Fail(argv.error());
  auto step = local::FindStep(listed->steps, arguments.step);
  if (!step) return session.out().Fail(step.error());
  const bool distrusted = !arguments.from_cluster.empty() && !arguments.trust_cluster;
  if (distrusted) {
    if (given.run_id.empty() && !listed->whole.empty()) {
      if (const Status known = CheckForeignRun(session, *step, listed->workflow, arguments); !known)
        return session.out().Fail(known.error());
    }
    if (const Status harmless = CheckForeignCommand(*step, listed->workflow, arguments); !harmless)
      return session.out().Fail(harmless.error());
    step->environment.clear();
  }
  if (step->task == "begin" && !arguments.dry_run) {
    // The step that is started opens the same provider, and says its warnings.
    const auto put =
        PutBundleIntoBank(session, listed->workflow, BankUse::kWrite, Session::Warnings::kLeave);
    if (!put) {
      if (const auto provider = session.OpenProvider(listed->workflow.provider); provider) {
        for (const std::string& warning : (*provider)->warnings()) session.out().Warn(warning);
      }
      return session.out().Fail(put.error());
    }
  }
  if (step->task != "begin" && step->task != "end") {
    if (const Status late = RefuseTooLate(session, *listed, arguments, *step); !late)
      return session.out().Fail(late.error());
  }
  return session.out().Fail(Become(*argv, EnvironmentOf(*step, session, arguments)));
}

}  // namespace holdfast::cli
