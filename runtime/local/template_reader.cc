#include "runtime/local/template_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "plugins/sdk/text.h"
#include "runtime/local/call_reader.h"
#include "runtime/local/child_manifest.h"
#include "runtime/local/dag_reader.h"

namespace holdfast::local {
namespace {

using Names = std::string_view;

constexpr std::array<Names, 9> kTemplateRead{
    "name",      "resource",      "inputs",          "dag",
    "container", "retryStrategy", "synchronization", "activeDeadlineSeconds",
    "outputs"};
constexpr std::array<Names, 16> kTemplateIgnored{"metadata",
                                                 "nodeSelector",
                                                 "affinity",
                                                 "tolerations",
                                                 "schedulerName",
                                                 "priorityClassName",
                                                 "priority",
                                                 "serviceAccountName",
                                                 "automountServiceAccountToken",
                                                 "executor",
                                                 "hostAliases",
                                                 "securityContext",
                                                 "podSpecPatch",
                                                 "volumes",
                                                 "archiveLocation",
                                                 "metrics"};
constexpr std::array<Names, 15> kTemplateRefused{
    "steps",       "script",       "suspend", "http",           "plugin",
    "data",        "containerSet", "daemon",  "initContainers", "sidecars",
    "parallelism", "failFast",     "memoize", "timeout",        "annotations"};

constexpr std::array<Names, 3> kContainerRead{"command", "args", "env"};
constexpr std::array<Names, 19> kContainerIgnored{"image",
                                                  "imagePullPolicy",
                                                  "name",
                                                  "resources",
                                                  "volumeMounts",
                                                  "volumeDevices",
                                                  "securityContext",
                                                  "ports",
                                                  "envFrom",
                                                  "workingDir",
                                                  "terminationMessagePath",
                                                  "terminationMessagePolicy",
                                                  "stdin",
                                                  "stdinOnce",
                                                  "tty",
                                                  "resizePolicy",
                                                  "livenessProbe",
                                                  "readinessProbe",
                                                  "startupProbe"};
constexpr std::array<Names, 3> kContainerRefused{"lifecycle", "restartPolicy",
                                                 "restartPolicyRules"};

constexpr std::array<Names, 2> kEnvRead{"name", "value"};
constexpr std::array<Names, 1> kEnvIgnored{"valueFrom"};

constexpr std::array<Names, 4> kRetryRead{"limit", "retryPolicy", "expression", "backoff"};
constexpr std::array<Names, 1> kRetryIgnored{"affinity"};
constexpr std::array<Names, 3> kBackoffRead{"duration", "factor", "cap"};
constexpr std::array<Names, 1> kBackoffRefused{"maxDuration"};

constexpr std::array<Names, 1> kSynchronizationRead{"mutexes"};
constexpr std::array<Names, 3> kSynchronizationRefused{"semaphores", "mutex", "semaphore"};
constexpr std::array<Names, 1> kMutexRead{"name"};
constexpr std::array<Names, 1> kMutexRefused{"namespace"};

Result<std::vector<PlacedText>> ReadTexts(const SourceFile& source, const Value& map,
                                          std::string_view key) {
  std::vector<PlacedText> texts;
  HOLDFAST_ASSIGN_OR_RETURN(const Value* list, ListField(source, map, key));
  if (list == nullptr) return texts;
  for (const Value& element : list->AsList()) {
    HOLDFAST_ASSIGN_OR_RETURN(PlacedText text,
                              ReadText(source, element, fmt::format("an element of '{}'", key)));
    texts.push_back(std::move(text));
  }
  return texts;
}

Result<Container> ReadContainer(const SourceFile& source, const Value& value) {
  HOLDFAST_RETURN_IF_ERROR(CheckFields(
      source, value, {"a container", kContainerRead, kContainerIgnored, kContainerRefused}));
  Container container;
  HOLDFAST_ASSIGN_OR_RETURN(container.command, ReadTexts(source, value, "command"));
  if (container.command.empty()) {
    return source.At(value.position(), "a container needs a 'command'")
        .Hint("the image's own entry point is not known on this machine");
  }
  HOLDFAST_ASSIGN_OR_RETURN(container.args, ReadTexts(source, value, "args"));
  HOLDFAST_ASSIGN_OR_RETURN(const Value* env, ListField(source, value, "env"));
  if (env == nullptr) return container;
  for (const Value& element : env->AsList()) {
    HOLDFAST_RETURN_IF_ERROR(
        CheckFields(source, element, {"an element of 'env'", kEnvRead, kEnvIgnored, {}}));
    HOLDFAST_ASSIGN_OR_RETURN(std::string name,
                              RequiredName(source, element, "an element of 'env'"));
    if (name.find('=') != std::string::npos) {
      return source.At(element.position(),
                       fmt::format("'{}' cannot be the name of a variable", Printable(name)));
    }
    const Value* text = element.Find("value");
    if (text == nullptr) continue;
    HOLDFAST_ASSIGN_OR_RETURN(
        PlacedText placed, ReadText(source, *text, fmt::format("variable '{}'", Printable(name))));
    container.environment.push_back({std::move(name), std::move(placed)});
  }
  return container;
}

// Argo takes a number or a text with variables in these places.
bool HoldsVariable(const Value& value) {
  return value.is_string() && value.AsString().find("{{") != std::string::npos;
}

Result<RetryStrategy> ReadRetry(const SourceFile& source, const Value& value) {
  HOLDFAST_RETURN_IF_ERROR(
      CheckFields(source, value, {"'retryStrategy'", kRetryRead, kRetryIgnored, {}}));
  RetryStrategy retry;
  if (const Value* limit = value.Find("limit")) {
    if (HoldsVariable(*limit)) {
      HOLDFAST_ASSIGN_OR_RETURN(retry.limit_text, ReadText(source, *limit, "'limit'"));
    } else {
      HOLDFAST_ASSIGN_OR_RETURN(retry.limit, ReadInteger(source, *limit, "'limit'", 0));
    }
  }
  if (const Value* expression = value.Find("expression")) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::string text,
                              TextOfScalar(source, *expression, "'expression'"));
    auto parsed = Expression::Parse(text);
    if (!parsed)
      return source.At(expression->position(), "'expression': " + parsed.error().message());
    for (const std::string& name : parsed->variables()) {
      if (name != "lastRetry.status" && name != "lastRetry.exitCode" &&
          name != "lastRetry.message") {
        return source
            .At(expression->position(),
                fmt::format("'expression' names '{}', which is not known here", Printable(name)))
            .Hint("known are lastRetry.status, lastRetry.exitCode and lastRetry.message");
      }
    }
    // One evaluation tells whether it is a condition at all.
    const std::string status = "Failed";
    const std::string number = "1";
    const auto tried = parsed->EvaluateBool([&status, &number](std::string_view name) {
      return name == "lastRetry.exitCode" ? &number : &status;
    });
    if (!tried)
      return source.At(expression->position(), "'expression': " + tried.error().message());
    retry.expression = std::move(*parsed);
  }
  retry.policy =
      retry.expression ? RetryStrategy::Policy::kAlways : RetryStrategy::Policy::kOnFailure;
  if (const Value* policy = value.Find("retryPolicy")) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::string text,
                              TextOfScalar(source, *policy, "'retryPolicy'"));
    if (text == "Always") {
      retry.policy = RetryStrategy::Policy::kAlways;
    } else if (text == "OnFailure") {
      retry.policy = RetryStrategy::Policy::kOnFailure;
    } else if (text == "OnError") {
      retry.policy = RetryStrategy::Policy::kOnError;
    } else {
      return source
          .At(policy->position(),
              fmt::format("the local engine has no retryPolicy '{}'", Printable(text)), text.size())
          .Hint("it has Always, OnFailure and OnError");
    }
  }
  HOLDFAST_ASSIGN_OR_RETURN(const Value* backoff, MapField(source, value, "backoff"));
  if (backoff == nullptr) return retry;
  HOLDFAST_RETURN_IF_ERROR(
      CheckFields(source, *backoff, {"'backoff'", kBackoffRead, {}, kBackoffRefused}));
  const auto read_duration = [&source,
                              &backoff](std::string_view key) -> Result<std::chrono::milliseconds> {
    const Value* found = backoff->Find(key);
    if (found == nullptr)
      return source.At(backoff->position(), fmt::format("'backoff' has no '{}'", key));
    HOLDFAST_ASSIGN_OR_RETURN(const std::string text, TextOfScalar(source, *found, key));
    auto duration = ParseDuration(text);
    if (!duration)
      return source.At(found->position(), duration.error().message(), text.size())
          .Hint(duration.error().hint());
    return *duration;
  };
  HOLDFAST_ASSIGN_OR_RETURN(retry.first_wait, read_duration("duration"));
  if (backoff->Find("cap") != nullptr) {
    HOLDFAST_ASSIGN_OR_RETURN(retry.cap, read_duration("cap"));
  }
  if (const Value* factor = backoff->Find("factor")) {
    HOLDFAST_ASSIGN_OR_RETURN(retry.factor, ReadInteger(source, *factor, "'factor'", 1));
  }
  return retry;
}

