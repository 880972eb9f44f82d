#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/exec/bank_channel.h"
#include "plugins/sdk/checkpoint.h"
#include "plugins/sdk/resource.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast::plugins::exec {

// Answers the bank requests of one plugin process: streams of the resources of its step, and
// nothing else. What is asked for is a stream's name, never a key, so that there is nothing to
// climb out of; the checkpoint refuses what the operation does not allow. Used on the thread that
// the checkpoint belongs to.
class BankServer {
 public:
  // All borrowed; they outlive this.
  BankServer(Checkpoint& checkpoint, std::span<const Resource> resources);

  // Serves until the plugin closes its end or is gone. An error is a plugin that does not keep to
  // the protocol: the channel is closed then, and the process is to be ended.
  Status Serve(BankChannel& channel);
  // After Serve: an error when a stream was not stored, or was read and is damaged, or was begun
  // and not finished, whatever the plugin says of itself.
  Status status() const;

 private:
  Status Handle(BankChannel& channel, const BankFrame& frame);
  void Answer(BankChannel& channel, const Value& value);
  void Refuse(BankChannel& channel, const Error& error);
  Result<Value> Arguments(const BankFrame& frame, const std::vector<std::string>& names) const;
  Result<const Resource*> ResourceOf(const Value& arguments) const;
  Result<std::string> StreamOf(const Value& arguments) const;

  void Put(const Value& arguments);
  void Finish(BankChannel& channel);
  void Get(BankChannel& channel, const Value& arguments);
  void List(BankChannel& channel, const Value& arguments);
  void Delete(BankChannel& channel, const Value& arguments);

  Checkpoint& checkpoint_;
  std::span<const Resource> resources_;
  bool putting_ = false;  // between P and F or A
  std::string stream_;    // that is being put
  // none: the put was refused or has failed; its data is dropped
  std::unique_ptr<DataWriter> writer_;
  Status put_status_;  // of the put that is going on
  Status lasting_;     // what spoils the whole activity
};

}  // namespace holdfast::plugins::exec
