#pragma once

#include <concepts>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "plugins/sdk/activity.h"
#include "plugins/sdk/checkpoint.h"
#include "plugins/sdk/context.h"
#include "plugins/sdk/descriptor.h"
#include "plugins/sdk/operation.h"
#include "plugins/sdk/parameter_faults.h"
#include "plugins/sdk/parameters.h"
#include "plugins/sdk/place.h"
#include "plugins/sdk/protectable_plugin.h"
#include "plugins/sdk/resource.h"
#include "plugins/sdk/sample.h"

namespace holdfast {

// What a plugin answers when it is asked about one (operation, activity, resource, parameters).
struct StepChoice {
  enum class Kind {
    kNone,       // nothing to do for this resource: a no-op, no step
    kOwn,        // a step of its own
    kAggregate,  // one step together with all resources of the same key
  };
  Kind kind = Kind::kOwn;
  std::string key;  // of kAggregate

  static StepChoice None() { return {Kind::kNone, {}}; }
  static StepChoice Own() { return {Kind::kOwn, {}}; }
  static StepChoice Aggregate(std::string key) { return {Kind::kAggregate, std::move(key)}; }
  friend bool operator==(const StepChoice&, const StepChoice&) = default;
};

// What a plugin says of a resource that stands below one of its own, and that it leaves to another
// plugin (a database inside a directory).
struct ChildChoice {
  // What is asked of the upper one does not reach this one: nothing is done to it, nor to what
  // stands below it.
  bool left_out = false;
  // What is wrong with the child's parameters beside those of the upper one.
  std::vector<ParameterFault> faults;
};

// A protection plugin, whatever it is made of (a C++ class, an executable). Used by the runtime;
// authors of C++ plugins write a plain class (below), not a subclass. One object may serve several
// activities one after the other; one thread at a time.
class ProtectionPlugin {
 public:
  virtual ~ProtectionPlugin() = default;
  virtual const PluginDescriptor& descriptor() const = 0;
  virtual const PollSettings& poll_settings() const = 0;
  // A pure function of its arguments (and the settings). Asked only for activities that the
  // descriptor defines.
  virtual Result<StepChoice> Choose(Operation operation, ActivityKind kind,
                                    const Resource& resource, const Value& parameters) const = 0;
  // What is wrong with these parameters of the operation for this resource, beyond their schema,
  // which they have passed? All of it, not only the first. A pure function of its arguments (and
  // the settings), asked before anything is written: compiling may happen on another machine, so
  // it looks at no file, clock or network. Activities hold to the same rules by calling the same
  // functions (RefuseFaults). Without a word of the plugin: nothing.
  virtual std::vector<ParameterFault> Validate(Operation /*operation*/,
                                               const Resource& /*resource*/,
                                               const Value& /*parameters*/) const {
    return {};
  }
  // Where protect reads this resource from, and where restore writes it to, with these parameters,
  // which Validate has nothing against (place.h). `saved` is the saved info of the checkpoint that is
  // restored, checked, or null where it is not known (protect: always): then a place may only be
  // told larger than it is. Pure, like Validate; asked for protect and restore only. The runtime
  // refuses a restore of several resources to one place, and whatever would read or write the bank
  // itself. Without a word of the plugin: nothing.
  virtual std::vector<Place> Places(Operation /*operation*/, const Resource& /*resource*/,
                                    const Value& /*parameters*/, const Value& /*saved*/) const {
    return {};
  }
  // What the operation on this resource, with these parameters, means for `child`, which stands
  // below it and has `child_parameters` (ChildChoice). Pure, like Validate. Without a word of the
  // plugin: nothing.
  virtual ChildChoice ChooseForChild(Operation /*operation*/, const Resource& /*resource*/,
                                     const Value& /*parameters*/, const ResourceLink& /*child*/,
                                     const Value& /*child_parameters*/) const {
    return {};
  }
  // Preflight (`holdfast check`): what stands in the way of protecting this resource now, with
  // these parameters of protect? Tools there and new enough, permissions, space; all of it, not
  // only the first, but for what Validate says: it is told beside it. Changes nothing; soon over.
  // Without a word of the plugin: nothing.
  virtual std::vector<Error> Check(Context& /*context*/, const Resource& /*resource*/,
                                   const Parameters& /*parameters*/) {
    return {};
  }
  // Starts an activity that the descriptor defines, for one resource, or for all of an aggregated
  // step. The arguments outlive the coroutine.
  virtual Activity Start(Operation operation, ActivityKind kind, Checkpoint& checkpoint,
                         Context& context, std::span<const Resource> resources,
                         const Parameters& parameters) = 0;
  // The protectables that this plugin object brings, for types that only its settings tell. Asked
  // once, when a provider has made the plugin; the registry's are for types that it does not bring.
  virtual std::vector<std::unique_ptr<ProtectablePlugin>> TakeProtectables() { return {}; }
};

// --- C++ plugins ---------------------------------------------------------------------------------
// A protection plugin is a class such as
//
//   class DirectoryProtection {
//    public:
//     static constexpr std::string_view kName = "local-directory";
//     static constexpr std::string_view kDescription = "directories of this machine";
//     static constexpr std::array<std::string_view, 1> kTypes{"Local::Directory"};
//     // Optional, each: Settings, and what Describe says of them (schema.h); also Restore-, Delete-
//     // and VerifyParameters; saved info; and what is not as usual.
//     struct Settings { ... Describe ... };
//     struct ProtectParameters { ... };
//     struct SavedInfo { static constexpr int kVersion = 1; ... };
//     static constexpr bool kQuiesces = false;
//     static constexpr bool kPostActsOnFailure = true;
//     static constexpr std::array kEmptyOnPurpose{Operation::kDelete};
//     static constexpr std::array<std::string_view, n> kAliases{...};
//     static constexpr std::string_view kSettingsSection = "...";  // else kName with '_'
//     static constexpr std::array<std::string_view, n> kSharedSections{...};  // of its family
//
//     explicit DirectoryProtection(Settings settings);  // or a default constructor
//     // optional; without it every defined activity is a step of its own
//     StepChoice Choose(Operation, ActivityKind, const Resource&, const Value& parameters) const;
//     // optional: what is wrong with the parameters, beyond their schema (parameter_faults.h)
//     std::vector<ParameterFault> Validate(Operation, const Resource&, const Value&) const;
//     // optional: where protect reads a resource from, where restore writes it to (place.h)
//     std::vector<Place> Places(Operation, const Resource&, const Value& parameters) const;
//     // or, where what was saved with the checkpoint counts for a restore:
//     std::vector<Place> Places(Operation, const Resource&, const Value& parameters,
//                               const Value& saved) const;
//     // optional: what its operation means for a resource below it (ChildChoice)
//     ChildChoice ChooseForChild(Operation, const Resource&, const Value& parameters,
//                                const ResourceLink& child, const Value& child_parameters) const;
//     // optional: the preflight of a resource, with the parameters of protect (preflight.h)
//     std::vector<Error> Check(Context&, const Resource&, const Parameters&);
//
//     Activity activity_protect_parallel(Checkpoint&, Context&, const Resource&,
//                                        const Parameters&);
//     Activity activity_protect_pre(Checkpoint&, Context&, std::span<const Resource>,
//                                   const Parameters&);
//   };
//
// Its activities are the methods activity_<operation>_<activity> with the specification's four
// parameters; the third is one resource, or a span where the plugin aggregates. Which exist is
// found out here, so a descriptor cannot disagree with the code.

namespace plugin_internal {

// One detector per method name: HOLDFAST_DETECT_ACTIVITY(protect, pre) makes Has_protect_pre<P>,
// true for either form, and Call_protect_pre.
#define HOLDFAST_DETECT_ACTIVITY(operation, kind)                                                  \
  template <class P>                                                                               \
  concept One_##operation##_##kind =                                                               \
      requires(P & p, Checkpoint & c, Context & x, const Resource& r, const Parameters& a) {       \
    { p.activity_##operation##_##kind(c, x, r, a) } -> std::same_as<Activity>;                     \
  };                                                                                               \
  template <class P>                                                                               \
  concept Many_##operation##_##kind = requires(P & p, Checkpoint & c, Context & x,                 \
                                               std::span<const Resource> r, const Parameters& a) { \
    { p.activity_##operation##_##kind(c, x, r, a) } -> std::same_as<Activity>;                     \
  };                                                                                               \
  template <class P>                                                                               \
  concept Named_##operation##_##kind = requires {                                                  \
    &P::activity_##operation##_##kind;                                                             \
  };                                                                                               \
  template <class P>                                                                               \
  constexpr bool Has_##operation##_##kind() {                                                      \
    constexpr bool has = One_##operation##_##kind<P> || Many_##operation##_##kind<P>;              \
    static_assert(has || !Named_##operation##_##kind<P>,                                           \
                  "activity_" #operation "_" #kind                                                 \
                  " does not take (Checkpoint&, Context&, const Resource& or "                     \
                  "std::span<const Resource>, const Parameters&) and return an Activity");         \
    return has;                                                                                    \
  }                                                                                                \
  template <class P>                                                                               \
  Activity Call_##operation##_##kind(P& p, Checkpoint& c, Context& x, std::span<const Resource> r, \
                                     const Parameters& a) {                                        \
    if constexpr (Many_##operation##_##kind<P>) {                                                  \
      return p.activity_##operation##_##kind(c, x, r, a);                                          \
    } else if constexpr (One_##operation##_##kind<P>) {                                            \
      HOLDFAST_CHECK(r.size() == 1);                                                               \
      return p.activity_##operation##_##kind(c, x, r.front(), a);                                  \
    } else {                                                                                       \
      CheckFailed("an activity that the plugin does not define was started", __FILE__, __LINE__);  \
    }                                                                                              \
  }

