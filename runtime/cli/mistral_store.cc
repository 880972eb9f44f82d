#include "runtime/cli/mistral_store.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <thread>
#include <utility>

#include "plugins/sdk/counted.h"
#include "plugins/sdk/mistral_words.h"
#include "plugins/sdk/operation.h"
#include "plugins/sdk/text.h"
#include "runtime/cli/cluster.h"
#include "runtime/cli/next_command.h"
#include "runtime/cli/opened_workflow.h"
#include "runtime/local/workflow_file.h"
#include "runtime/mistral/definition_file.h"
#include "runtime/store/bundle_store.h"

namespace holdfast::cli {

namespace engine = engines::mistral;

namespace {

using mistral::DefinitionOwner;

Result<DefinitionFile> OneDefinitionOf(local::SourceFile source) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto definitions, mistral::ReadDefinitions(source));
  if (definitions.size() != 1) {
    return InvalidInput(source.path + " has " + Counted(definitions.size(), "workflow") +
                        ", and a file that is compiled has one");
  }
  DefinitionFile out;
  out.name = definitions.front().name;
  for (const mistral::Task& task : definitions.front().tasks) {
    if (!task.action.empty() && !task.action.starts_with("std.")) out.actions.insert(task.action);
    if (!task.workflow.empty()) out.below.insert(task.workflow);
  }
  for (const mistral::Input& input : definitions.front().inputs) {
    if (input.name.starts_with(mistral_words::kBundleInput)) out.bundle_input = input.name;
  }
  out.source = std::move(source);
  return out;
}

// The whole starts each of the others, itself or through one of them, and all that they start is there.
Status CheckIsWhole(const DefinitionSet& set, const std::string& folder) {
  std::map<std::string, const DefinitionFile*> by_name;
  for (const DefinitionFile& each : set.files) {
    if (!by_name.emplace(each.name, &each).second) {
      return InvalidInput("workflow " + Printable(each.name) + " is in " + each.source.path +
                          " and in " + by_name.at(each.name)->source.path);
    }
  }
  std::set<std::string> started;
  std::vector<const DefinitionFile*> open{&set.whole()};
  while (!open.empty()) {
    const DefinitionFile& next = *open.back();
    open.pop_back();
    for (const std::string& name : next.below) {
      const auto found = by_name.find(name);
      if (found == by_name.end()) {
        return NotFound("workflow " + name + ", which " + next.source.path +
                        " starts, is in no file of " + folder)
            .Hint("'holdfast compile' writes that folder beside the file: they go together");
      }
      if (started.insert(name).second) open.push_back(found->second);
    }
  }
  for (const DefinitionFile& each : set.files) {
    if (&each == &set.whole() || started.contains(each.name)) continue;
    return InvalidInput(each.source.path + " has the workflow " + Printable(each.name) +
                        ", which nothing starts")
        .Hint("that folder has what " + set.whole().source.path +
              " starts, and nothing else: compile again, or take the file away");
  }
  return Ok();
}

// Who stores another one in its place later asks it that.
Status CheckSaysWhose(const DefinitionSet& set) {
  for (const DefinitionFile& each : set.files) {
    const DefinitionOwner said = mistral::OwnerOf(each.source.text, each.name);
    if (said.is_unknown()) {
      return InvalidInput(each.source.path +
                          " does not say what it was compiled from: its 'tags' are gone")
          .Hint("compile again");
    }
    if (mistral::IsSameOwner(said, set.owner, set.whole().name)) continue;
    return InvalidInput(each.source.path + " says that it is " + Printable(said.str()) +
                        ", and by its bundle it is " + Printable(set.owner.str()))
        .Hint("compile again");
  }
  return Ok();
}

// What is there under its name is an older one of it: nobody else's is replaced.
Status CheckIsOurs(engine::Api& api, const DefinitionSet& set, const DefinitionFile& file,
                   const std::string& stored) {
  const DefinitionOwner was = mistral::OwnerOf(stored, file.name);
  if (mistral::IsSameOwner(was, set.owner, set.whole().name)) return Ok();
  // Mistral removes no workflow that a cron trigger starts.
  std::string first;
  if (const auto triggers = engine::CronTriggersOf(api, file.name)) {
    for (const std::string& trigger : *triggers)
      first += "openstack cron trigger delete " + ShellWord(trigger) + ", then ";
  }
  // What it started has names of its own below it.
  std::string parts;
  if (const auto names = engine::WorkflowsNamed(api, file.name + "."); names && !names->empty())
    parts = ", and the same of " + Counted(names->size(), "workflow") + " " + file.name + ".*";
  return Error(ErrorCode::kConflict, "there is another workflow " + file.name + " in " +
                                         api.Place() + ": " +
                                         (was.is_unknown() ? "'holdfast compile' has not written it"
                                                           : "it is " + Printable(was.str())))
      .Hint(
          "give the plan another name, and compile again; or, once nobody needs that workflow any "
          "more: " +
          first + "openstack workflow delete " + file.name + parts);
}

