#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

// Cases that lie as folders or files in a folder: their names, sorted, and what their tests are called.
namespace holdfast::testing_cases {

inline std::vector<std::string> FoldersIn(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failed)) {
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Without the extension.
inline std::vector<std::string> FilesIn(const std::string& folder, std::string_view extension) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == extension) names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Of the outcomes that the real Argo recorded: HOLDFAST_ARGO_CORPUS names another folder than `ours`.
inline std::string CorpusFolder(const std::string& ours) {
  const char* const folder = std::getenv("HOLDFAST_ARGO_CORPUS");
  return folder != nullptr && *folder != '\0' ? folder : ours;
}

inline std::string TestName(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); },
      '_');
  return name;
}

}  // namespace holdfast::testing_cases
