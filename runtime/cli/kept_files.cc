#include "runtime/cli/kept_files.h"

#include <filesystem>

#include "plugins/sdk/file.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/sha256.h"
#include "plugins/sdk/text.h"
#include "runtime/cli/text_diff.h"

namespace holdfast::cli {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kRecord = ".holdfast-init.json";
constexpr std::int64_t kFormat = 1;

Result<Value> ReadRecord(const std::string& folder) {
  const std::string path = (fs::path(folder) / kRecord).string();
  auto text = ReadFile(path, 1U << 20U);
  if (!text && text.error().code() == ErrorCode::kNotFound) return Value();
  if (!text) return std::move(text).error();
  const auto bad = [&](const std::string& why) {
    return InvalidInput(Printable(path) + ": " + why)
        .Hint("move it away to begin anew: files that are there count as edited then");
  };
  auto record = ParseJson(*text, path);
  if (!record) return bad(record.error().message());
  const Value* const format = record->is_map() ? record->Find("format") : nullptr;
  if (format == nullptr || *format != Value(kFormat)) return bad("this is no record of format 1");
  return std::move(*record);
}

// Is this what the last run wrote, or, had it crashed, was about to replace?
bool IsRecorded(const Value& record, const std::string& name, const std::string& sha256) {
  for (const std::string_view key : {"files", "before"}) {
    const Value* const files = record.is_map() ? record.Find(key) : nullptr;
    if (files != nullptr && files->is_map() && files->StringOr(name, "") == sha256) return true;
  }
  return false;
}

}  // namespace

Result<Value> ReadKeptAnswers(const std::string& folder) {
  HOLDFAST_ASSIGN_OR_RETURN(const Value record, ReadRecord(folder));
  const Value* const answers = record.is_map() ? record.Find("answers") : nullptr;
  return answers == nullptr ? Value() : *answers;
}

Result<std::vector<KeptFile>> WriteKeptFiles(const std::string& folder,
                                             const std::map<std::string, std::string>& files,
                                             const Value& answers, bool dry_run) {
  HOLDFAST_ASSIGN_OR_RETURN(const Value record, ReadRecord(folder));
  std::vector<KeptFile> out;
  Value made{Value::Map{}};
  Value before{Value::Map{}};
  for (const auto& [name, text] : files) {
    const std::string path = (fs::path(folder) / name).string();
    auto current = ReadFile(path);
    if (!current && current.error().code() != ErrorCode::kNotFound)
      return std::move(current).error();
    KeptFile file{name, KeptFile::Outcome::kSame, ""};
    if (!current) {
      file.outcome = KeptFile::Outcome::kWritten;
    } else if (*current != text) {
      const bool ours = IsRecorded(record, name, Sha256Hex(*current));
      file.outcome = ours ? KeptFile::Outcome::kUpdated : KeptFile::Outcome::kLeftAlone;
      file.diff = UnifiedDiff(path, *current, path + " (new)", text);
      if (ours) before.Set(name, Sha256Hex(*current));
    }
    made.Set(name, Sha256Hex(text));
    out.push_back(std::move(file));
  }
  if (dry_run) return out;
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed) return SystemError(failed.value(), "cannot make the folder " + Printable(folder));
  // Before the files, with what they were: after a crash between two of them, both kinds are ours.
  const Value now = Value()
                        .Set("format", kFormat)
                        .Set("answers", answers)
                        .Set("files", std::move(made))
                        .Set("before", std::move(before));
  HOLDFAST_ASSIGN_OR_RETURN(const std::string text, DumpJsonPretty(now));
  HOLDFAST_RETURN_IF_ERROR(WriteFileDurably((fs::path(folder) / kRecord).string(), text + "\n"));
  for (const KeptFile& file : out) {
    if (file.outcome != KeptFile::Outcome::kWritten && file.outcome != KeptFile::Outcome::kUpdated)
      continue;
    HOLDFAST_RETURN_IF_ERROR(
        WriteFileDurably((fs::path(folder) / file.name).string(), files.at(file.name)));
  }
  return out;
}

}  // namespace holdfast::cli
