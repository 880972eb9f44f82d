#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "plugins/banks/object_store/object_store.h"
#include "plugins/sdk/bank.h"
#include "plugins/sdk/clock.h"

namespace holdfast::banks {

struct ObjectStoreOptions {
  ExclusiveStrength strength = ExclusiveStrength::kSettled;
  // How long after a creation every server agrees on who holds the object. What takes longer than 2/3 of it to be
  // written does not hold it.
  std::chrono::milliseconds settle{3000};
  // One operation with all that is sent again, but for the bytes of a large object.
  std::chrono::milliseconds deadline{300'000};
};

// Waits, as long as it is said.
using Sleep = std::function<void(std::chrono::milliseconds)>;

// A bank over a store.
//
//   - A Put of bytes in memory, or of at most 8 MiB, is sent again as often as the store's client does; one of a
//     larger source once.
//   - A Get that breaks off goes on where it was, with the same object, as long as each try gets further, or
//     the deadline has not passed since the last byte. A whole one is checked against the server's MD5.
//   - CreateExclusive with kSettled: the object is written with a mark of its own, and whoever finds that mark there after
//     the settle time holds it (design: bank).
//   - Names in the store that are no keys are not the bank's: they are not listed.
//   - It does not look for a key that continues another: nothing in a store of names is hurt by that.
//
// Thread-safe. `clock` is not owned and outlives the bank.
std::unique_ptr<Bank> MakeObjectStoreBank(std::unique_ptr<ObjectStore> store, const Clock& clock,
                                          Sleep sleep, ObjectStoreOptions options);

}  // namespace holdfast::banks
