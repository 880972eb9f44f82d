#include "plugins/sdk/text.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/sdk/bytes.h"
#include "plugins/sdk/counted.h"
#include "plugins/sdk/sha256.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;

TEST(Counted, AWordAgreesWithItsNumber) {
  EXPECT_EQ(Counted(0, "step"), "0 steps");
  EXPECT_EQ(Counted(1, "step"), "1 step");
  EXPECT_EQ(Counted(2, "step"), "2 steps");
  EXPECT_EQ(Counted(1, "entry", "entries"), "1 entry");
  EXPECT_EQ(Counted(3, "entry", "entries"), "3 entries");
}

TEST(Lowered, IsAboutTheLettersOfAsciiAlone) {
  EXPECT_EQ(Lowered("AZaz09-@[ \xC3\x84"), "azaz09-@[ \xC3\x84");
  EXPECT_EQ(Lowered(""), "");
}

TEST(Printable, KeepsTextAndEscapesWhatSteers) {
  EXPECT_EQ(Printable("caf\xC3\xA9 \xF0\x9F\x90\x99 \\x"), "caf\xC3\xA9 \xF0\x9F\x90\x99 \\x");
  EXPECT_EQ(Printable("a\tb\nc"), "a\\x09b\\x0ac");
  EXPECT_EQ(Printable("\x7F"), "\\x7f");
  EXPECT_EQ(Printable("\xC2\x9B"), "\\xc2\\x9b");           // CSI, one byte on some terminals
  EXPECT_EQ(Printable("\xE2\x80\xAE"), "\\xe2\\x80\\xae");  // right-to-left override
  EXPECT_EQ(Printable("\xE2\x80\xA8"), "\\xe2\\x80\\xa8");  // line separator
  EXPECT_EQ(Printable("\xE2\x81\xA6"), "\\xe2\\x81\\xa6");  // isolate
}

TEST(Printable, EscapesWhatShowsNothing) {
  const auto escaped = [](std::string_view bytes) {
    std::string out;
    for (const char byte : bytes) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
    return out;
  };
  for (const std::string_view hidden :
       {"\u00AD",     "\u034F",     "\u115F",     "\u180B",     "\u180E",     "\u200B",
        "\u200C",     "\u200D",     "\u200F",     "\u2060",     "\u2064",     "\u206F",
        "\u3164",     "\uFEFF",     "\uFFA0",     "\uFFF9",     "\U0001D173", "\U000E0000",
        "\U000E0001", "\U000E0041", "\U000E007F", "\U000E0100", "\uFFFE",     "\uFFFF",
        "\uFDD0",     "\U0001FFFE", "\U0010FFFF"}) {
    EXPECT_EQ(Printable("shop" + std::string(hidden) + "2"), "shop" + escaped(hidden) + "2");
  }
  // What stands beside them in Unicode is seen.
  for (const std::string_view seen : {"\u00AC", "\u00AE", "\u2010", "\u2027", "\u202F", "\u205F",
                                      "\u2070", "\u3163", "\uFFFC", "\uFE0F", "\U0001D172"}) {
    EXPECT_EQ(Printable(seen), seen);
  }
}

TEST(Printable, EscapesWhatIsNotUtf8) {
  EXPECT_EQ(Printable("a\xFFz"), "a\\xffz");
  EXPECT_EQ(Printable("\xC3"), "\\xc3");
  EXPECT_EQ(Printable("\xED\xA0\x80"), "\\xed\\xa0\\x80");
}