// By its name a part stands for what it does; one that somebody has changed in Mistral, or in its file, or that an earlier build
// compiled, does something else, and a run looks for it when it comes to it.
Status CheckMayChange(engine::Api& api, const DefinitionSet& set, const DefinitionFile& file,
                      const std::string& stored) {
  HOLDFAST_RETURN_IF_ERROR(CheckIsOurs(api, set, file, stored));
  // An execution has a copy of its own workflow.
  if (&file == &set.whole()) return Ok();
  const std::string& whole = set.whole().name;
  HOLDFAST_ASSIGN_OR_RETURN(const std::string at_work, engine::ExecutionAtWork(api, whole));
  if (at_work.empty()) return Ok();
  return Error(ErrorCode::kConflict,
               "run " + at_work + " of " + whole +
                   " is at work, and starts its parts by their names: to change " + file.name +
                   " now would change it")
      .Hint("wait for it, or end it: 'holdfast cancel " + at_work + " --engine mistral'");
}

engine::AskToChange AskOf(engine::Api& api, const DefinitionSet& set, const DefinitionFile& file) {
  return [&api, &set, &file](const std::string& stored) {
    return CheckMayChange(api, set, file, stored);
  };
}

// NAME.PART.HASH; of an earlier build, whose definitions have no tags, NAME.PART. What is longer is below a workflow of another
// name that only begins so.
bool IsNameOfAPart(std::string_view name, std::string_view whole, bool has_hash) {
  constexpr std::size_t kDigits = 10;
  const auto pieces = Split(name.substr(whole.size() + 1), '.');
  if (pieces.size() != (has_hash ? 2U : 1U) || pieces.front().empty()) return false;
  if (!has_hash) return true;
  return pieces[1].size() == kDigits &&
         pieces[1].find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

struct OldPart {
  std::string name;
  bool is_young = false;
};
struct OldParts {
  std::string whole;  // the text of the workflow that starts none of them
  std::vector<OldPart> parts;
};

// Those of earlier compiles: below the workflow's name, ours, and started neither by what is stored now nor by this one.
Result<OldParts> FindOldParts(engine::Api& api, const DefinitionSet& set) {
  constexpr auto kYoung = std::chrono::hours(1);
  const std::string& whole = set.whole().name;
  OldParts out;
  HOLDFAST_ASSIGN_OR_RETURN(const auto names, engine::WorkflowsNamed(api, whole + "."));
  if (names.empty()) return out;
  HOLDFAST_ASSIGN_OR_RETURN(const auto now, engine::StoredWorkflow(api, whole));
  // What it starts nobody knows.
  if (!now || now->value.is_null()) return out;
  out.whole = now->text;
  HOLDFAST_ASSIGN_OR_RETURN(const auto below, engine::FindBelow(api, now->value));
  std::set<std::string> kept(below.missing.begin(), below.missing.end());
  for (const auto& [name, unused] : below.stored) kept.insert(name);
  for (const DefinitionFile& each : set.files) kept.insert(each.name);
  for (const std::string& name : names) {
    if (kept.contains(name)) continue;
    HOLDFAST_ASSIGN_OR_RETURN(const auto stored, engine::StoredWorkflow(api, name));
    if (!stored) continue;
    const DefinitionOwner owner = mistral::OwnerOf(stored->text, name);
    if (!mistral::IsSameOwner(owner, set.owner, whole)) continue;
    if (IsNameOfAPart(name, whole, owner.whole.empty()))
      out.parts.push_back({name, stored->age.value_or(kYoung) <= kYoung});
  }
  return out;
}

// Of a definition as Mistral has it: the steps that its tasks run.
void AddSteps(const Value& definition, std::map<std::string, int>& steps) {
  const Value* const tasks = definition.Find("tasks");
  if (tasks == nullptr || !tasks->is_map()) return;
  for (const auto& [name, task] : tasks->AsMap()) {
    if (!task.is_map() || task.StringOr("action", "") != mistral_words::kStepAction) continue;
    const Value* const input = task.Find("input");
    if (input == nullptr || !input->is_map() || input->Find("command") != nullptr) continue;
    ++steps[input->StringOr("step", "")];
  }
}

}  // namespace

