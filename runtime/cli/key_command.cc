#include "plugins/sdk/counted.h"
#include "plugins/sdk/text.h"
#include "runtime/cli/commands.h"

namespace holdfast::cli {

int NewBankKey(Session& session, const KeyArguments& arguments) {
  const Output& out = session.out();
  const auto made = AddKey(arguments.file, session.clock().Now());
  if (!made) return out.Fail(made.error());
  const std::string file = Printable(arguments.file);
  out.Line(made->id);
  out.Json("key", Value()
                      .Set("id", made->id)
                      .Set("current", true)
                      .Set("file", file)
                      .Set("made_file", made->made_file));
  if (made->made_file) {
    out.Say("made " + file + ", which only you may read; 'key_file = " + file +
            "' (its absolute path) in [provider] encrypts with it");
    out.Say("keep a copy of it, and not in the bank: without it nobody reads what is encrypted");
  } else {
    out.Say("it encrypts what is written from now on; " + Counted(made->older, "older key") +
            (made->older == 1 ? " still opens" : " still open") + " what they once encrypted");
  }
  return 0;
}

int ListBankKeys(Session& session, const KeyArguments& arguments) {
  const Output& out = session.out();
  const auto provider = session.OpenProvider(arguments.provider);
  if (!provider) return out.Fail(provider.error());
  const ProviderConfig& config = (*provider)->config();
  const KeyRing* const ring = (*provider)->keys();
  if (ring == nullptr) {
    out.Say("provider " + Printable(config.name) +
            " has no keys: what it writes into the bank is not encrypted");
    return 0;
  }
  const auto keys = ring->All();
  if (!keys) return out.Fail(keys.error());
  std::vector<std::vector<std::string>> rows;
  for (const KeyEntry& entry : **keys) {
    const bool current = &entry == &(*keys)->front();
    const std::string made = entry.made ? FormatTime(*entry.made) : std::string();
    rows.push_back({entry.key.id(), current ? "current" : "older", made.empty() ? "-" : made});
    Value datum = Value()
                      .Set("id", entry.key.id())
                      .Set("current", current)
                      .Set("file", Printable(config.key_file.value));
    if (!made.empty()) datum.Set("made", made);
    out.Json("key", std::move(datum));
  }
  out.Table({"KEY", "STATE", "MADE"}, rows);
  return 0;
}

}  // namespace holdfast::cli
