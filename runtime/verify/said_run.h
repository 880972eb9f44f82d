#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "plugins/sdk/value.h"
#include "runtime/local/workflow.h"
#include "runtime/mistral/definition_file.h"
#include "runtime/verify/precedence.h"

namespace holdfast::verify {

// Beside what it comes after: what has to be so for a step, or a group as a whole, to be started.
struct StartCondition {
  enum class Kind : std::uint8_t {
    kAllSucceeded,  // each of these steps has succeeded
    kAnyCanRun,     // the gates of one of these steps have
  };
  Kind kind = Kind::kAllSucceeded;
  std::vector<std::string> steps;
};

// Steps that an engine keeps together: a DAG template or child Workflow of Argo, a workflow definition of Mistral.
struct SaidGroup {
  std::string name;
  std::uint32_t parent = 0;  // the group that starts it; of the first one: itself
  std::vector<StartCondition> conditions;
};

struct SaidStep {
  std::string name;
  std::uint32_t group = 0;
  std::uint32_t node = 0;  // in the order
  std::vector<StartCondition> conditions;
};

// What a file says of a run that its plan has the say of.
struct SaidSetting {
  enum class Kind : std::uint8_t {
    kName,   // of the workflow: what starts it by itself knows it by that
    kOwner,  // whose it is: the tags by which Holdfast knows its own in Mistral
    kFailFast,
    kPartial,
    kRetries,
    kTimeout,  // seconds after which an engine gives up a try of a step that it has not heard of
    kTryDeadline,  // seconds that a site's own template gives a try: less than the plan's are too few
  };
  Kind kind = Kind::kFailFast;
  Value value;
  std::string what;   // "'timeout' of diamond-protect"
  std::string place;  // "diamond.yaml:27"
};

// What the files of a workflow say, whatever engine they are for, read back from their texts: nothing in here comes
// from the graph.
struct SaidRun {
  std::vector<SaidStep> steps;    // each as often as it is there; without begin and end
  std::vector<SaidGroup> groups;  // each before those in it
  // A step comes after another when it waits for that to end, in whatever way. A group begins when its task does, and
  // ends with all that is in it.
  Precedence order;
  std::uint32_t begin = 0;  // nodes: `begin`,
  std::uint32_t end = 0;    // and `end`, which an exit handler is after everything
  std::vector<SaidSetting> settings;
  // What an engine would not do as it is meant: "task X has two inbound links and no join".
  std::vector<std::string> faults;
};

// Of Argo: the file with all that it starts.
SaidRun RunOf(const local::Workflow& workflow);
// Of Mistral: the definitions of a file and of its folder of children; the first one is what is started.
SaidRun RunOf(const std::vector<mistral::Definition>& definitions);

}  // namespace holdfast::verify
