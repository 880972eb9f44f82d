#include "plugins/banks/swift/swift_store.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/sdk/md5.h"
#include "tests/bank/scripted_server.h"

namespace holdfast::banks::swift {
namespace {

using net::HttpMethod;
using net::HttpRequest;
using net::HttpResponse;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::PieceSource;
using testing::ScriptedServer;
using ::testing::StartsWith;

constexpr std::uint64_t kMost = 6'000'000;

// A cluster that takes 6,000,000 bytes at once, and knows one object, where it is told so.
class SwiftStores : public ::testing::Test {
 protected:
  SwiftStores() {
    auto opened = OpenSwiftStore(server_, {"http://swift:8080/v1/AUTH_a", "c", ""}, {},
                                 BankUse::kWrite, SteadyTime::max());
    EXPECT_TRUE(opened);
    store_ = std::move(*opened);
    server_->seen.clear();
  }

  Result<HttpResponse> Serve(const HttpRequest& request) {
    const std::string target = ScriptedServer::TargetOf(request);
    if (target == "/info")
      return HttpResponse{info_, {}, R"({"swift": {"max_file_size": 6000000}})"};
    const bool list = target.find("multipart-manifest=put") != std::string::npos;
    if (request.method == HttpMethod::kHead && target == "/v1/AUTH_a/c/k") {
      if (writer_.empty()) return HttpResponse{404, {}, ""};
      return HttpResponse{200, {{"X-Object-Meta-Holdfast-Writer", writer_}}, ""};
    }
    if (list && !list_answers_.empty()) {
      HttpResponse answer{list_answers_.back(), {}, ""};
      list_answers_.pop_back();
      return answer;
    }
    if (request.method == HttpMethod::kPut && damaged_ > 0) {
      --damaged_;
      return HttpResponse{422, {}, ""};
    }
    if (request.method == HttpMethod::kPut && !list)
      return HttpResponse{201, {{"Etag", Md5Hex(request.body)}}, ""};
    return HttpResponse{204, {}, ""};
  }

  Status PutStream(const std::string& bytes) {
    PieceSource source(bytes);
    return store_->Put("k", {{}, &source, bytes.size()}, "me", Precondition::kAbsent,
                       SteadyTime::max());
  }

