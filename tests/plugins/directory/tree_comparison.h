#pragma once

#include <string>

namespace holdfast::testing_plugins {

// What differs between two trees, one line for each difference; empty when they are equal. Compared
// for every entry, the roots included: name, type, mode, owner, mtime (ns), size, contents, symlink
// text, device number, extended attributes (so ACLs), which names are hard links of one another,
// and for files with holes where their data is.
std::string DifferencesOf(const std::string& expected, const std::string& actual);

}  // namespace holdfast::testing_plugins
