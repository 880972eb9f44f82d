#include "compiler/plan/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "compiler/plan/schedule.h"
#include "plugins/sdk/schema.h"
#include "plugins/sdk/text.h"
#include "plugins/sdk/yaml/yaml_in.h"

namespace holdfast::compiler {
namespace {

// The policy as a file has it.
struct PolicyForm {
  std::optional<std::int64_t> parallelism;
  std::optional<std::chrono::milliseconds> step_deadline;
  std::optional<std::chrono::milliseconds> run_deadline;
  std::int64_t retries = 5;
  std::string fuse = "none";
  std::string drift = "fail";
  std::string step_names = "readable";
  bool fail_fast = false;
  std::optional<std::chrono::milliseconds> keep_succeeded;
  std::optional<std::chrono::milliseconds> keep_failed;
  template <class Fields>
  static void Describe(Fields& fields) {
    constexpr std::int64_t kMonth = 30LL * 86'400'000;
    fields("parallelism", &PolicyForm::parallelism,
           "how many steps run at once; without it, as many as can")
        .Range(1, 10'000);
    fields("step_deadline", &PolicyForm::step_deadline, "how long one try of one step may take")
        .Range(1000, kMonth);
    fields("run_deadline", &PolicyForm::run_deadline, "how long a run may take")
        .Range(1000, kMonth);
    fields("retries", &PolicyForm::retries,
           "how often a step that was killed or says 'try again' is tried again")
        .Range(0, 100);
    fields("fuse", &PolicyForm::fuse,
           "none: one activity a step; leaf: one step for all activities of a leaf")
        .OneOf({"none", "leaf"});
    fields("drift", &PolicyForm::drift,
           "what happens when there is more or less than what was compiled")
        .OneOf({"fail", "warn", "ignore"});
    fields("step_names", &PolicyForm::step_names,
           "opaque: names of resources stay out of the names of steps")
        .OneOf({"readable", "opaque"});
    fields("fail_fast", &PolicyForm::fail_fast,
           "true: prepare nothing more once something has failed");
    fields("keep_succeeded", &PolicyForm::keep_succeeded,
           "how long the engine keeps a run that succeeded")
        .Range(1000, 12 * kMonth);
    fields("keep_failed", &PolicyForm::keep_failed, "how long the engine keeps a run that failed")
        .Range(1000, 12 * kMonth);
  }
};

constexpr std::array<std::string_view, 7> kKeys{"name",   "provider", "resources", "parameters",
                                                "policy", "schedule", "retention"};

// Reads a whole plan, collecting every fault.
class PlanReader {
 public:
  PlanReader(const Value& value, SourceText source) : value_(value), source_(std::move(source)) {}

  Result<Plan> Run() {
    if (!value_.is_map()) {
      return source_
          .At(value_.position(), value_.is_null() ? "the plan is empty" : "a plan is a map")
          .Hint("it has name, provider and resources; 'holdfast plan new' writes one");
    }
    RefuseUnknownKeys();
    ReadName();
    ReadProvider();
    ReadResources();
    ReadParameters();
    ReadPolicy();
    ReadSchedule();
    if (const Value* retention = value_.Find("retention");
        retention != nullptr && !retention->is_null()) {
      Keep("retention", CheckRetention(*retention, source_.file));
    }
    if (!faults_.empty()) return source_.WithLines(Together(faults_));
    plan_.policy = PolicyOf(plan_.value);
    plan_.parameters.source = std::move(source_);
    return std::move(plan_);
  }

 private:
  void Fault(Position position, std::string message, std::string hint, std::size_t width = 1) {
    faults_.push_back(source_.At(position, std::move(message), width).Hint(std::move(hint)));
  }

  void Keep(std::string_view key, Result<Value> checked) {
    if (checked) {
      plan_.value.Set(key, std::move(*checked));
    } else {
      faults_.push_back(std::move(checked).error());
    }
  }

