#include "runtime/store/bundle_store.h"

#include <fmt/format.h>

#include <algorithm>

#include "plugins/sdk/sha256.h"
#include "runtime/store/bundle_use.h"
#include "runtime/store/layout.h"

namespace holdfast::runtime {
namespace {

constexpr std::string_view kHead = "bundle.json";
constexpr std::uint64_t kLargestFile = std::uint64_t{1} << 28U;

std::string ShardName(std::size_t index) { return fmt::format("shard-{}.json", index); }

Status CheckHash(std::string_view bytes, std::string_view expected, std::string_view name) {
  if (Sha256Hex(bytes) == expected) return Ok();
  return Corrupt(fmt::format("{} does not match its hash {}", name, expected.substr(0, 12)));
}

Error Missing(std::string_view sha256) {
  return NotFound(fmt::format("the bundle {} is not in the bank", sha256.substr(0, 12)))
      .Hint(
          "'holdfast run FILE' puts a workflow's bundle there, and so does 'holdfast step run FILE "
          "begin'; for an engine that starts it without them 'holdfast publish FILE'");
}

// Of a shard that was not found. It is there before its head, and gc removes the head first: without one the bundle is gone,
// and what has it is damaged.
Error MissingShard(const BankSection& section, std::string_view sha256, std::size_t index) {
  const auto head = section.Exists(std::string(kHead));
  if (!head) return head.error();
  if (!*head) return Missing(sha256);
  return Corrupt(fmt::format("the object {}/{} is missing", section.prefix(), ShardName(index)));
}

// The bytes are those that the key promises: what else lies there is damaged, and gives way.
Status PutFile(const BankSection& section, const std::string& name, const std::string& bytes) {
  Status put = section.PutSame(name, bytes);
  if (put || put.error().code() != ErrorCode::kConflict) return put;
  return section.Replace(name, bytes);
}

// A store may say that it took what it did not keep: then each step would tell its user to publish what was just published.
Status CheckKept(const BankSection& section, const std::string& name) {
  HOLDFAST_ASSIGN_OR_RETURN(const bool there, section.Exists(name));
  if (there) return Ok();
  return Corrupt(fmt::format("the bank said that it has stored {}/{}, and there is no such object",
                             section.prefix(), name))
      .Hint(
          "'holdfast bank check' tries what a bank has to keep; look at its address and at what "
          "answers there (a proxy, a "
          "cache, a gateway of another service), and whether a rule of the store removes or hides "
          "objects");
}

}  // namespace

Status PublishBundle(const BankSection& tenant, const BundleFiles& files, bool published) {
  HOLDFAST_ASSIGN_OR_RETURN(const BankSection section,
                            tenant.Narrow(BundlePrefix(files.sha256), SectionAccess::kWrite));
  const auto head = files.files.find(std::string(kHead));
  if (head == files.files.end()) return InvalidInput("a bundle without bundle.json");
  HOLDFAST_RETURN_IF_ERROR(CheckHash(head->second, files.sha256, kHead));
  HOLDFAST_ASSIGN_OR_RETURN(const Bundle bundle, ParseBundle(head->second, kHead));
  for (std::size_t i = 0; i < bundle.shards.size(); ++i) {
    const std::string name = ShardName(i);
    const auto shard = files.files.find(name);
    if (shard == files.files.end()) return InvalidInput("a bundle without " + name);
    HOLDFAST_RETURN_IF_ERROR(CheckHash(shard->second, bundle.shards[i].sha256, name));
  }
  HOLDFAST_RETURN_IF_ERROR(MarkBundleUsed(tenant, files.sha256));
  for (std::size_t i = 0; i < bundle.shards.size(); ++i) {
    const std::string name = ShardName(i);
    HOLDFAST_RETURN_IF_ERROR(PutFile(section, name, files.files.at(name)));
  }
  HOLDFAST_RETURN_IF_ERROR(PutFile(section, head->first, head->second));
  HOLDFAST_RETURN_IF_ERROR(CheckKept(section, head->first));
  if (published)
    HOLDFAST_RETURN_IF_ERROR(tenant.PutSame(PublishedKey(files.sha256), "published\n"));
  return Ok();
}

Status CopyBundle(const BankSection& from, const BankSection& to, const std::string& sha256) {
  HOLDFAST_ASSIGN_OR_RETURN(const BankSection source,
                            from.Narrow(BundlePrefix(sha256), SectionAccess::kRead));
  HOLDFAST_ASSIGN_OR_RETURN(const BankSection target,
                            to.Narrow(BundlePrefix(sha256), SectionAccess::kWrite));
  const auto read = [&source](const std::string& name,
                              std::string_view hash) -> Result<std::string> {
    HOLDFAST_ASSIGN_OR_RETURN(std::string bytes, source.GetBytes(name, kLargestFile));
    HOLDFAST_RETURN_IF_ERROR(CheckHash(bytes, hash, source.prefix() + "/" + name));
    return bytes;
  };
  HOLDFAST_ASSIGN_OR_RETURN(const std::string head, read(std::string(kHead), sha256));
  HOLDFAST_ASSIGN_OR_RETURN(const Bundle bundle, ParseBundle(head, kHead));
  HOLDFAST_RETURN_IF_ERROR(MarkBundleUsed(to, sha256));
  for (std::size_t i = 0; i < bundle.shards.size(); ++i) {
    const auto shard = read(ShardName(i), bundle.shards[i].sha256);
    if (!shard && shard.error().code() == ErrorCode::kNotFound)
      return MissingShard(source, sha256, i);
    if (!shard) return shard.error();
    HOLDFAST_RETURN_IF_ERROR(PutFile(target, ShardName(i), *shard));
  }
  HOLDFAST_RETURN_IF_ERROR(PutFile(target, std::string(kHead), head));
  return CheckKept(target, std::string(kHead));
}

Status WithdrawBundle(const BankSection& tenant, const std::string& sha256) {
  HOLDFAST_ASSIGN_OR_RETURN(const bool there, tenant.Exists(BundlePrefix(sha256) + "/bundle.json"));
  if (!there) return Missing(sha256);
  return tenant.DeleteIfPresent(PublishedKey(sha256));
}

Result<LoadedBundle> LoadBundleFromBank(const BankSection& tenant, const std::string& sha256) {
  HOLDFAST_ASSIGN_OR_RETURN(StoredBundle stored, StoredBundle::Open(tenant, sha256));
  LoadedBundle loaded;
  loaded.sha256 = sha256;
  loaded.bundle = stored.bundle();
  for (std::size_t i = 0; i < stored.shard_count(); ++i) {
    HOLDFAST_ASSIGN_OR_RETURN(const BundleShard* const shard, stored.Shard(i));
    loaded.shards.push_back(*shard);
  }
  return loaded;
}

Result<StoredBundle> StoredBundle::Open(const BankSection& tenant, std::string sha256) {
  if (!IsSha256Hex(sha256)) {
    return InvalidInput("a bundle is named by a SHA-256, 64 hex digits")
        .Hint("it stands in the workflow file as the parameter 'bundle'");
  }
  HOLDFAST_ASSIGN_OR_RETURN(BankSection section,
                            tenant.Narrow(BundlePrefix(sha256), SectionAccess::kRead));
  auto bytes = section.GetBytes(kHead, kLargestFile);
  if (!bytes) {
    if (bytes.error().code() == ErrorCode::kNotFound) return Missing(sha256);
    return std::move(bytes).error();
  }
  HOLDFAST_RETURN_IF_ERROR(CheckHash(*bytes, sha256, section.prefix() + "/" + std::string(kHead)));
  HOLDFAST_ASSIGN_OR_RETURN(Bundle bundle,
                            ParseBundle(*bytes, section.prefix() + "/" + std::string(kHead)));
  return StoredBundle(std::move(section), std::move(sha256), std::move(bundle));
}

Result<const BundleShard*> StoredBundle::Shard(std::size_t index) {
  if (!shards_[index]) {
    const std::string name = ShardName(index);
    const std::string place = section_.prefix() + "/" + name;
    auto bytes = section_.GetBytes(name, kLargestFile);
    if (!bytes) {
      if (bytes.error().code() == ErrorCode::kNotFound)
        return MissingShard(section_, sha256_, index);
      return std::move(bytes).error();
    }
    HOLDFAST_RETURN_IF_ERROR(CheckHash(*bytes, bundle_.shards[index].sha256, place));
    HOLDFAST_ASSIGN_OR_RETURN(BundleShard shard, ParseShard(*bytes, place));
    shards_[index] = std::make_unique<BundleShard>(std::move(shard));
  }
  return shards_[index].get();
}

Result<const BundleStep*> StoredBundle::Step(std::string_view name) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::size_t index, ShardIndexOf(name));
  HOLDFAST_ASSIGN_OR_RETURN(const BundleShard* const shard, Shard(index));
  const auto at =
      std::lower_bound(shard->steps.begin(), shard->steps.end(), name,
                       [](const BundleStep& step, std::string_view n) { return step.name < n; });
  if (at == shard->steps.end() || at->name != name) {
    return NotFound(fmt::format("the bundle {} has no step '{}'", sha256_.substr(0, 12), name))
        .Hint("holdfast step list FILE shows the steps of a workflow file");
  }
  return &*at;
}

