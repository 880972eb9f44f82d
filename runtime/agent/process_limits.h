#pragma once

#include "plugins/sdk/result.h"

namespace holdfast::agent {

// Lets this process have as many descriptors as so many steps at once take, besides the listener's connections: less would
// be found out in the middle of a night. kUsage where the system does not allow it.
Status AllowDescriptorsFor(unsigned jobs);

// Memory of large requests goes back to the system once they are over, and is not kept in pieces for each thread. Before
// there is any of them.
void KeepLittleMemory();

// Other processes of this user, steps among them, cannot read this one's environment and memory from now on; root can. It
// leaves no core file. Not in a build with the address sanitizer, which has to look at itself.
void CloseToOthers();

}  // namespace holdfast::agent