Result<DefinitionSet> ReadDefinitionSet(const std::string& file, const Bundle& bundle,
                                        const std::string& sha256) {
  DefinitionSet out;
  HOLDFAST_ASSIGN_OR_RETURN(auto sources, MistralFilesOf(file));
  // That of the file itself is the first one there.
  for (std::size_t i = 1; i <= sources.size(); ++i) {
    HOLDFAST_ASSIGN_OR_RETURN(out.files.emplace_back(),
                              OneDefinitionOf(std::move(sources[i % sources.size()])));
  }
  out.owner = {std::string(NameOf(bundle.operation)), bundle.plan.StringOr("name", ""),
               bundle.provider_id, ""};
  HOLDFAST_RETURN_IF_ERROR(CheckIsWhole(out, ChildrenFolderOf(file)));
  HOLDFAST_RETURN_IF_ERROR(CheckSaysWhose(out));
  // An earlier build wrote none.
  const std::string expected = mistral_words::BundleInputOf(sha256);
  if (const std::string& said = out.whole().bundle_input; !said.empty() && said != expected) {
    return InvalidInput(file + " has the input " + Printable(said) +
                        ", and that of its bundle is " + expected)
        .Hint("compile again");
  }
  return out;
}

Status RequireSite(engine::Api& api, const DefinitionSet& set, const std::string& environment) {
  std::set<std::string> actions;
  for (const DefinitionFile& each : set.files)
    actions.insert(each.actions.begin(), each.actions.end());
  for (const std::string& action : actions)
    HOLDFAST_RETURN_IF_ERROR(engine::RequireAction(api, action));
  return engine::RequireEnvironment(api, environment);
}

Result<std::vector<engine::Stored>> CompareDefinitions(engine::Api& api, const DefinitionSet& set) {
  std::vector<engine::Stored> out;
  // The workflow itself first: when that is somebody else's, it is that which is to be said.
  for (std::size_t i = set.files.size(); i-- != 0;) {
    const DefinitionFile& each = set.files[i];
    HOLDFAST_ASSIGN_OR_RETURN(
        const engine::Stored change,
        engine::CompareWorkflow(api, each.name, each.source.text, AskOf(api, set, each)));
    out.insert(out.begin(), change);
  }
  return out;
}

Status CheckThere(const Output& out, engine::Api& api, const DefinitionSet& set,
                  const std::vector<engine::Stored>& changes) {
  for (std::size_t i = 0; i < set.files.size(); ++i) {
    const DefinitionFile& each = set.files[i];
    if (Status valid = engine::ValidateWorkflow(api, each.source.text); !valid)
      return std::move(valid).error().While("checking " + each.source.path);
    const char* const change = changes[i] == engine::Stored::kCreated   ? "store"
                               : changes[i] == engine::Stored::kChanged ? "change"
                                                                        : "none";
    out.Json(
        "checked",
        Value().Set("file", each.source.path).Set("workflow", each.name).Set("change", change));
    if (changes[i] != engine::Stored::kAsItWas)
      out.Say("would " + std::string(change) + " workflow " + each.name);
  }
  out.Say(
      api.Place() + " takes " +
      (set.files.size() == 1 ? set.whole().source.path : Counted(set.files.size(), "definition")) +
      "; nothing was made");
  return Ok();
}

Result<bool> StoreDefinitions(const Output& out, engine::Api& api, const DefinitionSet& set) {
  engine::Stored stored = engine::Stored::kAsItWas;
  for (const DefinitionFile& each : set.files) {
    HOLDFAST_ASSIGN_OR_RETURN(
        stored, engine::StoreWorkflow(api, each.name, each.source.text, AskOf(api, set, each)));
    if (stored == engine::Stored::kAsItWas) continue;
    out.Say((stored == engine::Stored::kCreated ? "stored workflow " : "changed workflow ") +
            each.name);
    out.Json("workflow-stored",
             Value().Set("workflow", each.name).Set("changed", stored == engine::Stored::kChanged));
  }
  return stored == engine::Stored::kChanged;
}

