#include <algorithm>
#include <array>

#include "plugins/banks/conformance/check_tools.h"
#include "plugins/sdk/sha256.h"

namespace holdfast::banks::conformance {
namespace {

// Gives `data` in pieces of odd sizes, then fails or ends.
class PiecewiseSource final : public ByteSource {
 public:
  PiecewiseSource(std::string_view data, bool fails_at_end) : data_(data), fails_(fails_at_end) {}
  Result<std::size_t> Read(std::span<std::byte> buffer) override {
    if (data_.empty() && fails_) return Error(ErrorCode::kDenied, "the source says no");
    const std::size_t count = std::min({buffer.size(), data_.size(), piece_});
    std::copy_n(AsBytes(data_).begin(), count, buffer.begin());
    data_.remove_prefix(count);
    piece_ = piece_ * 7 % 9973 + 1;
    return count;
  }

 private:
  std::string_view data_;
  bool fails_;
  std::size_t piece_ = 1;
};

class RefusingSink final : public ByteSink {
 public:
  Status Write(std::span<const std::byte>) override {
    return Error(ErrorCode::kDenied, "the sink says no");
  }
};

// Counts and compares without keeping.
class ComparingSink final : public ByteSink {
 public:
  explicit ComparingSink(std::string_view expected) : rest_(expected) {}
  Status Write(std::span<const std::byte> data) override {
    if (!rest_.starts_with(AsText(data))) return Violation("bytes that were not written");
    rest_.remove_prefix(data.size());
    return Ok();
  }
  bool complete() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

Status GetGivesEveryByteThatPutTook(const BankCheckArea& area) {
  std::string every;
  for (int round = 0; round < 3; ++round) {
    for (int byte = 0; byte < 256; ++byte) every += static_cast<char>(byte);
  }
  HOLDFAST_RETURN_IF_ERROR(area.section.PutBytes("bytes", every));
  HOLDFAST_RETURN_IF_ERROR(ExpectBytes(area.section, "bytes", every));
  // Text that a store may think it should decode, encode or trim.
  const std::array<std::string_view, 5> texts{"line\r\nline\n", "\xEF\xBB\xBFtext", "%41&amp;\\n",
                                              " blank ", "{\"a\": 1}"};
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::string key = fmt::format("text-{}", i);
    HOLDFAST_RETURN_IF_ERROR(area.section.PutBytes(key, texts[i]));
    HOLDFAST_RETURN_IF_ERROR(ExpectBytes(area.section, key, texts[i]));
  }
  return Ok();
}

Status AnEmptyObjectIsAnObject(const BankCheckArea& area) {
  HOLDFAST_RETURN_IF_ERROR(area.section.PutBytes("empty", ""));
  HOLDFAST_RETURN_IF_ERROR(ExpectBytes(area.section, "empty", ""));
  HOLDFAST_ASSIGN_OR_RETURN(const ObjectInfo info, area.section.Stat("empty"));
  if (info.size != 0) return Violation(fmt::format("an empty object has {} bytes", info.size));
  return ExpectCode(area.section.PutBytes("empty", ""), ErrorCode::kConflict, "putting it again");
}

Status LargeObjectsStream(const BankCheckArea& area) {
  // More than any bank reads into memory first.
  const std::string large = Noise((std::size_t{9} << 20U) + 17, 1);
  PiecewiseSource source(large, false);
  HOLDFAST_RETURN_IF_ERROR(area.section.Put("large", source, large.size()));
  ComparingSink sink(large);
  HOLDFAST_RETURN_IF_ERROR(area.section.Get("large", sink));
  if (!sink.complete()) return Violation("the object ends too early");
  HOLDFAST_ASSIGN_OR_RETURN(const ObjectInfo info, area.section.Stat("large"));
  if (info.size != large.size()) return Violation(fmt::format("stat says {} bytes", info.size));
  return Ok();
}

Status KeysAtTheLimitsWork(const BankCheckArea& area) {
  const std::string longest_part(ObjectKey::kMaxPart, 'p');
  std::string longest;
  const std::size_t room = ObjectKey::kMaxKey - area.section.prefix().size() - 1;
  while (longest.size() + 1 + 2 < room) {
    if (!longest.empty()) longest += '/';
    longest += longest_part.substr(0, std::min(longest_part.size(), room - longest.size()));
  }
  longest.resize(room, 'x');
  std::string deepest = "d";
  while (deepest.size() + 2 <= 200) deepest += "/d";
  const std::array<std::string, 7> keys{
      longest, deepest, std::string(ObjectKey::kMaxPart, 'q'), "@2F@41", "-", "_.-@", "..."};
  for (const std::string& key : keys) {
    HOLDFAST_RETURN_IF_ERROR(area.section.PutBytes(key, "value of " + key));
  }
  for (const std::string& key : keys) {
    HOLDFAST_RETURN_IF_ERROR(ExpectBytes(area.section, key, "value of " + key));
  }
  std::vector<std::string> expected(keys.begin(), keys.end());
  std::sort(expected.begin(), expected.end());
  return ExpectList(area, {}, expected);
}

Status KeysThatDifferInCaseAreTwo(const BankCheckArea& area) {
  HOLDFAST_RETURN_IF_ERROR(area.section.PutBytes("name", "lower"));
  HOLDFAST_RETURN_IF_ERROR(area.section.PutBytes("NAME", "upper"));
  HOLDFAST_RETURN_IF_ERROR(ExpectBytes(area.section, "name", "lower"));
  return ExpectBytes(area.section, "NAME", "upper");
}

Status HostileKeysAreRefused(const BankCheckArea& area) {
  const std::string nul("a\0b", 3);
  const std::vector<std::string> hostile{
      "",
      "/",
      "/a",
      "a/",
      "a//b",
      ".",
      "..",
      "../a",
      "a/..",
      "a/../../b",
      "a/./b",
      "~tmp",
      "a~",
      "a b",
      "a\nb",
      nul,
      "a\\b",
      "\xC3\xA9",
      "a%2fb",
      "a:b",
      "a*",
      std::string(201, 'a'),
      fmt::format("{:a>120}/{:b>200}/{:c>200}/{:d>200}", "", "", "", "")};
  for (const std::string& key : hostile) {
    const std::string shown = fmt::format("a key of {} bytes, '{:.20}'", key.size(), key);
    HOLDFAST_RETURN_IF_ERROR(
        ExpectCode(area.section.PutBytes(key, "x"), ErrorCode::kInvalidInput, "put with " + shown));
    HOLDFAST_RETURN_IF_ERROR(
        ExpectCode(area.section.GetBytes(key), ErrorCode::kInvalidInput, "get with " + shown));
    HOLDFAST_RETURN_IF_ERROR(
        ExpectCode(area.section.Delete(key), ErrorCode::kInvalidInput, "delete with " + shown));
  }
  return ExpectList(area, {}, {});
}

Status PutNeverOverwrites(const BankCheckArea& area) {
  HOLDFAST_RETURN_IF_ERROR(area.section.PutBytes("key", "first"));
  HOLDFAST_RETURN_IF_ERROR(ExpectCode(area.section.PutBytes("key", "second"), ErrorCode::kConflict,
                                      "put on a key that exists"));
  HOLDFAST_RETURN_IF_ERROR(ExpectCode(area.section.PutBytes("key", "first"), ErrorCode::kConflict,
                                      "put of equal bytes on a key that exists"));
  HOLDFAST_RETURN_IF_ERROR(area.section.PutSame("key", "first"));
  HOLDFAST_RETURN_IF_ERROR(ExpectCode(area.section.PutSame("key", "other"), ErrorCode::kConflict,
                                      "PutSame of other bytes"));
  return ExpectBytes(area.section, "key", "first");
}

Status CreateExclusiveNeverOverwrites(const BankCheckArea& area) {
  HOLDFAST_RETURN_IF_ERROR(area.section.CreateExclusive("key", "first"));
  HOLDFAST_RETURN_IF_ERROR(ExpectCode(area.section.CreateExclusive("key", "second"),
                                      ErrorCode::kConflict,
                                      "create-exclusive on a key that exists"));
  return ExpectBytes(area.section, "key", "first");
}

Status ReplaceWritesWhateverWasThere(const BankCheckArea& area) {
  HOLDFAST_RETURN_IF_ERROR(area.section.Replace("key", "a longer first value"));
  HOLDFAST_RETURN_IF_ERROR(ExpectBytes(area.section, "key", "a longer first value"));
  HOLDFAST_RETURN_IF_ERROR(area.section.Replace("key", "second"));
  HOLDFAST_RETURN_IF_ERROR(ExpectBytes(area.section, "key", "second"));
  HOLDFAST_RETURN_IF_ERROR(area.section.Replace("key", ""));
  return ExpectBytes(area.section, "key", "");
}

Status RangesAreCutAtTheEnd(const BankCheckArea& area) {
  const std::string bytes = Noise(100'000, 2);
  HOLDFAST_RETURN_IF_ERROR(area.section.PutBytes("key", bytes));
  struct Range {
    std::uint64_t offset;
    std::uint64_t length;
  };
  const std::array<Range, 9> ranges{{{0, 1},
                                     {0, 100'000},
                                     {0, 100'001},
                                     {1, 99'998},
                                     {65'535, 2},
                                     {99'999, 1},
                                     {99'999, 5},
                                     {50'000, 0},
                                     {17, Bank::kWhole}}};
  for (const Range& range : ranges) {
    StringSink sink(200'000);
    HOLDFAST_RETURN_IF_ERROR(area.section.Get("key", sink, range.offset, range.length));
    if (sink.data() != bytes.substr(range.offset, range.length)) {
      return Violation(fmt::format("bytes [{}, +{}) are {} bytes, and not those that were written",
                                   range.offset, range.length, sink.data().size()));
    }
  }
  StringSink end(1);
  HOLDFAST_RETURN_IF_ERROR(area.section.Get("key", end, 100'000));
  if (!end.data().empty()) return Violation("there are bytes behind the end");
  StringSink beyond(1);
  return ExpectCode(area.section.Get("key", beyond, 100'001), ErrorCode::kInvalidInput,
                    "a range that starts behind the end");
}

Status WhatIsNotThereIsNotFound(const BankCheckArea& area) {
  HOLDFAST_RETURN_IF_ERROR(area.section.PutBytes("folder/key", "x"));
  for (const std::string_view key :
       {"key", "folder", "folder/key/more", "folder/other", "folder/ke"}) {
    HOLDFAST_RETURN_IF_ERROR(ExpectCode(area.section.GetBytes(key), ErrorCode::kNotFound,
                                        fmt::format("get of '{}'", key)));
    HOLDFAST_RETURN_IF_ERROR(
        ExpectCode(area.section.Stat(key), ErrorCode::kNotFound, fmt::format("stat of '{}'", key)));
    HOLDFAST_RETURN_IF_ERROR(ExpectCode(area.section.Delete(key), ErrorCode::kNotFound,
                                        fmt::format("delete of '{}'", key)));
  }
  return ExpectBytes(area.section, "folder/key", "x");
}

Status DeletedObjectsAreGone(const BankCheckArea& area) {
  HOLDFAST_RETURN_IF_ERROR(area.section.PutBytes("a/b/c", "first"));
  HOLDFAST_RETURN_IF_ERROR(area.section.PutBytes("a/b/d", "other"));
  HOLDFAST_RETURN_IF_ERROR(area.section.Delete("a/b/c"));
  HOLDFAST_RETURN_IF_ERROR(
      ExpectCode(area.section.GetBytes("a/b/c"), ErrorCode::kNotFound, "get of a deleted object"));
  HOLDFAST_RETURN_IF_ERROR(
      ExpectCode(area.section.Delete("a/b/c"), ErrorCode::kNotFound, "the second delete"));
  HOLDFAST_RETURN_IF_ERROR(area.section.DeleteIfPresent("a/b/c"));
  HOLDFAST_RETURN_IF_ERROR(ExpectBytes(area.section, "a/b/d", "other"));
  HOLDFAST_RETURN_IF_ERROR(ExpectList(area, {}, {"a/b/d"}));
  HOLDFAST_RETURN_IF_ERROR(area.section.Delete("a/b/d"));
  HOLDFAST_RETURN_IF_ERROR(ExpectList(area, {}, {}));
  HOLDFAST_RETURN_IF_ERROR(area.section.PutBytes("a/b/c", "again"));
  return ExpectBytes(area.section, "a/b/c", "again");
}

// Refused, as a bank in folders has to, or an object of its own.
Status ExpectRefusedOrStored(const BankCheckArea& area, const Status& written, std::string_view key,
                             std::string_view value) {
  if (written) return ExpectBytes(area.section, key, value);
  return ExpectCode(written, ErrorCode::kConflict, fmt::format("writing '{}'", key));
}

Status AKeyThatContinuesAnotherHurtsNeither(const BankCheckArea& area) {
  HOLDFAST_RETURN_IF_ERROR(area.section.PutBytes("a", "short"));
  HOLDFAST_RETURN_IF_ERROR(
      ExpectRefusedOrStored(area, area.section.PutBytes("a/b", "x"), "a/b", "x"));
  HOLDFAST_RETURN_IF_ERROR(ExpectRefusedOrStored(
      area, area.section.CreateExclusive("a/c/d", "y", Settling::kAtOnce), "a/c/d", "y"));
  HOLDFAST_RETURN_IF_ERROR(area.section.PutBytes("c/d/e", "long"));
  HOLDFAST_RETURN_IF_ERROR(
      ExpectRefusedOrStored(area, area.section.PutBytes("c/d", "x"), "c/d", "x"));
  HOLDFAST_RETURN_IF_ERROR(ExpectRefusedOrStored(
      area, area.section.CreateExclusive("c", "y", Settling::kAtOnce), "c", "y"));
  // Names that only look like continuations are no conflict.
  HOLDFAST_RETURN_IF_ERROR(area.section.PutBytes("a-b", "x"));
  HOLDFAST_RETURN_IF_ERROR(area.section.PutBytes("ab/c", "x"));
  HOLDFAST_RETURN_IF_ERROR(ExpectBytes(area.section, "a", "short"));
  HOLDFAST_RETURN_IF_ERROR(ExpectBytes(area.section, "c/d/e", "long"));
  for (const char* const key : {"c/d/e", "c/d", "c"})
    HOLDFAST_RETURN_IF_ERROR(area.section.DeleteIfPresent(key));
  HOLDFAST_RETURN_IF_ERROR(area.section.PutBytes("c", "now"));
  return ExpectBytes(area.section, "c", "now");
}

Status ASourceOfAnotherLengthStoresNothing(const BankCheckArea& area) {
  const std::string bytes = Noise(700'000, 3);
  PiecewiseSource early(bytes, false);
  HOLDFAST_RETURN_IF_ERROR(ExpectCode(area.section.Put("key", early, bytes.size() + 1),
                                      ErrorCode::kInvalidInput, "put of a source that ends early"));
  HOLDFAST_RETURN_IF_ERROR(ExpectCode(area.section.Stat("key"), ErrorCode::kNotFound,
                                      "stat after a source that ended early"));
  PiecewiseSource longer(bytes, false);
  HOLDFAST_RETURN_IF_ERROR(ExpectCode(area.section.Put("key", longer, bytes.size() - 1),
                                      ErrorCode::kInvalidInput, "put of a source that goes on"));
  PiecewiseSource nothing("", false);
  HOLDFAST_RETURN_IF_ERROR(ExpectCode(area.section.Put("key", nothing, 1), ErrorCode::kInvalidInput,
                                      "put of an empty source as one byte"));
  HOLDFAST_RETURN_IF_ERROR(ExpectCode(area.section.Stat("key"), ErrorCode::kNotFound,
                                      "stat after a source that went on"));
  HOLDFAST_RETURN_IF_ERROR(ExpectList(area, {}, {}));
  PiecewiseSource right(bytes, false);
  HOLDFAST_RETURN_IF_ERROR(area.section.Put("key", right, bytes.size()));
  return ExpectBytes(area.section, "key", bytes);
}

// Of a server that holds bytes to a hash that is sent with them, and of a bank that needs none. What must not be is that
// bytes are there which do not fit theirs.
Status AWrongHashStoresNothingThatIsWrong(const BankCheckArea& area) {
  const std::string wrong_sha256(64, '0');
  int number = 0;
  for (const std::size_t size : {std::size_t{50'000}, std::size_t{2'000'000}}) {
    const std::string bytes = Noise(size, 5);
    for (const KnownHashes& wrong :
         {KnownHashes{wrong_sha256, {}}, KnownHashes{{}, Md5::Digest()}}) {
      const std::string key = "key" + std::to_string(++number);
      const Status put = area.section.PutSame(key, bytes, wrong);
      if (!put) {
        HOLDFAST_RETURN_IF_ERROR(
            ExpectCode(put, ErrorCode::kCorrupt, "put of bytes that have another hash"));
        HOLDFAST_RETURN_IF_ERROR(ExpectCode(area.section.Stat(key), ErrorCode::kNotFound,
                                            "stat after bytes that had another hash"));
        HOLDFAST_RETURN_IF_ERROR(
            area.section.PutSame(key, bytes, {Sha256Hex(bytes), Md5::Of(bytes)}));
      }
      HOLDFAST_RETURN_IF_ERROR(ExpectBytes(area.section, key, bytes));
    }
  }
  return Ok();
}

Status AUniqueKeyIsStoredLikeAnother(const BankCheckArea& area) {
  const std::string bytes = Noise(2'000'000, 6);
  HOLDFAST_RETURN_IF_ERROR(area.section.PutUnique("key", bytes));
  HOLDFAST_RETURN_IF_ERROR(ExpectBytes(area.section, "key", bytes));
  // Who lost the answer comes again with the same.
  HOLDFAST_RETURN_IF_ERROR(area.section.PutUnique("key", bytes));
  return ExpectBytes(area.section, "key", bytes);
}

Status ErrorsOfSourceAndSinkArePassedOn(const BankCheckArea& area) {
  const std::string bytes = Noise(300'000, 4);
  PiecewiseSource failing(bytes, true);
  HOLDFAST_RETURN_IF_ERROR(ExpectCode(area.section.Put("key", failing, bytes.size() * 2),
                                      ErrorCode::kDenied, "put of a source that fails"));
  HOLDFAST_RETURN_IF_ERROR(ExpectCode(area.section.Stat("key"), ErrorCode::kNotFound,
                                      "stat after a source that failed"));
  HOLDFAST_RETURN_IF_ERROR(area.section.PutBytes("key", bytes));
  RefusingSink sink;
  HOLDFAST_RETURN_IF_ERROR(
      ExpectCode(area.section.Get("key", sink), ErrorCode::kDenied, "get into a sink that fails"));
  return ExpectBytes(area.section, "key", bytes);
}

Status SectionsAreJails(const BankCheckArea& area) {
  HOLDFAST_RETURN_IF_ERROR(area.section.PutBytes("inner/key", "inside"));
  HOLDFAST_RETURN_IF_ERROR(area.section.PutBytes("inner-2", "outside"));
  HOLDFAST_ASSIGN_OR_RETURN(const BankSection reader,
                            area.section.Narrow("inner", SectionAccess::kRead));
  HOLDFAST_RETURN_IF_ERROR(ExpectBytes(reader, "key", "inside"));
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<std::string> keys, reader.ListAll());
  if (keys != std::vector<std::string>{"key"})
    return Violation("a section shows more than its own");
  HOLDFAST_RETURN_IF_ERROR(
      ExpectCode(reader.PutBytes("new", "x"), ErrorCode::kDenied, "put in a read-only section"));
  HOLDFAST_RETURN_IF_ERROR(
      ExpectCode(reader.Replace("key", "x"), ErrorCode::kDenied, "replace in a read-only section"));
  HOLDFAST_RETURN_IF_ERROR(
      ExpectCode(reader.Delete("key"), ErrorCode::kDenied, "delete in a read-only section"));
  HOLDFAST_RETURN_IF_ERROR(ExpectCode(reader.Narrow("more", SectionAccess::kWrite),
                                      ErrorCode::kDenied, "a writable section of a read-only one"));
  HOLDFAST_RETURN_IF_ERROR(ExpectCode(reader.GetBytes("../inner-2"), ErrorCode::kInvalidInput,
                                      "a key that climbs out of its section"));
  HOLDFAST_ASSIGN_OR_RETURN(const BankSection deleter,
                            area.section.Narrow("inner", SectionAccess::kDelete));
  HOLDFAST_RETURN_IF_ERROR(ExpectCode(deleter.CreateExclusive("new", "x"), ErrorCode::kDenied,
                                      "create in a section that may delete"));
  HOLDFAST_RETURN_IF_ERROR(deleter.Delete("key"));
  return ExpectBytes(area.section, "inner-2", "outside");
}

#define HOLDFAST_BANK_CHECK(name) \
  BankCheck { #name, name }

constexpr std::array kChecks{
    HOLDFAST_BANK_CHECK(GetGivesEveryByteThatPutTook),
    HOLDFAST_BANK_CHECK(AnEmptyObjectIsAnObject),
    HOLDFAST_BANK_CHECK(LargeObjectsStream),
    HOLDFAST_BANK_CHECK(KeysAtTheLimitsWork),
    HOLDFAST_BANK_CHECK(KeysThatDifferInCaseAreTwo),
    HOLDFAST_BANK_CHECK(HostileKeysAreRefused),
    HOLDFAST_BANK_CHECK(PutNeverOverwrites),
    HOLDFAST_BANK_CHECK(CreateExclusiveNeverOverwrites),
    HOLDFAST_BANK_CHECK(ReplaceWritesWhateverWasThere),
    HOLDFAST_BANK_CHECK(RangesAreCutAtTheEnd),
    HOLDFAST_BANK_CHECK(WhatIsNotThereIsNotFound),
    HOLDFAST_BANK_CHECK(DeletedObjectsAreGone),
    HOLDFAST_BANK_CHECK(AKeyThatContinuesAnotherHurtsNeither),
    HOLDFAST_BANK_CHECK(ASourceOfAnotherLengthStoresNothing),
    HOLDFAST_BANK_CHECK(AWrongHashStoresNothingThatIsWrong),
    HOLDFAST_BANK_CHECK(AUniqueKeyIsStoredLikeAnother),
    HOLDFAST_BANK_CHECK(ErrorsOfSourceAndSinkArePassedOn),
    HOLDFAST_BANK_CHECK(SectionsAreJails),
};

}  // namespace

std::span<const BankCheck> ObjectChecks() { return kChecks; }

}  // namespace holdfast::banks::conformance
