#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "plugins/sdk/bundle.h"

namespace holdfast::testing_bundles {

// A bundle of parts that are in memory, in any order.
inline Result<BundleFiles> MakeBundleOf(Bundle bundle, const std::vector<BundleStep>& steps,
                                        std::vector<BundleResource> resources) {
  std::sort(resources.begin(), resources.end(),
            [](const auto& a, const auto& b) { return a.resource.key < b.resource.key; });
  std::vector<std::string> names;
  for (const BundleStep& step : steps) names.push_back(step.name);
  BundleSource source;
  source.steps = names;
  source.resources = resources.size();
  source.step = [&](std::size_t index, BundleStepView& out) {
    out = {};
    for (const BundleActivity& activity : steps[index].activities) {
      BundleStepView::Activity view;
      view.key = &activity.resource;
      view.kind = activity.kind;
      // Past the end: one that is not there.
      view.resource = static_cast<std::size_t>(
          std::find_if(resources.begin(), resources.end(),
                       [&](const auto& r) { return r.resource.key == activity.resource; }) -
          resources.begin());
      for (const BundleGate& gate : activity.gates)
        view.gates.push_back({gate.step, &gate.resource, gate.kind});
      out.activities.push_back(std::move(view));
    }
    out.order.assign(steps[index].order.begin(), steps[index].order.end());
  };
  source.resource = [&](std::size_t index) { return resources[index]; };
  return MakeBundle(std::move(bundle), source);
}

}  // namespace holdfast::testing_bundles
