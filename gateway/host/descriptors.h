// The process' file descriptors. Any thread.
#pragma once

#include <cstdint>

namespace zerogate {

/// Raises the soft limit to the hard one, and returns it. Call it once, before anything is opened.
uint32_t raise_descriptor_limit();

/// How many are open now, those that this process has inherited among them.
uint32_t open_descriptors();

/// Raises the limit and returns what it leaves for connections of `zerogate bench`, after a reserve
/// for everything else.
uint32_t claim_descriptors();

}  // namespace zerogate
