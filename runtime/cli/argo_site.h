#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "plugins/sdk/result.h"
#include "plugins/sdk/volume.h"

namespace holdfast::cli {

// What a site says of its cluster, and what its provider files and inventories name.
struct ArgoSite {
  struct File {
    std::string path;  // absolute: where pods see it
    std::string text;
  };
  struct ProviderFile {
    std::string name;  // of the provider
    std::string id;
    std::string file_name;  // "os-infra.conf"
    std::string text;
  };
  std::string image;                // empty: as the templates have it; else IsImageName
  std::string name_space = "argo";  // IsDnsLabel
  std::string user = "10001";       // that steps run as, and its group
  std::string group = "10001";
  std::vector<Volume> banks;    // of filesystem banks: each bank's folder is its `path`
  std::vector<Volume> staging;  // what one step stages and another takes: each folder is its `path`
  std::vector<Volume> volumes;  // that resources live on, each once
  std::vector<ProviderFile> providers;
  std::vector<File> inventories;
  std::vector<std::string> secret_files;      // absolute, each once
  std::vector<std::string> secret_variables;  // each once
};

// The files of a site, by name: `templates` (templates/argo, by file name) with the site's answers in
// the places that are marked "# (init: ...)". kInvalidInput for what cannot stand in them: a text that
// Argo would interpret, two things at one path of a pod. Pure.
Result<std::map<std::string, std::string>> FillArgoSite(
    const std::map<std::string, std::string>& templates, const ArgoSite& site);

}  // namespace holdfast::cli
