#include "plugins/sdk/source_text.h"

#include "plugins/sdk/text.h"

namespace holdfast {

Error WithSourceText(const Error& error, std::string_view file, std::string_view source) {
  Error out(error.code(), error.message());
  if (!error.hint().empty()) out = std::move(out).Hint(error.hint());
  if (error.where()) {
    Where where = *error.where();
    if (where.text.empty() && where.line > 0 && where.file == file) {
      const auto lines = Split(source, '\n');
      if (where.line <= lines.size())
        where.text = std::string(lines[where.line - 1].substr(0, 200));
    }
    out = std::move(out).At(std::move(where));
  }
  for (const Error& cause : error.causes()) {
    out = std::move(out).Because(WithSourceText(cause, file, source));
  }
  return out;
}

}  // namespace holdfast
