// The plugin that docs/tutorial/first-plugin.md shows, compiled and run; the test below sees that the
// document shows this very text.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <span>

#include "plugins/banks/memory/memory_bank.h"
#include "plugins/sdk/file.h"
#include "plugins/sdk/registry.h"
#include "tests/plugins/activity_harness.h"

namespace holdfast {
namespace {

// begin: class
// Protects the text on sticky notes: files below one folder, a note a file.
class NoteProtection {
 public:
  static constexpr std::string_view kName = "sample-note";
  static constexpr std::string_view kDescription = "sticky notes: text files below one folder";
  static constexpr std::array<std::string_view, 1> kTypes{"Sample::Note"};

  // Section [sample_note] of the provider file.
  struct Settings {
    std::string folder;
    template <class Fields>
    static void Describe(Fields& fields) {
      fields("folder", &Settings::folder, "the folder that the notes are in").Required();
    }
  };
  // What a plan may say to `restore` of a Sample::Note.
  struct RestoreParameters {
    bool overwrite = false;
    template <class Fields>
    static void Describe(Fields& fields) {
      fields("overwrite", &RestoreParameters::overwrite, "replace a note that is there");
    }
  };

  explicit NoteProtection(Settings settings) : settings_(std::move(settings)) {}

  Activity activity_protect_parallel(Checkpoint& checkpoint, Context&, const Resource& note,
                                     const Parameters&) {
    HOLDFAST_CO_ASSIGN_OR_RETURN(const std::string text, ReadFile(PathOf(note)));
    HOLDFAST_CO_ASSIGN_OR_RETURN(const auto data, checkpoint.CreateData(note, "text"));
    HOLDFAST_CO_RETURN_IF_ERROR(data->Write(AsBytes(text)));
    HOLDFAST_CO_RETURN_IF_ERROR(data->Finish());
    co_return Ok();
  }

  Activity activity_restore_parallel(Checkpoint& checkpoint, Context&, const Resource& note,
                                     const Parameters& parameters) {
    const bool overwrite = parameters.As<RestoreParameters>(note).overwrite;
    if (!overwrite && std::filesystem::exists(PathOf(note))) {
      co_return Error(ErrorCode::kConflict, "the note is there")
          .Hint("set 'overwrite' to replace it");
    }
    HOLDFAST_CO_ASSIGN_OR_RETURN(const auto data, checkpoint.OpenData(note, "text"));
    std::string text(64U << 10U, '\0');
    HOLDFAST_CO_ASSIGN_OR_RETURN(const std::size_t size,
                                 ReadFully(*data, std::as_writable_bytes(std::span(text))));
    text.resize(size);
    HOLDFAST_CO_RETURN_IF_ERROR(WriteFileDurably(PathOf(note), text));
    co_return checkpoint.SetNewResource(note, note.key);
  }

  Activity activity_delete_parallel(Checkpoint& checkpoint, Context&, const Resource& note,
                                    const Parameters&) {
    co_return checkpoint.DeleteData(note);
  }

 private:
  std::string PathOf(const Resource& note) const { return settings_.folder + "/" + note.key.id; }
  Settings settings_;
};
// end: class

// begin: register
void Register(PluginRegistry& registry) { registry.AddProtection<NoteProtection>(); }
// end: register

using testing_plugins::MakePlugin;
using testing_plugins::MemoryCheckpoint;
using testing_plugins::RunAllActivities;
using testing_plugins::TempFolder;
using testing_plugins::TestContext;

std::string TextBetween(const std::string& text, const std::string& begin, const std::string& end) {
  const std::size_t from = text.find(begin);
  const std::size_t to = text.find(end);
  if (from == std::string::npos || to == std::string::npos) return "(no " + begin + ")";
  return text.substr(from + begin.size(), to - from - begin.size());
}

TEST(FirstPlugin, TheTutorialShowsWhatIsCompiledHere) {
  const auto source = ReadFile(HOLDFAST_TUTORIAL_SOURCE);
  const auto document = ReadFile(HOLDFAST_TUTORIAL);
  ASSERT_TRUE(source && document);
  for (const std::string part : {"class", "register"}) {
    EXPECT_THAT(*document, ::testing::HasSubstr("```cpp\n" +
                                                TextBetween(*source, "// begin: " + part + "\n",
                                                            "// end: " + part + "\n") +
                                                "```"));
  }
}

TEST(FirstPlugin, IsAccepted) {
  PluginRegistry registry;
  Register(registry);
  EXPECT_TRUE(registry.status());
  EXPECT_NE(registry.FindProtection("sample-note"), nullptr);
}

TEST(FirstPlugin, ProtectsAndRestoresANote) {
  const TempFolder folder;
  const std::string path = folder / "milk";
  ASSERT_TRUE(WriteFileDurably(path, "buy milk"));
  const auto plugin = MakePlugin<NoteProtection>(Value().Set("folder", folder.path()));
  const Resource note{{"Sample::Note", "milk"}, "milk", {}, {}, {}};
  TestContext context;
  MemoryBank bank;
  MemoryCheckpoint protect(bank, "c1");
  const Status protected_note = RunAllActivities(*plugin, protect, context.context(), note);
  ASSERT_TRUE(protected_note) << protected_note.error().Render();

  ASSERT_TRUE(WriteFileDurably(path, "buy beer"));
  MemoryCheckpoint refused(bank, Operation::kRestore, "c1", "r1");
  const Status there = RunAllActivities(*plugin, refused, context.context(), note);
  ASSERT_FALSE(there);
  EXPECT_EQ(there.error().code(), ErrorCode::kConflict);

  MemoryCheckpoint restore(bank, Operation::kRestore, "c1", "r2");
  const Status restored =
      RunAllActivities(*plugin, restore, context.context(), note, Value().Set("overwrite", true));
  ASSERT_TRUE(restored) << restored.error().Render();
  EXPECT_EQ(*ReadFile(path), "buy milk");
}

}  // namespace
}  // namespace holdfast
