#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/bundle.h"
#include "plugins/sdk/result.h"

namespace holdfast::runtime {

// Writes a bundle to bundles/<sha256>/, shards first and bundle.json last, so that a bundle that
// is there is whole. What is there already is left, unless it is damaged: then it is written anew.
// `published`: it carries a mark that keeps gc
// from removing it while no record names it (`holdfast publish`). kCorrupt where the bank took it and has not got it;
// kUnavailable where a gc is just removing one (bundle_use.h).
Status PublishBundle(const BankSection& tenant, const BundleFiles& files, bool published);

// Copies a bundle from one bank to another, file by file, as PublishBundle writes it; every hash is checked. The mark
// of one that was published is not copied. kNotFound when it is not in the first; kUnavailable where a gc is just removing the
// second one's.
Status CopyBundle(const BankSection& from, const BankSection& to, const std::string& sha256);

// Takes that mark away; success where there is none. kNotFound when the bundle is not in the bank.
// `tenant` may delete.
Status WithdrawBundle(const BankSection& tenant, const std::string& sha256);

// Reads a whole bundle back; every hash is checked. kNotFound when it is not in the bank, kCorrupt when a part of it is not.
Result<LoadedBundle> LoadBundleFromBank(const BankSection& tenant, const std::string& sha256);

// A bundle in the bank of which only what is asked for is read: bundle.json, and shards as they
// are needed. Every hash is checked. What it hands out lives as long as it does. One thread.
class StoredBundle {
 public:
  // kNotFound (with a hint) when it is not in the bank.
  static Result<StoredBundle> Open(const BankSection& tenant, std::string sha256);

  const std::string& sha256() const { return sha256_; }
  const Bundle& bundle() const { return bundle_; }
  std::size_t shard_count() const { return bundle_.shards.size(); }
  // What reads shards: kCorrupt, which names the object, where one is damaged or missing; kNotFound when the whole bundle has
  // gone since it was opened.
  Result<const BundleShard*> Shard(std::size_t index);
  // kNotFound for a name that the bundle does not have.
  Result<const BundleStep*> Step(std::string_view name);
  Result<std::size_t> ShardIndexOf(std::string_view step) const {
    return ShardOfStep(bundle_, step);
  }
  // A resource that `step` acts on.
  Result<const BundleResource*> ResourceOf(std::string_view step, const ResourceKey& key);
  // Every step, shard after shard; reads all shards.
  Result<std::vector<const BundleStep*>> AllSteps();
  // Every resource of the graph, once; reads all shards.
  Result<std::map<ResourceKey, const BundleResource*>> AllResources();
  // The graph that it was compiled from; reads all shards.
  Result<ResourceGraph> Graph();

 private:
  StoredBundle(BankSection section, std::string sha256, Bundle bundle)
      : section_(std::move(section)),
        sha256_(std::move(sha256)),
        bundle_(std::move(bundle)),
        shards_(bundle_.shards.size()) {}
  BankSection section_;
  std::string sha256_;
  Bundle bundle_;
  std::vector<std::unique_ptr<BundleShard>> shards_;
};

// The activity that ends a resource's data and writes its manifest: parallel if the resource has
// one, else pre_finish, else pre, else post. kPost also where it has none at all.
ActivityKind FinalisingKind(const BundleResource& resource);

// Steps such that each comes after all that it is ordered after; `steps` is in any order.
Result<std::vector<const BundleStep*>> InOrder(const std::vector<const BundleStep*>& steps);

}  // namespace holdfast::runtime
