#include "runtime/store/listed_objects.h"

#include <vector>

namespace holdfast::runtime {
namespace {
constexpr std::size_t kPage = 10'000;
}  // namespace

Status ForEachObject(const BankSection& section, std::string_view prefix,
                     const std::function<Status(ListedObject)>& each) {
  const std::string own = section.prefix() + "/";
  ListOptions options;
  options.prefix = own + std::string(prefix);
  options.limit = kPage;
  while (true) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto page, section.bank().List(options));
    for (const ObjectInfo& object : page) {
      HOLDFAST_RETURN_IF_ERROR(
          each({object.key.str().substr(own.size()), object.size, object.written}));
    }
    if (page.size() < kPage) return Ok();
    options.marker = page.back().key.str();
  }
}

Result<std::vector<std::string>> FirstParts(const BankSection& section) {
  const std::string own = section.prefix() + "/";
  ListOptions options;
  options.prefix = own;
  options.limit = 1;
  std::vector<std::string> parts;
  while (true) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto page, section.bank().List(options));
    if (page.empty()) return parts;
    const std::string rest = page.front().key.str().substr(own.size());
    const std::size_t slash = rest.find('/');
    const std::string part = rest.substr(0, slash);
    if (parts.empty() || parts.back() != part) parts.push_back(part);
    // '~' sorts after every byte that a key may have: the next listing starts behind all of it.
    options.marker = own + (slash == std::string::npos ? rest : part + "/~");
  }
}

std::string LeadingParts(const std::string& key, int parts) {
  std::size_t at = 0;
  for (int i = 0; i < parts; ++i) {
    at = key.find('/', at);
    if (at == std::string::npos) return {};
    ++at;
  }
  return key.substr(0, at - 1);
}

}  // namespace holdfast::runtime