TEST(IsUtf8, FollowsTheTableOfUnicode) {
  EXPECT_TRUE(IsUtf8(""));
  EXPECT_TRUE(
      IsUtf8("\x7F \xC2\x80 \xDF\xBF \xE0\xA0\x80 \xEF\xBF\xBF \xF0\x90\x80\x80 \xF4\x8F\xBF\xBF"));
  for (const char* bad :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xE2\x82", "\xC3(", "\xFE"}) {
    EXPECT_FALSE(IsUtf8(bad)) << Printable(bad);
  }
}

TEST(Utf8Prefix, EndsWhereTheTextIsNoUtf8) {
  EXPECT_EQ(Utf8Prefix(""), 0U);
  EXPECT_EQ(Utf8Prefix("a\xC3\xA9"), 3U);
  EXPECT_EQ(Utf8Prefix("a\xC3\xA9\xFF z"), 3U);
  EXPECT_EQ(Utf8Prefix("ab\xE2\x82"), 2U);
}

TEST(Nearest, FindsAMistypedWord) {
  const std::vector<std::string> words{"volume-snapshot", "volume", "image", "server"};
  EXPECT_EQ(Nearest("volume-snapshto", words), "volume-snapshot");
  EXPECT_EQ(Nearest("imgae", words), "image");
  EXPECT_EQ(Nearest("server", words), "server");
  EXPECT_EQ(Nearest("serv", words), "");
  EXPECT_EQ(Nearest("xyz", words), "");
  EXPECT_EQ(Nearest("", words), "");
}

TEST(HumanSize, HasOneDecimalAndNeverFourDigits) {
  EXPECT_EQ(HumanSize(0), "0 B");
  EXPECT_EQ(HumanSize(1023), "1023 B");
  EXPECT_EQ(HumanSize(1024), "1.0 KiB");
  EXPECT_EQ(HumanSize(1536), "1.5 KiB");
  EXPECT_EQ(HumanSize((std::uint64_t{1} << 20U) - 1), "1.0 MiB");
  EXPECT_EQ(HumanSize(std::uint64_t{10} << 30U), "10.0 GiB");
  EXPECT_EQ(HumanSize(~std::uint64_t{0}), "16.0 EiB");
}

TEST(HumanDuration, TakesTheUnitThatFits) {
  EXPECT_EQ(HumanDuration(0), "0 ms");
  EXPECT_EQ(HumanDuration(-1), "0 ms");
  EXPECT_EQ(HumanDuration(0.25), "250 ms");
  EXPECT_EQ(HumanDuration(0.9996), "1.0 s");
  EXPECT_EQ(HumanDuration(1.23), "1.2 s");
  EXPECT_EQ(HumanDuration(59.97), "1 min");
  EXPECT_EQ(HumanDuration(200), "3 min 20 s");
  EXPECT_EQ(HumanDuration(3600), "1 h");
  EXPECT_EQ(HumanDuration(3599.9), "1 h");
  EXPECT_EQ(HumanDuration(5400), "1 h 30 min");
  EXPECT_EQ(HumanDuration(26 * 3600 + 5), "26 h");
}

TEST(TextParts, SplitTrimAndJoin) {
  EXPECT_THAT(Split("a//b", '/'), ElementsAre("a", "", "b"));
  EXPECT_THAT(Split("", '/'), ElementsAre(""));
  EXPECT_EQ(Trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(Trim(" \n"), "");
  EXPECT_EQ(Join({"a", "b", "c"}, ", "), "a, b, c");
  EXPECT_EQ(Join({}, ", "), "");
}

TEST(Sha256Test, AgreesWithThePublishedVectors) {
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256 pieces;
  for (int i = 0; i < 1000; ++i) pieces.Update(std::string(1000, 'a'));
  EXPECT_EQ(pieces.FinishHex(), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  pieces.Update("abc");
  EXPECT_EQ(pieces.FinishHex(), Sha256Hex("abc"));
}

TEST(Bytes, AStringSinkStopsAtItsLimit) {
  StringSink sink(5);
  EXPECT_TRUE(sink.Write(AsBytes("12345")));
  EXPECT_TRUE(sink.Write({}));
  const Status more = sink.Write(AsBytes("6"));
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code(), ErrorCode::kInvalidInput);
  EXPECT_EQ(sink.data(), "12345");
}

TEST(Bytes, ReadFullyFillsTheBufferOrEnds) {
  class OneByOne final : public ByteSource {
   public:
    Result<std::size_t> Read(std::span<std::byte> buffer) override {
      if (left_ == 0) return 0;
      buffer[0] = std::byte{'x'};
      --left_;
      return 1;
    }

   private:
    int left_ = 5;
  };
  OneByOne source;
  std::array<std::byte, 3> buffer{};
  EXPECT_EQ(*ReadFully(source, buffer), 3U);
  EXPECT_EQ(*ReadFully(source, buffer), 2U);
  EXPECT_EQ(*ReadFully(source, buffer), 0U);
}

}  // namespace
}  // namespace holdfast