Result<std::vector<std::string>> ReadMutexes(const SourceFile& source, const Value& value) {
  std::vector<std::string> names;
  HOLDFAST_RETURN_IF_ERROR(CheckFields(
      source, value, {"'synchronization'", kSynchronizationRead, {}, kSynchronizationRefused}));
  HOLDFAST_ASSIGN_OR_RETURN(const Value* list, ListField(source, value, "mutexes"));
  if (list == nullptr) return names;
  for (const Value& element : list->AsList()) {
    HOLDFAST_RETURN_IF_ERROR(
        CheckFields(source, element, {"a mutex", kMutexRead, {}, kMutexRefused}));
    HOLDFAST_ASSIGN_OR_RETURN(std::string name, RequiredName(source, element, "a mutex"));
    if (name.find("{{") != std::string::npos) {
      return source.At(element.Find("name")->position(),
                       "the name of a mutex is taken as it is: no '{{' in it");
    }
    names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace

Result<std::int64_t> ReadInteger(const SourceFile& source, const Value& value,
                                 std::string_view what, std::int64_t least) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string text, TextOfScalar(source, value, what));
  std::int64_t number = 0;
  const auto end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (read.ec != std::errc{} || read.ptr != end || number < least || number > 1'000'000'000) {
    return source.At(value.position(),
                     fmt::format("{} is an integer from {} to 1000000000, not '{}'", what, least,
                                 Printable(text)),
                     text.size());
  }
  return number;
}

