#pragma once

#include <map>
#include <set>
#include <string>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/result.h"

namespace holdfast::cli {

// How a table calls the providers that made its checkpoints: by their names, and where two of them have one name by their
// ids as well.
class OriginNames {
 public:
  // Of a provider's bank; what it made itself needs no word where nothing else is there.
  explicit OriginNames(std::string provider_id) : own_(std::move(provider_id)) {}

  void Add(const std::string& id, const std::string& name) {
    if (!id.empty()) ids_[name].insert(id);
    if (!id.empty() && id != own_) to_be_shown_ = true;
  }
  bool to_be_shown() const { return to_be_shown_; }
  // Of one that was added. An empty id: nobody knows it.
  std::string Of(const std::string& id, const std::string& name) const;

 private:
  std::string own_;
  std::map<std::string, std::set<std::string>> ids_;  // by name
  bool to_be_shown_ = false;
};

// The id of the origin that --origin means, of those that made checkpoints of the provider; empty where `text` is.
Result<std::string> ChooseOrigin(const BankSection& tenant, const std::string& provider_id,
                                 const std::string& text);

}  // namespace holdfast::cli
