// Lint says of each row of mistral_table/ what the row says of it (README.md there). What Mistral says of it is held to
// the same rows by tests/engines/mistral/lint_table.sh.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugins/sdk/file.h"
#include "plugins/sdk/text.h"
#include "runtime/lint/mistral_lint.h"
#include "tests/lint/said.h"
#include "tests/local_engine/cases.h"

namespace holdfast::lint {
namespace {

std::string Replaced(std::string text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
  return text;
}

// `\x*5;` is xxxxx.
std::string Repeated(std::string text) {
  for (std::size_t at = text.find('*'); at != std::string::npos; at = text.find('*', at + 1)) {
    const std::size_t end = text.find(';', at);
    if (at < 2 || text[at - 2] != '\\' || end == std::string::npos) continue;
    const std::string many(std::strtoul(text.c_str() + at + 1, nullptr, 10), text[at - 1]);
    text.replace(at - 2, end + 1 - (at - 2), many);
    at = at - 2 + many.size();
  }
  return text;
}

std::string_view VerdictOf(const Findings& findings) {
  return HasErrors(findings) ? "refuses" : findings.empty() ? "takes" : "warns";
}

class MistralTable : public testing::TestWithParam<std::string> {};

TEST_P(MistralTable, HasWhatLintSays) {
  const auto text = ReadFile(std::string(HOLDFAST_TEST_MISTRAL_TABLE) + "/" + GetParam() + ".txt");
  ASSERT_TRUE(text.has_value());
  std::string form;
  bool reading = false;
  int number = 0;
  int rows = 0;
  for (const std::string_view line : Split(*text, '\n')) {
    ++number;
    if (line == "template" || line == "rows") {
      reading = line == "template";
      if (reading) form.clear();
    } else if (reading) {
      form += std::string(line) + "\n";
    } else if (!line.empty() && !line.starts_with('#')) {
      const std::size_t bar = line.find('|');
      ASSERT_NE(bar, std::string_view::npos) << number;
      const std::string_view said = Trim(line.substr(0, bar));
      const std::string_view lint = Trim(said.substr(said.find(' ')));
      std::string row(line.substr(std::min(bar + 2, line.size())));
      for (const auto& [written, meant] : {std::pair{"\\n", "\n"},
                                           {"\\s", " "},
                                           {"\\t", "\t"},
                                           {"\\r", "\r"},
                                           {"\\U+0085;", "\xC2\x85"},
                                           {"\\U+00A0;", "\xC2\xA0"},
                                           {"\\U+2028;", "\xE2\x80\xA8"},
                                           {"\\U+2029;", "\xE2\x80\xA9"},
                                           {"\\U+FEFF;", "\xEF\xBB\xBF"}})
        row = Replaced(std::move(row), written, meant);
      row = Repeated(std::move(row));
      const Findings findings = LintMistral({{"w.yaml", Replaced(form, "@@", row)}});
      EXPECT_EQ(VerdictOf(findings), lint.substr(0, lint.find('=')))
          << GetParam() << ":" << number << ": " << line << "\n"
          << Said(findings);
      ++rows;
    }
  }
  EXPECT_GT(rows, 0);
}

INSTANTIATE_TEST_SUITE_P(File, MistralTable,
                         testing::ValuesIn(testing_cases::FilesIn(HOLDFAST_TEST_MISTRAL_TABLE,
                                                                  ".txt")),
                         testing_cases::TestName);

}  // namespace
}  // namespace holdfast::lint
