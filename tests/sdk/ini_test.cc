#include "plugins/sdk/ini.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

IniFile Read(std::string_view text) {
  auto file = ParseIni(text, "x.conf");
  EXPECT_TRUE(file) << file.error().Render();
  return file ? std::move(*file) : IniFile{};
}

std::string ErrorOf(std::string_view text) {
  const auto file = ParseIni(text, "x.conf");
  return file ? "no error" : file.error().Render();
}

TEST(Ini, KeysKeepTheirOrderAndTheirPlace) {
  const IniFile file = Read("# head\n[a]\nb = 1\nB=2\n\n; note\n[c]\nd : x y \n");
  ASSERT_EQ(file.sections.size(), 2U);
  ASSERT_EQ(file.sections[0].entries.size(), 2U);
  EXPECT_EQ(file.sections[0].entries[0].value, "1");
  EXPECT_EQ(file.sections[0].entries[1].key, "b");
  EXPECT_EQ(file.sections[0].entries[1].where.line, 4U);
  EXPECT_EQ(file.sections[0].entries[1].where.column, 3U);
  EXPECT_EQ(file.sections[1].entries[0].value, "x y");
  EXPECT_EQ(file.sections[1].entries[0].where.line, 8U);
}

TEST(Ini, ALongLineIsWhole) {
  const std::string value(3900, 'v');
  EXPECT_EQ(Read("[a]\nb = " + value + "\n").sections[0].entries[0].value, value);
}

TEST(Ini, AValueMayHoldSignsThatInihCutsAt) {
  const IniFile file = Read("[a]\nb = x;y#z\nc = http://h:1/p?q=[r]\nd = ;first\ne =\n");
  EXPECT_EQ(file.sections[0].entries[0].value, "x;y#z");
  EXPECT_EQ(file.sections[0].entries[1].value, "http://h:1/p?q=[r]");
  EXPECT_EQ(file.sections[0].entries[2].value, ";first");
  EXPECT_EQ(file.sections[0].entries[3].value, "");
}

TEST(Ini, ReadsFilesOfWindowsAndWithoutALastNewline) {
  const IniFile file = Read("\xEF\xBB\xBF[a]\r\nb = 1\r\nc = 2");
  ASSERT_EQ(file.sections[0].entries.size(), 2U);
  EXPECT_EQ(file.sections[0].entries[0].value, "1");
  EXPECT_EQ(file.sections[0].entries[1].value, "2");
}

TEST(Ini, WhatInihWouldTakeWronglyIsRefused) {
  EXPECT_THAT(ErrorOf("[a]\nb = pass ;word\n"),
              HasSubstr("x.conf:2:10: a ';' or '#' inside a value"));
  EXPECT_THAT(ErrorOf("[a]\nb = 1\n  more\n"), HasSubstr("x.conf:3:3: the line is indented"));
  EXPECT_THAT(ErrorOf("[a]\nb = 1\n[A]\nc = 2\n"), HasSubstr("section [a] is given twice"));
  EXPECT_THAT(ErrorOf("b = 1\n"), HasSubstr("outside any section"));
  EXPECT_THAT(ErrorOf("[a]\nb\n"), HasSubstr("no '='"));
  EXPECT_THAT(ErrorOf("[a]\nb ;c = 1\n"), HasSubstr("x.conf:2:1: this is no 'key = value'"));
  EXPECT_THAT(ErrorOf("[a\nb = 1\n"), HasSubstr("x.conf:1:1: this is no section"));
  EXPECT_THAT(ErrorOf("[a][b]\n"), HasSubstr("this is no section"));
  EXPECT_THAT(ErrorOf("[ ]\n"), HasSubstr("this is no section"));
  EXPECT_THAT(ErrorOf("[a]\nb = " + std::string(4001, 'x')), HasSubstr("longer than 4,000 bytes"));
  EXPECT_THAT(ErrorOf("[a]\n" + std::string(300, 'k') + " = v"), HasSubstr("the key is longer"));
  EXPECT_THAT(ErrorOf(std::string("[a]\nb = x\0y\n", 12)), HasSubstr("not UTF-8"));
}

TEST(Ini, AllFaultsAreToldAtOnce) {
  const auto file = ParseIni("b = 1\n[a]\nc\n d = 2\n", "x.conf");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().causes().size(), 2U);
}

TEST(Ini, AValueThatMayBeASecretIsNotShown) {
  EXPECT_THAT(ErrorOf("[a]\npassword = hunter2 ;x\n"), Not(HasSubstr("hunter2")));
  EXPECT_THAT(ErrorOf("[a]\n bank_swift_key = hunter2\n"), Not(HasSubstr("hunter2")));
  EXPECT_THAT(ErrorOf("[a]\npassword_file = /etc/secret ;x\n"), HasSubstr("/etc/secret"));
}

TEST(Ini, TruthIsReadInAnyCase) {
  for (const std::string_view yes : {"true", "True", "YES", "on", "1"})
    EXPECT_EQ(ParseTruth(yes), true) << yes;
  for (const std::string_view no : {"false", "False", "NO", "off", "0"})
    EXPECT_EQ(ParseTruth(no), false) << no;
  for (const std::string_view other : {"", "maybe", "2", "tru"})
    EXPECT_EQ(ParseTruth(other), std::nullopt) << other;
}

TEST(Ini, AnUnknownKeysValueCanBeStarredOut) {
  const IniFile file = Read("[a]\npasword = hunter2\n");
  EXPECT_EQ(WithoutValue(file.sections[0].entries[0].key_where).text, "pasword = *******");
}

}  // namespace
}  // namespace holdfast
