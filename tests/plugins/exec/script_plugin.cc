#include "tests/plugins/exec/script_plugin.h"

#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "plugins/banks/filesystem/filesystem_bank.h"

namespace holdfast::testing_plugins {

namespace {

constexpr std::string_view kDescription =
    R"({"message_type":"result","protocol":1,"state":"done","plugin":{"types":["Test::Thing"],)"
    R"("settings_section":"thing","operations":{"protect":{"activities":["pre","parallel","post"]},)"
    R"("restore":{"activities":["parallel"]},"delete":{"activities":["parallel"]}},)"
    R"("saved_info":{"version":1,"fields":[{"name":"n","type":"integer"}]}}})";

std::string Replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  HOLDFAST_CHECK(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

ScriptPluginTest::ScriptPluginTest() : processes_(MakeProcessRunner()) {
  context_ =
      std::make_unique<WatchedContext>(log_, *processes_, cancellation_, std::chrono::minutes(10));
  auto bank = OpenFilesystemBank(folder_ / "bank");
  HOLDFAST_CHECK(bank.has_value());
  bank_ = std::move(*bank);
  plugins::exec::Register(registry_);
  thing_.key = {"Test::Thing", "t1"};
  thing_.name = "thing";
}

std::string ScriptPluginTest::Script(std::string_view name, std::string_view text) {
  const std::string path = folder_ / name;
  std::ofstream(path) << text;
  ::chmod(path.c_str(), 0755);
  return "exec:" + path;
}

std::string ScriptPluginTest::Shell(std::string_view activity, std::string_view poll) {
  std::string text = R"(#!/bin/sh
folder=@FOLDER@
read -r request
done='{"message_type":"result","protocol":1,"state":"done"}'
seen() { printf '%s\n' "$request" >> "$folder/$1.log"; }
case $request in
*'"call":"describe"'*) printf '%s\n' '@DESCRIPTION@' ;;
*'"call":"clean-up"'*) seen clean-up; printf '%s\n' "$done" ;;
*'"call":"poll"'*) seen poll
@POLL@
;;
*'"call":"activity"'*) seen activity
@ACTIVITY@
;;
esac
)";
  text = Replaced(std::move(text), "@FOLDER@", folder_.path());
  text = Replaced(std::move(text), "@DESCRIPTION@", kDescription);
  text = Replaced(std::move(text), "@POLL@", poll.empty() ? ":" : poll);
  text = Replaced(std::move(text), "@ACTIVITY@", activity);
  return Script("plugin.sh", text);
}

std::string ScriptPluginTest::Python(std::string_view activity) {
  std::string text = R"(#!/usr/bin/env python3
import json, os, signal, struct, sys, time
line = sys.stdin.readline()
request = json.loads(line)
call = request["call"]
open("@FOLDER@/" + call + ".log", "a").write(line)
def say(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()
def done(**fields):
    say({"message_type": "result", "protocol": 1, "state": "done", **fields})
def write(data):
    while data:
        data = data[os.write(3, data):]
def send(kind, payload=b""):
    write(kind + struct.pack(">I", len(payload)) + payload)
def read(size):
    data = b""
    while len(data) < size:
        more = os.read(4, size - len(data))
        if not more:
            break
        data += more
    return data
def receive():
    header = read(5)
    if len(header) < 5:
        return b"", b""
    return header[:1], read(struct.unpack(">I", header[1:])[0])
def put(stream, data, **fields):
    send(b"P", json.dumps({"stream": stream, **fields}).encode())
    for at in range(0, len(data), 1 << 20):
        send(b"D", data[at:at + (1 << 20)])
    send(b"F")
    return receive()
def get(stream, **fields):
    send(b"G", json.dumps({"stream": stream, **fields}).encode())
    data = b""
    while True:
        kind, payload = receive()
        if kind != b"D":
            return kind, data if kind == b"F" else payload
        data += payload
if call == "describe":
    print(r'''@DESCRIPTION@''')
elif call == "clean-up":
    done()
else:
@ACTIVITY@
)";
  text = Replaced(std::move(text), "@FOLDER@", folder_.path());
  text = Replaced(std::move(text), "@DESCRIPTION@", kDescription);
  std::string body;
  std::istringstream lines{std::string(activity)};
  for (std::string line; std::getline(lines, line);) body += "    " + line + "\n";
  return Script("plugin.py", Replaced(std::move(text), "@ACTIVITY@", body));
}

Result<std::unique_ptr<ProtectionPlugin>> ScriptPluginTest::Open(const std::string& name,
                                                                 const Value& settings) {
  HOLDFAST_RETURN_IF_ERROR(registry_.Resolve(name));
  const ProtectionEntry* const entry = registry_.FindProtection(name);
  HOLDFAST_CHECK(entry != nullptr);
  HOLDFAST_ASSIGN_OR_RETURN(
      const Value checked,
      CheckAgainstSchema(entry->descriptor.settings, settings, "test.conf", "settings"));
  return entry->make(checked);
}

ProtectionPlugin& ScriptPluginTest::Plugin(const std::string& name, const Value& settings) {
  auto plugin = Open(name, settings);
  if (!plugin) ADD_FAILURE() << plugin.error().Render();
  HOLDFAST_CHECK(plugin.has_value());
  plugin_ = std::move(*plugin);
  return *plugin_;
}

Status ScriptPluginTest::Run(const std::string& name, ActivityKind kind) {
  MemoryCheckpoint checkpoint(*bank_, "c1");
  return RunIn(checkpoint, name, kind);
}

Status ScriptPluginTest::RunIn(MemoryCheckpoint& checkpoint, const std::string& name,
                               ActivityKind kind) {
  return RunActivity(Plugin(name, Value().Set("stop_grace", "50ms")), kind, checkpoint, *context_,
                     thing_);
}

std::string ScriptPluginTest::Requests(std::string_view call) {
  std::ifstream in(folder_ / (std::string(call) + ".log"));
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::string ErrorText(const Status& status) { return status ? "" : status.error().Render(); }

}  // namespace holdfast::testing_plugins
