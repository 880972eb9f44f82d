#include "plugins/conformance/built_in_samples.h"

#include <string>

namespace holdfast::plugins::conformance {
namespace {

Value Command() { return Value().Set("command", Value::List{"true"}).Set("timeout_ms", 10'000); }

PluginSample Application() {
  PluginSample sample;
  sample.resource.key = {"Local::Application", "sample"};
  sample.resource.extra.Set("quiesce", Command())
      .Set("resume", Command())
      .Set("stop", Command())
      .Set("start", Command());
  return sample;
}

PluginSample Directory() {
  PluginSample sample;
  sample.files = {{"tree/readme.txt", "a file\n"},
                  {"tree/empty.txt", ""},
                  {"tree/folder/zeros.bin", std::string(300'000, '\0')},
                  {"tree/folder/deeper/\xC3\xA4 name with spaces", "another file\n"},
                  {"tree/empty folder/", ""}};
  sample.resource.key = {"Local::Directory", "{folder}/tree"};
  sample.resource.extra.Set("path", "{folder}/tree");
  sample.parameters[static_cast<std::size_t>(Operation::kProtect)].Set("snapshot", "copy");
  sample.parameters[static_cast<std::size_t>(Operation::kRestore)].Set("target",
                                                                       "{folder}/restored");
  return sample;
}

// Written by hand (https://sqlite.org/fileformat2.html): one page, no tables. So the samples need
// no SQLite.
std::string EmptyDatabase() {
  constexpr std::size_t kPage = 4096;
  std::string page(kPage, '\0');
  const auto put = [&page](std::size_t at, std::size_t bytes, std::uint32_t value) {
    for (std::size_t i = 0; i < bytes; ++i) {
      page[at + bytes - 1 - i] = static_cast<char>((value >> (8 * i)) & 0xFFU);
    }
  };
  page.replace(0, 16, std::string_view("SQLite format 3\0", 16));
  put(16, 2, kPage);
  put(18, 1, 1);   // rollback journal, both to write
  put(19, 1, 1);   // and to read
  put(21, 1, 64);  // payload fractions, fixed
  put(22, 1, 32);
  put(23, 1, 32);
  put(24, 4, 1);        // change counter
  put(28, 4, 1);        // pages
  put(44, 4, 4);        // schema format
  put(56, 4, 1);        // UTF-8
  put(92, 4, 1);        // the change counter for which the page count holds
  put(96, 4, 3040001);  // version that wrote it
  put(100, 1, 0x0D);    // a table leaf
  put(105, 2, kPage);   // whose cells would begin at the end
  return page;
}

PluginSample Sqlite() {
  PluginSample sample;
  sample.files = {{"data/sample.db", EmptyDatabase()}};
  sample.resource.key = {"Local::SQLite::Database", "{folder}/data/sample.db"};
  sample.resource.extra.Set("path", "{folder}/data/sample.db");
  sample.parameters[static_cast<std::size_t>(Operation::kRestore)].Set("path",
                                                                       "{folder}/restored.db");
  sample.parameters[static_cast<std::size_t>(Operation::kVerify)]
      .Set("integrity_check", true)
      .Set("scratch", "{folder}");
  return sample;
}

PluginSample Noop() {
  PluginSample sample;
  sample.settings.Set("types", Value::List{"Sample::Thing"}).Set("activities", Value::List{"all"});
  sample.resource.key = {"Sample::Thing", "sample"};
  for (Value& parameters : sample.parameters) {
    parameters.Set("pre_yields", 2).Set("pre_journal", true).Set("post_yields", 1);
  }
  sample.parameters[static_cast<std::size_t>(Operation::kProtect)]
      .Set("parallel_data", "100 KiB")
      .Set("parallel_yields", 2);
  sample.parameters[static_cast<std::size_t>(Operation::kRestore)].Set("new_id", "sample-again");
  return sample;
}

}  // namespace

std::optional<PluginSample> BuiltInSample(std::string_view plugin) {
  std::optional<PluginSample> sample;
  if (plugin == "local-application") sample = Application();
  if (plugin == "local-directory") sample = Directory();
  if (plugin == "local-sqlite") sample = Sqlite();
  if (plugin == "noop") sample = Noop();
  if (sample) sample->resource.name = sample->resource.key.id;
  return sample;
}

}  // namespace holdfast::plugins::conformance