  std::shared_ptr<ScriptedServer> server_ = std::make_shared<ScriptedServer>(
      [this](const HttpRequest& request) { return Serve(request); });
  std::unique_ptr<ObjectStore> store_;
  int info_ = 200;
  std::string writer_;
  std::vector<int> list_answers_;
  int damaged_ = 0;
};

TEST_F(SwiftStores, WhoDoesNotCheckWhatComesIsGivenTheNewestCopy) {
  class Sink final : public ByteSink {
   public:
    explicit Sink(bool checks) : checks_(checks) {}
    Status Write(std::span<const std::byte> /*data*/) override { return Ok(); }
    bool ChecksBytes() const override { return checks_; }

   private:
    const bool checks_;
  } any(false), checking(true);
  const auto newest = [this] { return server_->seen.back().headers.contains("X-Newest"); };
  std::ignore = store_->Stat("k", SteadyTime::max());
  EXPECT_TRUE(newest());
  std::ignore = store_->Get("k", 0, Bank::kWhole, "", any, SteadyTime::max());
  EXPECT_TRUE(newest());
  // There is one object alone that it takes.
  std::ignore = store_->Get("k", 0, Bank::kWhole, "", checking, SteadyTime::max());
  EXPECT_FALSE(newest());
  std::ignore = store_->Get("k", 0, Bank::kWhole, "abc", any, SteadyTime::max());
  EXPECT_FALSE(newest());
}

TEST_F(SwiftStores, AStreamIsStoredInPartsThatTheServerChecks) {
  const std::string bytes = std::string(kMost, 'a') + std::string(kMost, 'b') + "c";
  ASSERT_TRUE(PutStream(bytes));
  EXPECT_THAT(
      server_->lines(),
      ElementsAre("POST /v1/AUTH_a/c", "GET /info", "PUT /v1/AUTH_a/c/~parts/k/me/000001",
                  "PUT /v1/AUTH_a/c/~parts/k/me/000002", "PUT /v1/AUTH_a/c/~parts/k/me/000003",
                  "PUT /v1/AUTH_a/c/k?multipart-manifest=put"));
  std::string etags;
  for (std::size_t i = 2; i < 5; ++i) {
    EXPECT_EQ(server_->seen[i].headers["ETag"], Md5Hex(server_->seen[i].body));
    etags += Md5Hex(server_->seen[i].body);
  }
  const auto& list = server_->seen.back();
  EXPECT_EQ(list.headers.at("ETag"), Md5Hex(etags));
  EXPECT_EQ(list.headers.at("X-Object-Meta-Holdfast-Md5"), Md5Hex(bytes));
  EXPECT_EQ(list.headers.at("If-None-Match"), "*");
}

TEST_F(SwiftStores, WhatIsDamagedOnItsWayIsSentAgain) {
  damaged_ = 2;
  EXPECT_TRUE(PutStream(std::string(kMost, 'a') + "b"));
  damaged_ = 1000;
  writer_ = "another";
  const Status put =
      store_->Put("k", {"bytes", nullptr, 5}, "me", Precondition::kNone, SteadyTime::max());
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code(), ErrorCode::kCorrupt);
  EXPECT_THAT(put.error().message(), HasSubstr("http://swift:8080"));
}

TEST_F(SwiftStores, ASourceThatEndsEarlyOrGoesOnLeavesNothing) {
  const std::string bytes(2 * kMost, 'a');
  for (const std::uint64_t size : {2 * kMost - 1, 2 * kMost + 1}) {
    server_->seen.clear();
    PieceSource source(bytes);
    const Status put =
        store_->Put("k", {{}, &source, size}, "me", Precondition::kAbsent, SteadyTime::max());
    ASSERT_FALSE(put);
    EXPECT_EQ(put.error().code(), ErrorCode::kInvalidInput);
    EXPECT_THAT(server_->lines(), Contains("DELETE /v1/AUTH_a/c/~parts/k/me/000001"));
    EXPECT_THAT(server_->lines(), Not(Contains(HasSubstr("multipart-manifest"))));
  }
}

// The first answer was lost, and the second says that there is such an object.
TEST_F(SwiftStores, TheLargeObjectThatIsThereAlreadyMayBeItsOwn) {
  list_answers_ = {412};
  writer_ = "me";
  EXPECT_TRUE(PutStream(std::string(kMost, 'a') + "b"));
  EXPECT_THAT(server_->lines(), Not(Contains(StartsWith("DELETE"))));
}

TEST_F(SwiftStores, TheLargeObjectOfAnotherIsAConflictAndNoPartsStay) {
  list_answers_ = {412};
  writer_ = "another";
  const Status put = PutStream(std::string(kMost, 'a') + "b");
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code(), ErrorCode::kConflict);
  EXPECT_THAT(server_->lines(), Contains("DELETE /v1/AUTH_a/c/~parts/k/me/000001"));
  EXPECT_THAT(server_->lines(), Contains("DELETE /v1/AUTH_a/c/~parts/k/me/000002"));
}

TEST_F(SwiftStores, PartsOfAnObjectThatMayBeThereStay) {
  list_answers_ = {503};
  const Status put = PutStream(std::string(kMost, 'a') + "b");
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(server_->lines(), Not(Contains(StartsWith("DELETE"))));
}

// Nothing of it is too large for a cluster that does not say what it takes.
TEST_F(SwiftStores, AClusterThatIsBusyIsNotTakenForOneThatSaysNothing) {
  const std::string bytes(kMost + 1, 'a');
  info_ = 503;
  const Status put = store_->Put("k", {bytes, nullptr, bytes.size()}, "me", Precondition::kNone,
                                 SteadyTime::max());
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(server_->lines(), ElementsAre("GET /info"));
  info_ = 404;
  EXPECT_TRUE(store_->Put("k", {bytes, nullptr, bytes.size()}, "me", Precondition::kNone,
                          SteadyTime::max()));
  EXPECT_EQ(server_->lines().back(), "PUT /v1/AUTH_a/c/k");
}