Result<const BundleResource*> StoredBundle::ResourceOf(std::string_view step,
                                                       const ResourceKey& key) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::size_t index, ShardIndexOf(step));
  HOLDFAST_ASSIGN_OR_RETURN(const BundleShard* const shard, Shard(index));
  const auto at = std::lower_bound(shard->resources.begin(), shard->resources.end(), key,
                                   [](const BundleResource& resource, const ResourceKey& k) {
                                     return resource.resource.key < k;
                                   });
  if (at == shard->resources.end() || at->resource.key != key) {
    return Corrupt(fmt::format("shard {} of the bundle {} lacks a resource of its step '{}'", index,
                               sha256_.substr(0, 12), step));
  }
  return &*at;
}

Result<std::vector<const BundleStep*>> StoredBundle::AllSteps() {
  std::vector<const BundleStep*> steps;
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    HOLDFAST_ASSIGN_OR_RETURN(const BundleShard* const shard, Shard(i));
    for (const BundleStep& step : shard->steps) steps.push_back(&step);
  }
  return steps;
}

Result<std::map<ResourceKey, const BundleResource*>> StoredBundle::AllResources() {
  std::map<ResourceKey, const BundleResource*> resources;
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    HOLDFAST_ASSIGN_OR_RETURN(const BundleShard* const shard, Shard(i));
    for (const BundleResource& resource : shard->resources) {
      resources.emplace(resource.resource.key, &resource);
    }
  }
  return resources;
}

