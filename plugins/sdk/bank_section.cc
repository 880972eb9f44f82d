#include "plugins/sdk/bank_section.h"

#include <fmt/format.h>

namespace holdfast {
namespace {

std::string_view RightName(SectionAccess access) {
  switch (access) {
    case SectionAccess::kRead:
      return "read";
    case SectionAccess::kDelete:
      return "delete";
    case SectionAccess::kWrite:
      return "write";
  }
  return "read";
}

}  // namespace

Result<BankSection> BankSection::Open(Bank& bank, std::string_view prefix, SectionAccess access,
                                      const KeyRing* keys) {
  HOLDFAST_ASSIGN_OR_RETURN(const ObjectKey key, ObjectKey::Parse(prefix));
  return BankSection(bank, key.str(), access, keys);
}

Result<BankSection> BankSection::Narrow(std::string_view prefix, SectionAccess access) const {
  HOLDFAST_RETURN_IF_ERROR(Require(access));
  HOLDFAST_ASSIGN_OR_RETURN(const ObjectKey key, Key(prefix));
  return BankSection(*bank_, key.str(), access, keys_);
}

Result<ObjectKey> BankSection::Key(std::string_view key) const {
  // The key alone must be one: joined first, "" or a leading '/' could lean on the prefix.
  HOLDFAST_ASSIGN_OR_RETURN(const ObjectKey tail, ObjectKey::Parse(key));
  return ObjectKey::Parse(prefix_ + "/" + tail.str());
}

Status BankSection::Require(SectionAccess access) const {
  if (access <= access_) return Ok();
  return Error(ErrorCode::kDenied, fmt::format("the bank section '{}' does not allow to {}",
                                               prefix_, RightName(access)));
}

Status BankSection::Put(std::string_view key, ByteSource& source, std::uint64_t size) const {
  HOLDFAST_RETURN_IF_ERROR(Require(SectionAccess::kWrite));
  HOLDFAST_ASSIGN_OR_RETURN(const ObjectKey whole, Key(key));
  return bank_->Put(whole, source, size);
}

Status BankSection::PutBytes(std::string_view key, std::string_view value) const {
  MemorySource source(value);
  return Put(key, source, value.size());
}

Status BankSection::PutSame(std::string_view key, std::string_view value,
                            KnownHashes hashes) const {
  MemorySource source(value, hashes);
  return SameIsThere(key, value, Put(key, source, value.size()));
}

Status BankSection::PutUnique(std::string_view key, std::string_view value,
                              KnownHashes hashes) const {
  HOLDFAST_RETURN_IF_ERROR(Require(SectionAccess::kWrite));
  HOLDFAST_ASSIGN_OR_RETURN(const ObjectKey whole, Key(key));
  MemorySource source(value, hashes);
  return SameIsThere(key, value, bank_->PutUnique(whole, source, value.size()));
}

// Success instead of a conflict with equal bytes.
Status BankSection::SameIsThere(std::string_view key, std::string_view value, Status put) const {
  if (put || put.error().code() != ErrorCode::kConflict) return put;
  // The conflict may also be a key that continues another: then there is nothing to read.
  const auto info = Stat(key);
  if (!info || info->size != value.size()) return put;
  HOLDFAST_ASSIGN_OR_RETURN(const std::string present, GetBytes(key, value.size()));
  if (present == value) return Ok();
  return put;
}

Status BankSection::CreateExclusive(std::string_view key, std::string_view value,
                                    Settling settling) const {
  HOLDFAST_RETURN_IF_ERROR(Require(SectionAccess::kWrite));
  HOLDFAST_ASSIGN_OR_RETURN(const ObjectKey whole, Key(key));
  return bank_->CreateExclusive(whole, value, settling);
}

Status BankSection::Replace(std::string_view key, std::string_view value) const {
  HOLDFAST_RETURN_IF_ERROR(Require(SectionAccess::kWrite));
  HOLDFAST_ASSIGN_OR_RETURN(const ObjectKey whole, Key(key));
  return bank_->Replace(whole, value);
}

Status BankSection::Get(std::string_view key, ByteSink& sink, std::uint64_t offset,
                        std::uint64_t length) const {
  HOLDFAST_ASSIGN_OR_RETURN(const ObjectKey whole, Key(key));
  return bank_->Get(whole, sink, offset, length);
}

Result<std::string> BankSection::GetBytes(std::string_view key, std::uint64_t limit) const {
  StringSink sink(limit);
  Status got = Get(key, sink);
  // A sink that is full does not know what it was filled with.
  if (!got && got.error().code() == ErrorCode::kInvalidInput) {
    return std::move(got).error().While(fmt::format("reading '{}'", key));
  }
  HOLDFAST_RETURN_IF_ERROR(std::move(got));
  return sink.Take();
}

Status BankSection::Delete(std::string_view key) const {
  HOLDFAST_RETURN_IF_ERROR(Require(SectionAccess::kDelete));
  HOLDFAST_ASSIGN_OR_RETURN(const ObjectKey whole, Key(key));
  return bank_->Delete(whole);
}

Status BankSection::DeleteIfPresent(std::string_view key) const {
  Status gone = Delete(key);
  if (!gone && gone.error().code() == ErrorCode::kNotFound) return Ok();
  return gone;
}

Result<bool> BankSection::Exists(std::string_view key) const {
  auto info = Stat(key);
  if (info) return true;
  if (info.error().code() == ErrorCode::kNotFound) return false;
  return Error(std::move(info).error());
}

Result<ObjectInfo> BankSection::Stat(std::string_view key) const {
  HOLDFAST_ASSIGN_OR_RETURN(const ObjectKey whole, Key(key));
  return bank_->Stat(whole);
}

Result<std::vector<std::string>> BankSection::ListAll(std::string_view prefix) const {
  const std::string own = prefix_ + "/";
  ListOptions options;
  options.prefix = own + std::string(prefix);
  options.limit = 10'000;
  std::vector<std::string> keys;
  while (true) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::vector<ObjectInfo> page, bank_->List(options));
    for (const ObjectInfo& info : page) keys.push_back(info.key.str().substr(own.size()));
    if (page.size() < options.limit) return keys;
    options.marker = page.back().key.str();
  }
}

Result<std::string> BankSection::Last(std::string_view prefix) const {
  const std::string own = prefix_ + "/";
  ListOptions options;
  options.prefix = own + std::string(prefix);
  options.limit = 1;
  options.direction = ListDirection::kDescending;
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<ObjectInfo> page, bank_->List(options));
  if (page.empty()) return NotFound(fmt::format("there is nothing below '{}'", options.prefix));
  return page.front().key.str().substr(own.size());
}

}  // namespace holdfast
