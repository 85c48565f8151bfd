// Ports on loopback that stay a test's own while its server is down.
#pragma once

#include <cstdint>

namespace zerogate::testing {

/// A port on which nobody listens, and which nobody else gets for a long time. One from bind(0) is
/// anyone's once it is closed: a server that was killed may find it taken when it comes back. This
/// one is none of those that the kernel gives out, unless it gives out nearly all. One thread of a
/// process; throws std::runtime_error when none is free. See tests/interop/own_port.py: both share
/// the ports among their processes in the same way.
uint16_t own_port();

}  // namespace zerogate::testing