  void RefuseUnknownKeys() {
    const std::vector<std::string> known(kKeys.begin(), kKeys.end());
    for (const auto& [key, value] : value_.AsMap()) {
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      const std::string near = Nearest(key, known);
      Fault(value.key_position(), fmt::format("a plan has no '{}'", Printable(key)),
            near.empty() ? "it has " + Join(known, ", ") : "did you mean '" + near + "'?",
            key.size());
    }
  }

  // The text at `key`, which has to be there; nullptr after a fault.
  const Value* RequiredText(std::string_view key, std::string_view hint) {
    const Value* found = value_.Find(key);
    if (found == nullptr || found->is_null()) {
      Fault(found == nullptr ? value_.position() : found->key_position(),
            fmt::format("the plan needs '{}'", key), std::string(hint));
      return nullptr;
    }
    if (!found->is_string()) {
      Fault(found->position(), fmt::format("'{}' is a text, not {}", key, NameOf(found->kind())),
            found->is_map() || found->is_list() ? std::string(hint) : "put it in quotes");
      return nullptr;
    }
    return found;
  }

  void ReadName() {
    const Value* name = RequiredText("name", "such as 'name: nightly'");
    if (name == nullptr) return;
    plan_.name = name->AsString();
    plan_.value.Set("name", plan_.name);
    if (!IsPlanName(plan_.name)) {
      Fault(
          name->position(), fmt::format("'{}' cannot be the name of a plan", Printable(plan_.name)),
          "a name has 1 to 40 of a-z, 0-9 and '-', begins with a letter and does not end with '-'",
          plan_.name.size());
    }
  }

  void ReadProvider() {
    const Value* provider = RequiredText(
        "provider", "the name or id of a provider; 'holdfast providers list' shows them");
    if (provider == nullptr) return;
    plan_.provider = provider->AsString();
    plan_.provider_position = provider->position();
    plan_.value.Set("provider", plan_.provider);
    if (Trim(plan_.provider).empty()) {
      Fault(provider->position(), "the plan names no provider",
            "'holdfast providers list' shows them");
    }
  }

  void ReadResources() {
    const std::string hint =
        "such as 'resources: [Local::Application#shop]'; 'holdfast resources list' shows them";
    const Value* resources = value_.Find("resources");
    if (resources == nullptr || resources->is_null()) {
      return Fault(resources == nullptr ? value_.position() : resources->key_position(),
                   "the plan needs 'resources'", hint);
    }
    if (!resources->is_list()) {
      return Fault(resources->position(),
                   fmt::format("'resources' is a list, not {}", NameOf(resources->kind())), hint);
    }
    if (resources->AsList().empty())
      return Fault(resources->position(), "the plan protects nothing", hint);
    for (const Value& entry : resources->AsList()) ReadResource(entry);
    std::sort(plan_.resources.begin(), plan_.resources.end());
    Value::List texts;
    for (const ResourceKey& key : plan_.resources) texts.emplace_back(key.str());
    plan_.value.Set("resources", std::move(texts));
  }

  void ReadResource(const Value& entry) {
    const std::string form = "a resource is TYPE#ID or {type: TYPE, id: ID}";
    std::size_t width = 1;
    Result<ResourceKey> key = InvalidInput("");
    if (entry.is_string()) {
      width = entry.AsString().size();
      key = ParseResourceKey(entry.AsString());
    } else if (entry.is_map()) {
      const std::vector<std::string> known{"type", "id"};
      for (const auto& [name, value] : entry.AsMap()) {
        if (std::find(known.begin(), known.end(), name) != known.end()) continue;
        const std::string near = Nearest(name, known);
        return Fault(value.key_position(), fmt::format("a resource has no '{}'", Printable(name)),
                     near.empty() ? form : "did you mean '" + near + "'?", name.size());
      }
      const Value* type = entry.Find("type");
      const Value* id = entry.Find("id");
      if (type == nullptr || id == nullptr || !type->is_string() || !id->is_string()) {
        return Fault(entry.position(), "a resource needs 'type' and 'id', both texts", form);
      }
      key = ResourceKey{type->AsString(), id->AsString()};
      if (Status good = CheckResourceKey(*key); !good) key = std::move(good).error();
    } else {
      return Fault(entry.position(), fmt::format("{}, not {}", form, NameOf(entry.kind())),
                   "'holdfast resources list' shows them");
    }
    if (!key) {
      Error error = std::move(key).error();
      return Fault(entry.position(), error.message(), error.hint().empty() ? form : error.hint(),
                   width);
    }
    if (!plan_.resource_positions.emplace(*key, entry.position()).second) {
      return Fault(entry.position(), fmt::format("{} is listed twice", Printable(key->str())),
                   "once is enough", width);
    }
    plan_.resources.push_back(std::move(*key));
  }

