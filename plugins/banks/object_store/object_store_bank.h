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
  // One operation with all that is sent again; and 10 ms more for each KB of an object that it writes or reads. A
  // CreateExclusive has `settle` beside it.
  std::chrono::milliseconds deadline{300'000};
  // Of what the store puts together of parts, as large as this: their MD5s (StoredObject::md5_of_parts) are known when it is
  // read. 0: there is no such thing.
  std::uint64_t part_size = 0;
};

// Waits, as long as it is said.
using Sleep = std::function<void(std::chrono::milliseconds)>;
Sleep RealSleep();

// A bank over a store.
//
//   - A Put of bytes in memory, or of at most 8 MiB, is sent as it is, and what is from a larger source in parts: all of
//     them again as often as the store's client does.
//   - A Get that breaks off goes on where it was, with the same object, as long as each try gets further, until
//     the deadline. A whole one is checked against the SHA-256 or MD5 that the server has, unless the sink checks more
//     (ByteSink::ChecksBytes); of a part nobody has one: that it is of the right place and length is all that is known, and who
//     reads parts knows what to expect.
//   - A Stat, and a Get whose sink does not check its bytes, is of the newest of several copies: of a lease an older one
//     would say that another has it, or nobody.
//   - CreateExclusive with kSettled: the object is written with a mark of its own, and whoever finds that mark there after
//     the settle time holds it (design: bank).
//   - Names in the store that are no keys are not the bank's: they are not listed.
//   - Its errors name the server and, where they are no kNotFound or kConflict, what was being done with which object.
//   - It does not look for a key that continues another: nothing in a store of names is hurt by that.
//
// Thread-safe. `clock` is not owned and outlives the bank.
std::unique_ptr<Bank> MakeObjectStoreBank(std::unique_ptr<ObjectStore> store, const Clock& clock,
                                          Sleep sleep, ObjectStoreOptions options);

}  // namespace holdfast::banks