Result<std::chrono::seconds> ReadSeconds(const SourceFile& source, const Value& value,
                                         std::string_view what) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::int64_t number, ReadInteger(source, value, what, 1));
  return std::chrono::seconds(number);
}

Result<std::chrono::milliseconds> ParseDuration(std::string_view text) {
  const auto bad = [text] {
    return InvalidInput(fmt::format("'{}' is no duration", Printable(text)))
        .Hint("write 90, 250ms, 10s, 1m30s or 2h");
  };
  std::int64_t total = 0;
  std::size_t at = 0;
  if (text.empty()) return bad();
  while (at < text.size()) {
    std::int64_t number = 0;
    const auto read = std::from_chars(text.data() + at, text.data() + text.size(), number);
    if (read.ec != std::errc{} || number < 0 || number > 1'000'000'000) return bad();
    at = static_cast<std::size_t>(read.ptr - text.data());
    std::int64_t unit = 1000;
    if (at == text.size()) {
      if (total != 0) return bad();  // only a number of its own is in seconds
    } else if (text.substr(at, 2) == "ms") {
      unit = 1;
      at += 2;
    } else if (text[at] == 's') {
      ++at;
    } else if (text[at] == 'm') {
      unit = 60'000;
      ++at;
    } else if (text[at] == 'h') {
      unit = 3'600'000;
      ++at;
    } else {
      return bad();
    }
    total += number * unit;
    if (total > 1'000'000'000'000) return bad();
  }
  return std::chrono::milliseconds(total);
}

Result<Template> ReadTemplate(const SourceFile& source, const Value& value) {
  HOLDFAST_RETURN_IF_ERROR(CheckFields(
      source, value, {"a template", kTemplateRead, kTemplateIgnored, kTemplateRefused}));
  Template out;
  out.position = value.position();
  HOLDFAST_ASSIGN_OR_RETURN(out.name, RequiredName(source, value, "a template"));
  const std::string what = fmt::format("template '{}'", Printable(out.name));
  HOLDFAST_ASSIGN_OR_RETURN(const Value* outputs, MapField(source, value, "outputs"));
  if (outputs != nullptr && !outputs->AsMap().empty()) {
    return source
        .AtKey(*outputs, "outputs", "the local engine does not run 'outputs' of a template")
        .Hint("docs/reference/argo-subset.md lists the part of the Argo language that it runs");
  }
  HOLDFAST_ASSIGN_OR_RETURN(const Value* inputs, MapField(source, value, "inputs"));
  HOLDFAST_ASSIGN_OR_RETURN(out.inputs, ReadParameters(source, inputs, "'inputs'"));
  HOLDFAST_ASSIGN_OR_RETURN(const Value* dag, MapField(source, value, "dag"));
  HOLDFAST_ASSIGN_OR_RETURN(const Value* container, MapField(source, value, "container"));
  HOLDFAST_ASSIGN_OR_RETURN(const Value* resource, MapField(source, value, "resource"));
  if ((dag != nullptr) + (container != nullptr) + (resource != nullptr) != 1) {
    return source.At(value.position(),
                     fmt::format("{} needs one of 'dag', 'container' and 'resource'", what));
  }
  HOLDFAST_ASSIGN_OR_RETURN(const Value* retry, MapField(source, value, "retryStrategy"));
  const Value* deadline = value.Find("activeDeadlineSeconds");
  if (dag != nullptr) {
    for (const std::string_view key : {"retryStrategy", "activeDeadlineSeconds"}) {
      if (const Value* found = value.Find(key)) {
        return source.AtKey(*found, key,
                            fmt::format("the local engine runs '{}' of containers only", key));
      }
    }
    HOLDFAST_ASSIGN_OR_RETURN(out.dag, ReadDag(source, *dag));
  } else if (resource != nullptr) {
    // The child is run in its place: nothing of it is tried again or has a deadline of its own.
    HOLDFAST_ASSIGN_OR_RETURN(out.child, ReadChildTemplate(source, *resource));
  } else {
    HOLDFAST_ASSIGN_OR_RETURN(out.container, ReadContainer(source, *container));
    if (retry != nullptr) {
      HOLDFAST_ASSIGN_OR_RETURN(out.retry, ReadRetry(source, *retry));
    }
    if (deadline != nullptr && HoldsVariable(*deadline)) {
      HOLDFAST_ASSIGN_OR_RETURN(out.active_deadline_text,
                                ReadText(source, *deadline, "'activeDeadlineSeconds'"));
    } else if (deadline != nullptr) {
      HOLDFAST_ASSIGN_OR_RETURN(out.active_deadline,
                                ReadSeconds(source, *deadline, "'activeDeadlineSeconds'"));
    }
  }
  HOLDFAST_ASSIGN_OR_RETURN(const Value* synchronization,
                            MapField(source, value, "synchronization"));
  if (synchronization != nullptr) {
    HOLDFAST_ASSIGN_OR_RETURN(out.mutexes, ReadMutexes(source, *synchronization));
  }
  return out;
}

}  // namespace holdfast::local