  void ReadParameters() {
    const Value* parameters = value_.Find("parameters");
    if (parameters == nullptr) return;
    CheckParameterEntries(source_, *parameters, faults_);
    plan_.parameters.entries = *parameters;
  }

  void ReadPolicy() {
    const Value* policy = value_.Find("policy");
    Value given = policy == nullptr ? Value() : *policy;
    Result<Value> checked =
        CheckAgainstSchema(SchemaOf<PolicyForm>(), given, source_.file, "policy settings");
    Keep("policy", std::move(checked));
  }

  void ReadSchedule() {
    const Value* schedule = value_.Find("schedule");
    if (schedule == nullptr || schedule->is_null()) return;
    Keep("schedule", CheckSchedule(*schedule, source_.file));
  }

  const Value& value_;
  SourceText source_;
  Plan plan_;
  std::vector<Error> faults_;
};

}  // namespace

bool IsPlanName(std::string_view name) {
  const auto letter = [](char c) { return c >= 'a' && c <= 'z'; };
  return !name.empty() && name.size() <= 40 && letter(name.front()) && name.back() != '-' &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '-'; });
}

Result<Plan> ParsePlan(std::string_view text, std::string_view file) {
  HOLDFAST_ASSIGN_OR_RETURN(const Value value, ParseYaml(text, file));
  return PlanReader(value, {std::string(file), std::string(text)}).Run();
}

PlanPolicy PolicyOf(const Value& plan) {
  PlanPolicy out;
  const Value* policy = plan.Find("policy");
  if (policy == nullptr) return out;
  const auto whole = [policy](std::string_view key) {
    return std::max<std::int64_t>(policy->IntOr(key, 0), 0);
  };
  if (whole("parallelism") > 0) out.parallelism = static_cast<std::uint32_t>(whole("parallelism"));
  if (whole("step_deadline") > 0)
    out.step_deadline = std::chrono::milliseconds(whole("step_deadline"));
  if (whole("run_deadline") > 0)
    out.run_deadline = std::chrono::milliseconds(whole("run_deadline"));
  out.retries =
      static_cast<std::uint32_t>(std::max<std::int64_t>(policy->IntOr("retries", out.retries), 0));
  if (policy->StringOr("fuse", "") == "leaf") out.fuse = FuseMode::kLeaf;
  const std::string drift = policy->StringOr("drift", "");
  out.drift = drift == "ignore" ? DriftPolicy::kIgnore
              : drift == "warn" ? DriftPolicy::kWarn
                                : DriftPolicy::kFail;
  if (policy->StringOr("step_names", "") == "opaque") out.step_names = StepNames::kOpaque;
  out.fail_fast = policy->BoolOr("fail_fast", false);
  if (whole("keep_succeeded") > 0)
    out.keep_succeeded = std::chrono::milliseconds(whole("keep_succeeded"));
  if (whole("keep_failed") > 0) out.keep_failed = std::chrono::milliseconds(whole("keep_failed"));
  return out;
}

}  // namespace holdfast::compiler
