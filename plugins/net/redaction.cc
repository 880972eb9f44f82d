#include "plugins/net/redaction.h"

#include <algorithm>

#include "plugins/sdk/json.h"
#include "plugins/sdk/text.h"
#include "plugins/sdk/value.h"

namespace holdfast::net {

namespace {

constexpr std::string_view kBlank = "***";
constexpr std::size_t kShortest = 6;

// What follows `word` and a blank, up to the next character that no token has.
void BlankBehind(std::string& text, std::string_view word) {
  for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos;) {
    at += word.size();
    std::size_t end = at;
    while (end < text.size() &&
           std::string_view(" \t\r\n\"',;<>").find(text[end]) == std::string_view::npos)
      ++end;
    if (end - at < kShortest) continue;
    text.replace(at, end - at, kBlank);
    at += kBlank.size();
  }
}

}  // namespace

void Redaction::Add(std::string_view secret) {
  if (secret.size() < kShortest) return;
  const auto add = [this](std::string_view text) {
    if (std::find(secrets_.begin(), secrets_.end(), text) == secrets_.end())
      secrets_.emplace_back(text);
  };
  add(secret);
  if (const auto json = DumpJson(Value(secret)); json && json->size() > 2)
    add(std::string_view(*json).substr(1, json->size() - 2));  // without its quotes
}

std::string Redaction::Clean(std::string_view text, std::size_t most) const {
  std::string out(text.substr(0, most * 4));
  for (const std::string& secret : secrets_) {
    for (std::size_t at = 0; (at = out.find(secret, at)) != std::string::npos; at += kBlank.size())
      out.replace(at, secret.size(), kBlank);
  }
  for (const std::string_view word : {"Bearer ", "bearer ", "Basic ", "basic "})
    BlankBehind(out, word);
  out = Printable(out);
  if (out.size() > most) {
    out.resize(Utf8Prefix(std::string_view(out).substr(0, most)));
    out += "...";
  }
  return out;
}

}  // namespace holdfast::net
