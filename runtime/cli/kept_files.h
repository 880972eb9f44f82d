#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast::cli {

// Files that a command writes once and a person then owns: made anew, they replace only what nobody
// has changed since. Beside them FOLDER/.holdfast-init.json keeps what was written (SHA-256) and the
// answers that it was made of.
struct KeptFile {
  enum class Outcome : std::uint8_t {
    kWritten,    // was not there
    kSame,       // is as it would be written
    kUpdated,    // was as it had been written, and is as it would be now
    kLeftAlone,  // was edited: stays as it is
  };
  std::string name;  // in the folder
  Outcome outcome = Outcome::kSame;
  std::string diff;  // from what is (was) there to what was made; empty for kWritten and kSame
};

// The answers of the last time; null when there was none. kInvalidInput for a record that cannot be
// read.
Result<Value> ReadKeptAnswers(const std::string& folder);

// Writes the record and `files` (name -> text) into `folder`, which is made when it is not there. A
// crash in the middle leaves each file old or new, and a further run goes on. Of a dry run nothing
// is written. The outcomes stand in the order of the names.
Result<std::vector<KeptFile>> WriteKeptFiles(const std::string& folder,
                                             const std::map<std::string, std::string>& files,
                                             const Value& answers, bool dry_run);

}  // namespace holdfast::cli