// A container with the parts of some large objects, on the 29th at noon.
class SweptContainer : public ::testing::Test {
 protected:
  SweptContainer() {
    auto opened = OpenSwiftStore(server_, {"http://swift:8080/v1/AUTH_a", "c", ""}, {},
                                 BankUse::kWrite, SteadyTime::max());
    EXPECT_TRUE(opened);
    store_ = std::move(*opened);
    server_->seen.clear();
  }
  Result<HttpResponse> Serve(const HttpRequest& request) {
    const std::string target = ScriptedServer::TargetOf(request);
    if (target.starts_with("/v1/AUTH_a/c?")) {
      const net::HttpHeaders noon{{"Date", "Sun, 29 Nov 2026 12:00:00 GMT"}};
      if (!stuck_ && target.find("marker") != std::string::npos)
        return HttpResponse{200, noon, "[]"};
      if (target.find("prefix=~parts") == std::string::npos)
        return HttpResponse{200, noon, lags_ ? R"([{"name": "t/k", "bytes": 9}])" : "[]"};
      return HttpResponse{200, noon, parts_};
    }
    if (request.method == HttpMethod::kHead && target == "/v1/AUTH_a/c/t/k") {
      if (!list_.empty()) return HttpResponse{200, {{"X-Static-Large-Object", "True"}}, ""};
      return HttpResponse{small_ ? 200 : 404, {}, ""};
    }
    if (target == "/v1/AUTH_a/c/t/k?multipart-manifest=get") return HttpResponse{200, {}, list_};
    return HttpResponse{204, {}, ""};
  }
  static std::string Part(const std::string& writer, int number, const std::string& written) {
    return fmt::format(
        R"({{"name": "~parts/t/k/{}/{:06}", "bytes": 7, "last_modified": "{}.000000"}})", writer,
        number, written);
  }
  Leftovers Sweep(bool dry_run = false) {
    server_->seen.clear();
    auto found = store_->SweepUploads(
        {"t/", std::chrono::hours(24), dry_run, [] { return SteadyTime::max(); }});
    EXPECT_TRUE(found) << found.error().Render();
    return found ? *found : Leftovers();
  }

  std::shared_ptr<ScriptedServer> server_ = std::make_shared<ScriptedServer>(
      [this](const HttpRequest& request) { return Serve(request); });
  std::unique_ptr<ObjectStore> store_;
  const std::string old_ = "2026-11-28T11:00:00";
  std::string parts_ = "[" + Part("me", 1, old_) + "," + Part("me", 2, old_) + "]";
  std::string list_;  // of the object's parts; empty: there is no such object
  bool small_ = false;
  bool stuck_ = false;  // the same page, whatever its marker
  bool lags_ = false;   // the listing has it, and no server
};

TEST_F(SweptContainer, LosesOldPartsOfWhatNeverWas) {
  const Leftovers would = Sweep(/*dry_run=*/true);
  EXPECT_EQ(would.count, 2U);
  EXPECT_EQ(would.bytes, 14U);
  EXPECT_THAT(would.objects, ElementsAre("t/k"));
  EXPECT_THAT(server_->lines(), Not(Contains(StartsWith("DELETE"))));
  EXPECT_EQ(Sweep().count, 2U);
  EXPECT_THAT(server_->lines(), Contains("DELETE /v1/AUTH_a/c/~parts/t/k/me/000001"));
  EXPECT_THAT(server_->lines(), Contains("DELETE /v1/AUTH_a/c/~parts/t/k/me/000002"));
}

TEST_F(SweptContainer, KeepsWhatIsStillBeingSent) {
  parts_ = "[" + Part("me", 1, old_) + "," + Part("me", 2, "2026-11-28T13:00:00") + "]";
  EXPECT_EQ(Sweep().count, 0U);
}

TEST_F(SweptContainer, KeepsThePartsThatAnObjectNamesAlone) {
  parts_ =
      "[" + Part("another", 1, old_) + "," + Part("me", 1, old_) + "," + Part("me", 2, old_) + "]";
  list_ = R"([{"name": "/c/~parts/t/k/me/000001"}, {"name": "/c/~parts/t/k/me/000002"}])";
  EXPECT_EQ(Sweep().count, 1U);
  EXPECT_THAT(server_->lines(), Contains("DELETE /v1/AUTH_a/c/~parts/t/k/another/000001"));
  EXPECT_THAT(server_->lines(), Not(Contains(HasSubstr("DELETE /v1/AUTH_a/c/~parts/t/k/me"))));
  // One that is not made of parts names none.
  list_.clear();
  small_ = true;
  EXPECT_EQ(Sweep().count, 3U);
}

TEST_F(SweptContainer, EndsWhereTheServerGivesTheSamePageAgain) {
  stuck_ = true;
  const auto found =
      store_->SweepUploads({"t/", std::chrono::hours(24), false, [] { return SteadyTime::max(); }});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code(), ErrorCode::kCorrupt);
  EXPECT_THAT(found.error().message(), HasSubstr("http://swift:8080"));
  EXPECT_EQ(server_->seen.size(), 2U);
}

TEST_F(SweptContainer, KeepsWhatOnlyTheListingSaysToBeThere) {
  lags_ = true;
  EXPECT_EQ(Sweep().count, 0U);
}