#define HOLDFAST_DETECT_OPERATION(operation)      \
  HOLDFAST_DETECT_ACTIVITY(operation, pre)        \
  HOLDFAST_DETECT_ACTIVITY(operation, pre_finish) \
  HOLDFAST_DETECT_ACTIVITY(operation, parallel)   \
  HOLDFAST_DETECT_ACTIVITY(operation, post)

HOLDFAST_DETECT_OPERATION(protect)
HOLDFAST_DETECT_OPERATION(restore)
HOLDFAST_DETECT_OPERATION(delete)
HOLDFAST_DETECT_OPERATION(verify)

#undef HOLDFAST_DETECT_OPERATION
#undef HOLDFAST_DETECT_ACTIVITY

template <class P>
using Caller = Activity (*)(P&, Checkpoint&, Context&, std::span<const Resource>,
                            const Parameters&);

// The callers of a class by operation and activity; what it does not define is nullptr.
template <class P>
struct CallerTable {
  Caller<P> at[kAllOperations.size()][kActivityKindCount]{};
  constexpr CallerTable() {
#define HOLDFAST_ROW(index, operation)                                                           \
  if constexpr (Has_##operation##_pre<P>()) at[index][0] = &Call_##operation##_pre<P>;           \
  if constexpr (Has_##operation##_pre_finish<P>())                                               \
    at[index][1] = &Call_##operation##_pre_finish<P>;                                            \
  if constexpr (Has_##operation##_parallel<P>()) at[index][2] = &Call_##operation##_parallel<P>; \
  if constexpr (Has_##operation##_post<P>()) at[index][3] = &Call_##operation##_post<P>;
    HOLDFAST_ROW(0, protect)
    HOLDFAST_ROW(1, restore)
    HOLDFAST_ROW(2, delete)
    HOLDFAST_ROW(3, verify)
#undef HOLDFAST_ROW
  }
};

template <class P>
PluginDescriptor MakeDescriptor() {
  PluginDescriptor d;
  d.name = std::string(P::kName);
  d.description = std::string(P::kDescription);
  for (const std::string_view type : P::kTypes) d.types.emplace_back(type);
  if constexpr (requires { P::kAliases; }) {
    for (const std::string_view alias : P::kAliases) d.aliases.emplace_back(alias);
  }
  if constexpr (requires { P::kSettingsSection; }) {
    d.settings_section = std::string(P::kSettingsSection);
  } else {
    d.settings_section = d.name;
    for (char& c : d.settings_section) {
      if (c == '-') c = '_';
    }
  }
  if constexpr (requires { P::kSharedSections; }) {
    for (const std::string_view section : P::kSharedSections)
      d.shared_sections.emplace_back(section);
  }
  if constexpr (requires { typename P::Settings; }) d.settings = SchemaOf<typename P::Settings>();
  for (Field& field : SchemaOf<PollSettings>().fields)
    d.settings.fields.push_back(std::move(field));
  constexpr CallerTable<P> callers;
  for (std::size_t o = 0; o < kAllOperations.size(); ++o) {
    for (std::size_t k = 0; k < kActivityKindCount; ++k) {
      d.operations[o].activities[k] = callers.at[o][k] != nullptr;
    }
  }
  if constexpr (requires { typename P::ProtectParameters; }) {
    d.operation(Operation::kProtect).parameters = SchemaOf<typename P::ProtectParameters>();
  }
  if constexpr (requires { typename P::RestoreParameters; }) {
    d.operation(Operation::kRestore).parameters = SchemaOf<typename P::RestoreParameters>();
  }
  if constexpr (requires { typename P::DeleteParameters; }) {
    d.operation(Operation::kDelete).parameters = SchemaOf<typename P::DeleteParameters>();
  }
  if constexpr (requires { typename P::VerifyParameters; }) {
    d.operation(Operation::kVerify).parameters = SchemaOf<typename P::VerifyParameters>();
  }
  if constexpr (requires { typename P::SavedInfo; }) {
    d.has_saved_info = true;
    d.saved_info = SchemaOf<typename P::SavedInfo>();
  }
  HOLDFAST_CHECK(AddSampleParameter(d).has_value());
  if constexpr (requires { P::kQuiesces; }) d.quiesces = P::kQuiesces;
  if constexpr (requires { P::kPostActsOnFailure; }) d.post_acts_on_failure = P::kPostActsOnFailure;
  if constexpr (requires { P::kEmptyOnPurpose; }) {
    for (const Operation operation : P::kEmptyOnPurpose)
      d.operation(operation).empty_on_purpose = true;
  }
  return d;
}

template <class P>
class ClassPlugin final : public ProtectionPlugin {
 public:
  // `settings` has passed CheckAgainstSchema(descriptor.settings).
  explicit ClassPlugin(const Value& settings)
      : descriptor_(MakeDescriptor<P>()),
        poll_(BindChecked<PollSettings>(settings)),
        plugin_(MakePlugin(settings)) {}

  const PluginDescriptor& descriptor() const override { return descriptor_; }
  const PollSettings& poll_settings() const override { return poll_; }
  Result<StepChoice> Choose(Operation operation, ActivityKind kind, const Resource& resource,
                            const Value& parameters) const override {
    if constexpr (requires { plugin_.Choose(operation, kind, resource, parameters); }) {
      return plugin_.Choose(operation, kind, resource, parameters);
    } else {
      return StepChoice::Own();
    }
  }
  std::vector<ParameterFault> Validate(Operation operation, const Resource& resource,
                                       const Value& parameters) const override {
    if constexpr (requires { plugin_.Validate(operation, resource, parameters); }) {
      return plugin_.Validate(operation, resource, parameters);
    } else {
      static_assert(
          !requires { &P::Validate; },
          "Validate is not const or does not take (Operation, const Resource&, const Value&)");
      return {};
    }
  }
  std::vector<Place> Places(Operation operation, const Resource& resource, const Value& parameters,
                            const Value& saved) const override {
    if constexpr (requires { plugin_.Places(operation, resource, parameters, saved); }) {
      return plugin_.Places(operation, resource, parameters, saved);
    } else if constexpr (requires { plugin_.Places(operation, resource, parameters); }) {
      return plugin_.Places(operation, resource, parameters);
    } else {
      static_assert(
          !requires { &P::Places; },
          "Places is not const or does not take (Operation, const Resource&, const Value&) or "
          "these "
          "and another const Value&");
      return {};
    }
  }
  ChildChoice ChooseForChild(Operation operation, const Resource& resource, const Value& parameters,
                             const ResourceLink& child,
                             const Value& child_parameters) const override {
    if constexpr (requires {
                    plugin_.ChooseForChild(operation, resource, parameters, child,
                                           child_parameters);
                  }) {
      return plugin_.ChooseForChild(operation, resource, parameters, child, child_parameters);
    } else {
      static_assert(
          !requires { &P::ChooseForChild; },
          "ChooseForChild is not const or does not take (Operation, const Resource&, const Value&, "
          "const ResourceLink&, const Value&)");
      return {};
    }
  }
  std::vector<Error> Check(Context& context, const Resource& resource,
                           const Parameters& parameters) override {
    if constexpr (requires { plugin_.Check(context, resource, parameters); }) {
      return plugin_.Check(context, resource, parameters);
    } else {
      static_assert(
          !requires { &P::Check; },
          "Check does not take (Context&, const Resource&, const Parameters&)");
      return {};
    }
  }
  Activity Start(Operation operation, ActivityKind kind, Checkpoint& checkpoint, Context& context,
                 std::span<const Resource> resources, const Parameters& parameters) override {
    static constexpr CallerTable<P> kCallers;
    const auto caller =
        kCallers.at[static_cast<std::size_t>(operation)][static_cast<std::size_t>(kind)];
    HOLDFAST_CHECK(caller != nullptr);
    return caller(plugin_, checkpoint, context, resources, parameters);
  }

 private:
  static P MakePlugin(const Value& settings) {
    if constexpr (requires { typename P::Settings; }) {
      return P(BindChecked<typename P::Settings>(settings));
    } else {
      return P();
    }
  }
  PluginDescriptor descriptor_;
  PollSettings poll_;
  P plugin_;
};

}  // namespace plugin_internal

template <class P>
std::unique_ptr<ProtectionPlugin> MakeProtectionPlugin(const Value& checked_settings) {
  return std::make_unique<plugin_internal::ClassPlugin<P>>(checked_settings);
}

}  // namespace holdfast
