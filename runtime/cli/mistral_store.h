#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "plugins/engines/mistral/api.h"
#include "plugins/engines/mistral/definitions.h"
#include "plugins/engines/run_status.h"
#include "plugins/sdk/bundle.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"
#include "runtime/cli/output.h"
#include "runtime/cli/session.h"
#include "runtime/local/source_file.h"
#include "runtime/mistral/definition_owner.h"

namespace holdfast::cli {

// A file with one definition, as the compiler writes them.
struct DefinitionFile {
  std::string name;
  local::SourceFile source;
  std::set<std::string> actions;
  std::set<std::string> below;  // the workflows that it starts
  std::string bundle_input;     // mistral_words::BundleInputOf; empty: there is none
};

// The definitions of a plan that are to be in Mistral: those that the workflow starts, and at the end itself.
struct DefinitionSet {
  std::vector<DefinitionFile> files;
  mistral::DefinitionOwner owner;

  const DefinitionFile& whole() const { return files.back(); }
};

// Of a workflow file and NAME.children beside it. kInvalidInput for what submit cannot store as one whole: a workflow that
// nothing starts, a file that does not say whose it is, or says otherwise than its bundle, of that hash; kNotFound for a part
// that is not there.
Result<DefinitionSet> ReadDefinitionSet(const std::string& file, const Bundle& bundle,
                                        const std::string& sha256);

// kNotFound where the site has no action that they call, or no such environment.
Status RequireSite(engines::mistral::Api& api, const DefinitionSet& set,
                   const std::string& environment);

// What StoreDefinitions would do, by file. Writes nothing: whatever it refuses is refused before the first write. kConflict
// where a workflow of one of the names is somebody else's, or a part would change below a run that is at work.
Result<std::vector<engines::mistral::Stored>> CompareDefinitions(engines::mistral::Api& api,
                                                                 const DefinitionSet& set);

// --dry-run=server: what would be done, and Mistral's own check of each.
Status CheckThere(const Output& out, engines::mistral::Api& api, const DefinitionSet& set,
                  const std::vector<engines::mistral::Stored>& changes);

// Compares each once more, and stores those that are not there as they are, the workflow itself last: until then the one that is
// there goes on with parts of its own, whose names are others. Says what was done. True: the workflow itself was there, and
// is changed.
Result<bool> StoreDefinitions(const Output& out, engines::mistral::Api& api,
                              const DefinitionSet& set);

// Removes the parts of earlier compiles: what nothing starts that is stored now. Those of the last hour are left to the next
// submit, as another one may just be storing them; and all of them where a run of the workflow is at work, which may come to
// them yet. What cannot be removed is a warning: it lies there, and does nothing. `changed`: the workflow was just changed.
void RemoveOldParts(const Output& out, engines::mistral::Api& api, const DefinitionSet& set,
                    bool changed);

// Right before something is started: all of them are there as they were compiled. What another submit has changed or removed since
// is stored again; kUnavailable where that goes on.
Status ConfirmDefinitions(const Output& out, engines::mistral::Api& api, const DefinitionSet& set);

// Whether the parts of a stored workflow are those that it was compiled with. kNotFound where one is gone, kConflict where one
// is somebody else's or, as far as the run's bundle can be read, they do not have the steps of that. `hint` says how to go on.
Status CheckParts(Session& session, engines::mistral::Api& api, const engines::RunStatus& run,
                  const engines::mistral::Definition& stored, const std::string& hint);

}  // namespace holdfast::cli
