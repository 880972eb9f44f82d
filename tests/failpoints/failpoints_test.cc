// Every failpoint is one that a test kills at: sources, the table in README.md and the tests are
// held to each other.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "plugins/sdk/text.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

namespace fs = std::filesystem;

std::string ReadAll(const fs::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

// One row of the table.
struct Row {
  std::string where;
  std::set<std::string> names;
  std::string file;                // of the tests, below the source folder
  std::vector<std::string> tests;  // "Suite.Name"
};

std::vector<Row> RowsOf(const std::string& table) {
  std::vector<Row> rows;
  static const std::regex kName("`([^`]+)`");
  for (const std::string_view line : Split(table, '\n')) {
    const auto cells = Split(line, '|');
    if (cells.size() != 8 || line.front() != '|' || line.find('`') == std::string_view::npos)
      continue;
    Row row;
    row.where = fmt::format("{}, {}", Trim(cells[1]), Trim(cells[2]));
    const std::string names(cells[3]);
    for (std::sregex_iterator at(names.begin(), names.end(), kName), end; at != end; ++at) {
      row.names.insert((*at)[1]);
    }
    row.file = Trim(cells[4]);
    for (const std::string_view cell : {cells[5], cells[6]}) {
      if (Trim(cell) != "-") row.tests.emplace_back(Trim(cell));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

// The failpoints of the sources below `folders`: Failpoint("NAME"), and in Python, where a name may
// go through a variable, every text "keyvalue:..." of the sample. Calls that name none are faults.
std::set<std::string> NamesIn(const fs::path& root, const std::vector<std::string>& folders,
                              std::vector<std::string>& faults) {
  static const std::regex kCall(R"re(\bFailpoint\(\s*("([^"]*)")?)re");
  static const std::regex kSample(R"re("(keyvalue:[a-z-]+)")re");
  std::set<std::string> names;
  for (const std::string& folder : folders) {
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      const fs::path& path = entry.path();
      const std::string kind = path.extension();
      if (path.stem() == "failpoint" || (kind != ".cc" && kind != ".h" && kind != ".py")) continue;
      const std::string text = ReadAll(path);
      for (std::sregex_iterator at(text.begin(), text.end(), kind == ".py" ? kSample : kCall), end;
           at != end; ++at) {
        if (kind == ".py") {
          names.insert((*at)[1]);
        } else if ((*at)[1].matched) {
          names.insert((*at)[2]);
        } else {
          faults.push_back(path.string() + " has a failpoint whose name is no literal");
        }
      }
    }
  }
  return names;
}

// Everything in which sources, table and tests differ, a line each.
std::vector<std::string> Differences(const fs::path& root, const std::vector<std::string>& folders,
                                     const std::string& table) {
  std::vector<std::string> faults;
  const std::set<std::string> in_sources = NamesIn(root, folders, faults);
  std::set<std::string> in_table;
  for (const Row& row : RowsOf(table)) {
    in_table.insert(row.names.begin(), row.names.end());
    const std::string tests = ReadAll(root / row.file);
    if (tests.empty()) {
      faults.push_back(row.where + ": there is no " + row.file);
      continue;
    }
    const bool script = fs::path(row.file).extension() == ".sh";
    for (const std::string& name : row.names) {
      // Either alone, or with a count: "NAME:3"; a word of a script.
      const std::string border = script ? "[\\s\"'=]" : "\"";
      if (!std::regex_search(tests, std::regex(border + name + "(:[0-9]+)?" + border))) {
        faults.push_back(fmt::format("{}: {} kills at no {}", row.where, row.file, name));
      }
    }
    if (row.tests.empty()) faults.push_back(row.where + ": the row names no test");
    for (const std::string& test : row.tests) {
      if (script) {
        const std::string listed = ReadAll((root / row.file).parent_path() / "CMakeLists.txt");
        if (listed.find("NAME " + test + " ") == std::string::npos)
          faults.push_back(fmt::format("{}: no test {} runs {}", row.where, test, row.file));
        continue;
      }
      const auto dot = test.find('.');
      const std::regex definition("TEST(_[FP])?\\(" + test.substr(0, dot) + ",\\s*" +
                                  test.substr(dot + 1) + "\\)");
      if (!std::regex_search(tests, definition)) {
        faults.push_back(fmt::format("{}: {} has no test {}", row.where, row.file, test));
      }
    }
  }
  for (const std::string& name : in_sources) {
    if (!in_table.contains(name)) faults.push_back(name + " stands in no row: no test kills there");
  }
  for (const std::string& name : in_table) {
    if (!in_sources.contains(name))
      faults.push_back(name + " stands in the table, but in no source");
  }
  return faults;
}

TEST(Failpoints, EachIsOneThatATestKillsAt) {
  const fs::path root = HOLDFAST_SOURCE_DIR;
  const std::string table = ReadAll(root / "tests/failpoints/README.md");
  EXPECT_THAT(Differences(root, {"plugins", "runtime", "compiler"}, table), IsEmpty())
      << "help: tests/failpoints/README.md says what each failpoint needs";
  EXPECT_GT(RowsOf(table).size(), 20U) << "the table was not read";
}

// A small source folder, to see that nothing passes unseen.
class DifferencesTest : public ::testing::Test {
 protected:
  DifferencesTest() {
    std::string name = (fs::temp_directory_path() / "holdfast-failpoints-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    fs::create_directories(root_ / "src");
    Write("src/a.cc", "  Failpoint(\"a:one\");\n");
    Write("a_test.cc", "TEST_P(Killed, Again) {}\nValues(\"a:one:3\");\n");
  }
  ~DifferencesTest() override { fs::remove_all(root_); }
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(root_ / name) << text;
  }
  std::vector<std::string> Find(const std::string& names = "`a:one`",
                                const std::string& test = "Killed.Again") const {
    return Differences(root_, {"src"},
                       "| where | operation | failpoints | tests in | RunAgain | Never |\n"
                       "|---|---|---|---|---|---|\n| a | protect | " +
                           names + " | a_test.cc | " + test + " | - |\n");
  }
  fs::path root_;
};

TEST_F(DifferencesTest, NothingIsSaidOfWhatFits) { EXPECT_THAT(Find(), IsEmpty()); }

TEST_F(DifferencesTest, AFailpointInNoRowIsFound) {
  Write("src/b.h", "Failpoint(\n    \"b:new\");");
  EXPECT_THAT(Find(), ElementsAre(HasSubstr("b:new stands in no row")));
}

TEST_F(DifferencesTest, AFailpointThatTheTestDoesNotUseIsFound) {
  Write("src/a.cc", "Failpoint(\"a:one\"); Failpoint(\"a:on\");");
  EXPECT_THAT(Find("`a:one` `a:on`"), ElementsAre(HasSubstr("kills at no a:on")));
}

TEST_F(DifferencesTest, AFailpointThatIsGoneIsFound) {
  Write("src/a.cc", "");
  EXPECT_THAT(Find(), ElementsAre(HasSubstr("a:one stands in the table, but in no source")));
}

TEST_F(DifferencesTest, ATestThatIsGoneIsFound) {
  EXPECT_THAT(Find("`a:one`", "Killed.Never"), ElementsAre(HasSubstr("has no test Killed.Never")));
}

TEST_F(DifferencesTest, AScriptIsATestToo) {
  Write("kill.sh", "killed a:one 1 step\n");
  const auto find = [&](const std::string& test) {
    return Differences(
        root_, {"src"},
        "| w | o | f | t | R | N |\n| a | any | `a:one` | kill.sh | " + test + " | - |\n");
  };
  Write("CMakeLists.txt", "add_test(NAME Killed.Again COMMAND kill.sh)\n");
  EXPECT_THAT(find("Killed.Again"), IsEmpty());
  EXPECT_THAT(find("Killed.Never"), ElementsAre(HasSubstr("no test Killed.Never runs kill.sh")));
  Write("kill.sh", "killed a:other 1 step\n");
  EXPECT_THAT(find("Killed.Again"), ElementsAre(HasSubstr("kills at no a:one")));
}

TEST_F(DifferencesTest, AFailpointWithoutALiteralNameIsFound) {
  Write("src/b.cc", "Failpoint(name);");
  EXPECT_THAT(Find(), ElementsAre(HasSubstr("no literal")));
}

TEST_F(DifferencesTest, AFailpointOfTheSampleExecutableIsFound) {
  Write("src/s.py", "write(path, \"keyvalue:writing\")");
  EXPECT_THAT(Find(), ElementsAre(HasSubstr("keyvalue:writing stands in no row")));
}

}  // namespace
}  // namespace holdfast