Result<ResourceGraph> StoredBundle::Graph() {
  HOLDFAST_ASSIGN_OR_RETURN(const auto resources, AllResources());
  ResourceGraphBuilder builder;
  for (const std::string& warning : bundle_.warnings) builder.AddWarning(warning);
  for (const auto& [key, entry] : resources) {
    HOLDFAST_RETURN_IF_ERROR(
        builder.AddResource({key, entry->resource.name, entry->resource.extra}));
    for (const ResourceLink& child : entry->resource.children) {
      HOLDFAST_RETURN_IF_ERROR(builder.AddEdge(key, child.key, child.facts));
    }
  }
  return builder.Build();
}

ActivityKind FinalisingKind(const BundleResource& resource) {
  for (const ActivityKind kind :
       {ActivityKind::kParallel, ActivityKind::kPreFinish, ActivityKind::kPre}) {
    if (!resource.StepOf(kind).empty()) return kind;
  }
  return ActivityKind::kPost;
}

Result<std::vector<const BundleStep*>> InOrder(const std::vector<const BundleStep*>& steps) {
  std::map<std::string_view, std::size_t> index;
  for (std::size_t i = 0; i < steps.size(); ++i) index.emplace(steps[i]->name, i);
  std::vector<std::vector<std::size_t>> after(steps.size());
  std::vector<std::size_t> waits(steps.size(), 0);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    for (const std::string& name : steps[i]->order) {
      const auto at = index.find(name);
      if (at == index.end()) {
        return Corrupt(fmt::format("step '{}' comes after '{}', which is not in the bundle",
                                   steps[i]->name, name));
      }
      after[at->second].push_back(i);
      ++waits[i];
    }
  }
  std::vector<const BundleStep*> ordered;
  std::vector<std::size_t> ready;
  for (std::size_t i = steps.size(); i-- > 0;) {
    if (waits[i] == 0) ready.push_back(i);
  }
  while (!ready.empty()) {
    const std::size_t i = ready.back();
    ready.pop_back();
    ordered.push_back(steps[i]);
    for (const std::size_t next : after[i]) {
      if (--waits[next] == 0) ready.push_back(next);
    }
  }
  if (ordered.size() != steps.size()) return Corrupt("the order of the bundle's steps is a cycle");
  return ordered;
}

}  // namespace holdfast::runtime
