#include "compiler/yaml/yaml_out.h"

#include <fmt/format.h>

#include <algorithm>

#include "plugins/sdk/text.h"

namespace holdfast::compiler {

namespace {

bool IsPlainKey(std::string_view key) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-' || c == '.' || (c >= '0' && c <= '9');
  };
  // What a reader may take for a truth, null or number is quoted.
  static constexpr std::string_view kWords[] = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"};
  std::string lower(key);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return !key.empty() && !(key.front() >= '0' && key.front() <= '9') && key.front() != '-' && key.front() != '.' &&
         std::all_of(key.begin(), key.end(), fits) &&
         std::find(std::begin(kWords), std::end(kWords), lower) == std::end(kWords);
}

}  // namespace

std::string YamlQuoted(std::string_view text) {
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += text[i];
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c < 0x20 || c == 0x7F) {
      out += fmt::format("\\x{:02X}", c);
    } else if (c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0) {
      // C1 controls, NEL among them: a line break for YAML 1.1.
      out += fmt::format("\\x{:02X}", static_cast<unsigned char>(text[++i]));
    } else if (text.substr(i, 3) == "\xE2\x80\xA8") {
      out += "\\L";
      i += 2;
    } else if (text.substr(i, 3) == "\xE2\x80\xA9") {
      out += "\\P";
      i += 2;
    } else if (text.substr(i, 3) == "\xEF\xBB\xBF") {
      out += "\\uFEFF";
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out + '"';
}

void YamlOut::Comment(std::string_view text) {
  out_.append(indent_, ' ');
  out_ += "# ";
  out_ += Printable(text);
  out_ += '\n';
}

void YamlOut::Start(std::string_view key) {
  if (after_dash_) {
    after_dash_ = false;
  } else {
    out_.append(indent_, ' ');
  }
  if (IsPlainKey(key)) {
    out_ += key;
  } else {
    out_ += YamlQuoted(key);
  }
  out_ += ':';
}

void YamlOut::Text(std::string_view key, std::string_view text) {
  Start(key);
  out_ += ' ';
  out_ += YamlQuoted(text);
  out_ += '\n';
}

void YamlOut::Plain(std::string_view key, std::string_view word) {
  Start(key);
  out_ += ' ';
  out_ += word;
  out_ += '\n';
}

void YamlOut::Integer(std::string_view key, std::int64_t number) { Plain(key, std::to_string(number)); }

void YamlOut::Bool(std::string_view key, bool truth) { Plain(key, truth ? "true" : "false"); }

void YamlOut::Folded(std::string_view key, const std::vector<std::string>& parts) {
  Start(key);
  out_ += " >-\n";
  for (const std::string& part : parts) {
    out_.append(indent_ + 2, ' ');
    out_ += part;
    out_ += '\n';
  }
}

void YamlOut::BeginMap(std::string_view key) {
  Start(key);
  out_ += '\n';
  indent_ += 2;
}

void YamlOut::BeginList(std::string_view key) { BeginMap(key); }

void YamlOut::End() { indent_ -= 2; }

void YamlOut::BeginItem() {
  out_.append(indent_, ' ');
  out_ += "- ";
  indent_ += 2;
  after_dash_ = true;
}

void YamlOut::EndItem() {
  indent_ -= 2;
  after_dash_ = false;
}

void YamlOut::FlowItem(const std::vector<FlowPair>& pairs) {
  out_.append(indent_, ' ');
  out_ += "- {";
  bool first = true;
  for (const FlowPair& pair : pairs) {
    if (!first) out_ += ", ";
    first = false;
    out_ += pair.key;
    out_ += ": ";
    out_ += pair.quoted ? YamlQuoted(pair.value) : std::string(pair.value);
  }
  out_ += "}\n";
}

void YamlOut::TextItem(std::string_view text) {
  out_.append(indent_, ' ');
  out_ += "- ";
  out_ += YamlQuoted(text);
  out_ += '\n';
}

void YamlOut::Any(std::string_view key, const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kNull: Plain(key, "null"); return;
    case Value::Kind::kBool: Bool(key, value.AsBool()); return;
    case Value::Kind::kInt: Integer(key, value.AsInt()); return;
    case Value::Kind::kDouble: Plain(key, fmt::format("{:#}", value.AsDouble())); return;
    case Value::Kind::kString: Text(key, value.AsString()); return;
    case Value::Kind::kList:
      if (value.AsList().empty()) {
        Plain(key, "[]");
        return;
      }
      BeginList(key);
      for (const Value& item : value.AsList()) Item(item);
      End();
      return;
    case Value::Kind::kMap:
      if (value.AsMap().empty()) {
        Plain(key, "{}");
        return;
      }
      BeginMap(key);
      for (const auto& [name, item] : value.AsMap()) Any(name, item);
      End();
      return;
  }
}

void YamlOut::Item(const Value& value) {
  if (value.is_map() && !value.AsMap().empty()) {
    BeginItem();
    for (const auto& [name, item] : value.AsMap()) Any(name, item);
    EndItem();
    return;
  }
  if (value.is_list() && !value.AsList().empty()) {
    // A list in a list: the inner one stands one level deeper, behind a lone dash.
    out_.append(indent_, ' ');
    out_ += "-\n";
    indent_ += 2;
    for (const Value& item : value.AsList()) Item(item);
    indent_ -= 2;
    return;
  }
  out_.append(indent_, ' ');
  out_ += "- ";
  switch (value.kind()) {
    case Value::Kind::kNull: out_ += "null"; break;
    case Value::Kind::kBool: out_ += value.AsBool() ? "true" : "false"; break;
    case Value::Kind::kInt: out_ += std::to_string(value.AsInt()); break;
    case Value::Kind::kDouble: out_ += fmt::format("{:#}", value.AsDouble()); break;
    case Value::Kind::kString: out_ += YamlQuoted(value.AsString()); break;
    case Value::Kind::kList: out_ += "[]"; break;
    case Value::Kind::kMap: out_ += "{}"; break;
  }
  out_ += '\n';
}

}  // namespace holdfast::compiler
