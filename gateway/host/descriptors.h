// The process' budget of file descriptors.
#pragma once

#include <cstdint>

namespace zerogate {

/// Raises the soft limit to the hard one and returns what that leaves for client connections, after
/// a reserve for everything else. Call it once, before anything is opened.
uint32_t claim_descriptors();

}  // namespace zerogate