void RemoveOldParts(const Output& out, engine::Api& api, const DefinitionSet& set, bool changed) {
  const std::string& whole = set.whole().name;
  const auto leave = [&out](const Error& why) {
    out.Warn("what earlier compiles have left in Mistral, and nothing starts, is not removed: " +
             Printable(why.message()));
  };
  const auto old = FindOldParts(api, set);
  if (!old) return leave(old.error());
  if (old->parts.empty()) return;
  const auto are_left = [](std::size_t count) {
    return Counted(count, "part") + " of an earlier compile " + (count == 1 ? "is" : "are") +
           " left";
  };
  const auto young = static_cast<std::size_t>(std::count_if(
      old->parts.begin(), old->parts.end(), [](const OldPart& part) { return part.is_young; }));
  // By then an execution is there that Mistral was just making of the workflow as it was before.
  constexpr auto kWhileItStarts = std::chrono::seconds(2);
  if (changed && young != old->parts.size()) std::this_thread::sleep_for(kWhileItStarts);
  const auto at_work = engine::ExecutionAtWork(api, whole);
  if (!at_work) return leave(at_work.error());
  if (!at_work->empty()) {
    out.Say("run " + *at_work + " of " + whole + " is at work: " + are_left(old->parts.size()) +
            " for it, until the next submit");
    return;
  }
  for (const OldPart& part : old->parts) {
    if (part.is_young) continue;
    // What another submit has stored meanwhile may start it.
    const auto now = engine::StoredWorkflow(api, whole);
    if (!now) return leave(now.error());
    if (!*now || (*now)->text != old->whole) return;
    if (const Status removed = engine::DeleteWorkflow(api, part.name); !removed) {
      leave(removed.error());
      continue;
    }
    out.Say("removed workflow " + part.name + " of an earlier compile");
    out.Json("workflow-removed", Value().Set("workflow", part.name));
  }
  if (young != 0) {
    out.Say(are_left(young) +
            ": of the last hour, so another submit may just be storing them; a later one removes "
            "what nothing starts");
  }
}

Status ConfirmDefinitions(const Output& out, engine::Api& api, const DefinitionSet& set) {
  constexpr int kMostRounds = 5;
  for (int round = 0; round < kMostRounds; ++round) {
    // The workflow itself last: it is that which another submit changes, and which is started.
    bool all_as_compiled = true;
    for (const DefinitionFile& each : set.files) {
      HOLDFAST_ASSIGN_OR_RETURN(
          const engine::Stored change,
          engine::CompareWorkflow(api, each.name, each.source.text, AskOf(api, set, each)));
      all_as_compiled = all_as_compiled && change == engine::Stored::kAsItWas;
    }
    if (all_as_compiled) return Ok();
    out.Say("what is stored of " + set.whole().name +
            " has been changed since, as by another submit: it is stored again");
    if (const auto stored = StoreDefinitions(out, api, set); !stored) return stored.error();
  }
  return Unavailable("others store the workflow " + set.whole().name + " in " + api.Place() +
                     " again and again: nothing was started")
      .Hint("submit again once they have come to their end");
}

Status CheckParts(Session& session, engine::Api& api, const engines::RunStatus& run,
                  const engine::Definition& stored, const std::string& hint) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto below, engine::FindBelow(api, stored.value));
  if (!below.missing.empty()) {
    return NotFound("the workflow " + Printable(below.missing.front()) + ", which " + run.name +
                    " starts, is gone from " + api.Place())
        .Hint(hint);
  }
  if (below.stored.empty()) return Ok();
  const DefinitionOwner whole = mistral::OwnerOf(stored.text, run.name);
  for (const auto& [name, part] : below.stored) {
    const DefinitionOwner owner = mistral::OwnerOf(part.text, name);
    if (mistral::IsSameOwner(owner, whole, run.name)) continue;
    return Error(ErrorCode::kConflict,
                 "the workflow " + Printable(name) + " in " + api.Place() + ", which " + run.name +
                     " starts, is none of its parts: " +
                     (owner.is_unknown() ? "'holdfast compile' has not written it"
                                         : "it is " + Printable(owner.str())))
        .Hint(hint);
  }
  // Earlier builds gave parts of every compile the same names, and a submit that was interrupted has left some of each.
  const auto bundle_name = run.parameters.find("bundle");
  const std::optional<BankSection> bank = BankOfRun(session, run);
  if (!bank || bundle_name == run.parameters.end()) return Ok();
  const auto bundle = runtime::LoadBundleFromBank(*bank, bundle_name->second);
  if (!bundle) return Ok();  // begin says that better
  std::map<std::string, int> steps;
  AddSteps(stored.value, steps);
  for (const auto& [unused, part] : below.stored) AddSteps(part.value, steps);
  const auto mixed = [&](const std::string& step, const char* how) {
    return Error(ErrorCode::kConflict, "the parts of " + run.name + " in " + api.Place() +
                                           " are not those that it was compiled with: step " +
                                           Printable(step) + how)
        .Hint(hint);
  };
  for (const BundleShard& shard : bundle->shards) {
    for (const BundleStep& step : shard.steps) {
      const auto found = steps.find(step.name);
      if (found == steps.end()) return mixed(step.name, " is in none of them");
      if (found->second != 1) return mixed(step.name, " is in several of them");
      steps.erase(found);
    }
  }
  if (!steps.empty()) return mixed(steps.begin()->first, " is none of the run's");
  return Ok();
}

}  // namespace holdfast::cli
