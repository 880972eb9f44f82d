#pragma once

#include <string>

#include "plugins/local/directory/tree_reader.h"
#include "plugins/local/directory/tree_writer.h"
#include "plugins/sdk/context.h"
#include "plugins/sdk/result.h"

namespace holdfast::plugins::directory {

enum class CloneMode {
  kReflink,  // files share their blocks with the original (FICLONE): no data is copied
  kCopy,
};

// Makes a copy of every entry of a walk in another tree.
class TreeCloner final : public TreeVisitor {
 public:
  // Everything is borrowed.
  TreeCloner(Context& context, TreeWriter& writer, CloneMode mode);
  Result<bool> Visit(const TreeEntry& entry, FileContent* content) override;

 private:
  Status Copy(int to, const TreeEntry& entry, FileContent& content);
  Status CopyRange(int to, FileContent& content, std::uint64_t offset, std::uint64_t length);

  Context& context_;
  TreeWriter& writer_;
  CloneMode mode_;
  bool in_kernel_ = true;  // copy_file_range works here
  std::string buffer_;
};

}  // namespace holdfast::plugins::directory