// A proxy whose other servers are not back yet says that a container is not there.
TEST(SwiftListings, ThatAreNoneAreCorrupt) {
  for (const std::string body : {"<html>", "{}", "[1]", R"([{"bytes": 1}])", R"([{"name": ""}])",
                                 R"([{"name": 1}])", R"([{"name": "t/a", "bytes": 1}, {}])"}) {
    const auto server = std::make_shared<ScriptedServer>([&body](const HttpRequest& request) {
      return request.method == HttpMethod::kHead ? HttpResponse{204, {}, ""}
                                                 : HttpResponse{200, {}, body};
    });
    const auto store = OpenSwiftStore(server, {"http://swift:8080/v1/AUTH_a", "c", ""}, {},
                                      BankUse::kRead, SteadyTime::max());
    const auto listed = (*store)->List("t/", "", 5, ListDirection::kAscending, SteadyTime::max());
    ASSERT_FALSE(listed) << body;
    EXPECT_EQ(listed.error().code(), ErrorCode::kCorrupt) << body;
    EXPECT_THAT(listed.error().message(), HasSubstr("http://swift:8080")) << body;
  }
}

TEST(SwiftRefusals, SayWhatToLookAt) {
  int status = 204;
  const auto server = std::make_shared<ScriptedServer>([&status](const HttpRequest&) {
    return HttpResponse{status, {}, ""};
  });
  auto store = OpenSwiftStore(server, {"http://swift:8080/v1/AUTH_a", "c", "", "test:reader"}, {},
                              BankUse::kWrite, SteadyTime::max());
  ASSERT_TRUE(store);
  const auto put = [&](int answer) {
    status = answer;
    const Status refused =
        (*store)->Put("k", {"x", nullptr, 1}, "me", Precondition::kAbsent, SteadyTime::max());
    return fmt::format("{} {}", NameOf(refused.error().code()), refused.error().OneLine());
  };
  EXPECT_THAT(put(403),
              AllOf(StartsWith("denied storing an object: http://swift:8080 answered 403"),
                    HasSubstr("test:reader may not do that with the container c: its "
                              "X-Container-Write and X-Container-Read")));
  EXPECT_THAT(put(413),
              AllOf(StartsWith("denied storing an object: http://swift:8080 answered 413"),
                    HasSubstr("X-Container-Meta-Quota-Bytes"), HasSubstr("container c")));
}

TEST(SwiftContainers, ThatAreNotSeenAreAskedForOnceTheAccountIs) {
  bool back = false;
  int account = 503;
  const auto server = std::make_shared<ScriptedServer>([&](const HttpRequest& request) {
    if (ScriptedServer::TargetOf(request) == "/v1/AUTH_a") {
      back = account != 404;
      return HttpResponse{account, {}, ""};
    }
    return HttpResponse{back ? 204 : 404, {}, ""};
  });
  const auto open = [&]() -> std::string {
    back = false;
    auto store = OpenSwiftStore(server, {"http://swift:8080/v1/AUTH_a", "c", ""}, {},
                                BankUse::kRead, SteadyTime::max());
    return store ? "ok" : std::string(NameOf(store.error().code()));
  };
  EXPECT_EQ(open(), "unavailable");
  account = 204;
  EXPECT_EQ(open(), "ok");
  account = 404;
  EXPECT_EQ(open(), "not-found");
}

class RangeAnswers : public ::testing::TestWithParam<std::pair<int, const char*>> {};

// Of bytes 100 to 199 of a thousand.
TEST_P(RangeAnswers, OfAnotherPlaceAreCorrupt) {
  const auto server = std::make_shared<ScriptedServer>([](const HttpRequest& request) {
    const auto [status, range] = GetParam();
    return request.method == HttpMethod::kGet
               ? HttpResponse{status, {{"Content-Range", range}}, std::string(100, 'x')}
               : HttpResponse{204, {}, ""};
  });
  auto store = OpenSwiftStore(server, {"http://swift:8080/v1/AUTH_a", "c", ""}, {}, BankUse::kRead,
                              SteadyTime::max());
  ASSERT_TRUE(store);
  StringSink sink(1000);
  const auto got = (*store)->Get("k", 100, 100, "", sink, SteadyTime::max());
  EXPECT_EQ(server->seen.back().headers.at("Range"), "bytes=100-199");
  if (std::string_view(GetParam().second) == "bytes 100-199/1000" && GetParam().first == 206) {
    ASSERT_TRUE(got);
    EXPECT_EQ(got->size, 1000U);
  } else {
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code(), ErrorCode::kCorrupt);
  }
}

INSTANTIATE_TEST_SUITE_P(SwiftStores, RangeAnswers,
                         ::testing::Values(std::pair{206, "bytes 100-199/1000"},
                                           std::pair{206, "bytes 200-299/1000"}, std::pair{206, ""},
                                           std::pair{206, "bytes 100"},
                                           std::pair{200, "bytes 100-199/1000"}));

}  // namespace
}  // namespace holdfast::banks::swift
