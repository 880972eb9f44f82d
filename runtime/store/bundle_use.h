#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/result.h"

namespace holdfast::runtime {

// How a gc removes a bundle while somebody may just begin to use it: whoever means to write a record that names it, and
// a gc that means to remove it, each leave a mark beside it, and then look for the other's.
//
//   begin, publish, copy        gc
//   writes `used`, anew         writes `going`, for itself alone
//   looks for `going`           looks at `used`, and at who names the bundle
//   looks at the bundle         removes bundle.json, the other files, `used`, and last `going`
//   writes what names it
//
// Of the two that write first and look then, one sees the other, in whichever order their calls come: where `used` is
// written before gc looks at it, it is young, and the bundle stays; where it is not, `going` was written before it, and
// whoever looks for that finds it, or finds that it has gone again, with bundle.json before it. Then nothing that
// names the bundle is written: it is an error that says what to do. Both marks are single keys, so that it does not matter how
// far listings lag; and both ages are differences of two times of the bank, so that it does not matter what time a machine has.
//
// A gc that is killed leaves its mark, which says what process it was: on the same machine it counts no more at once, and
// elsewhere it stops whoever would use the bundle for kGoingExpiry. The next gc writes its own over one that counts no more. Before
// each object that it removes, and before it takes its mark away, a gc looks whether the mark still says what it wrote, which no other
// one ever does, and none begins with that kLongestRemoval after it has written it.
//
// What remains: no bank deletes on a condition, so between that look and the deletion there is time. A call that is on its way while
// another gc takes the mark over and comes to its end, and the bundle is put there anew, takes place all the same: with it goes
// one object of that bundle, or the mark of a gc that came since. Who opens such a bundle finds that it is damaged, and so
// does fsck; publishing it puts it there once more.
//
// A record that was begun by a build that leaves no mark is seen where gc looks at who names the bundle, after its own mark.

inline constexpr std::chrono::hours kGoingExpiry{1};
inline constexpr std::chrono::minutes kLongestRemoval{20};
// A bundle whose use began so lately stays however young those may be that gc removes: its record may not name it yet.
inline constexpr std::chrono::hours kUseBegins{1};

// For whoever is about to write what names the bundle, or the bundle itself. kUnavailable where a gc is just removing it:
// nothing else is to be written.
Status MarkBundleUsed(const BankSection& tenant, std::string_view sha256);

// By bundle, the keys of its objects.
using BundleKeys = std::map<std::string, std::vector<std::string>>;

// The bundles that are named now; nullopt: of some record nobody knows which one it names.
using NamedBundles = std::function<Result<std::optional<std::set<std::string>>>()>;

// Removes bundles that were found to be unnamed, unpublished and old (FindUnnamedBundles), but for what is in use by now, or is
// another gc's. `named` is asked once, after all marks are written. Where a call fails nothing more is removed, and as many
// marks as can be are taken away. Calls `removed` for each one.
Status RemoveBundles(const BankSection& tenant, const Clock& clock, const BundleKeys& bundles,
                     std::chrono::seconds min_age, const NamedBundles& named,
                     const std::function<void(const std::string&)>& removed);

}  // namespace holdfast::runtime
