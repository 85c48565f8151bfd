// What changes in a request, beyond its frame, on the way from one protocol or version to another:
// how None is written, which names fit, and the argument of get_rpc_contract. All other bytes of a
// payload are moved unchanged. Pure functions; views point into the given bytes.
#pragma once

#include <cstddef>
#include <string>

#include "core/base/bytes.h"

namespace zerogate::wire {

/// The reserved function that returns the text of a Python client.
inline constexpr ByteView kGetRpcContract = "get_rpc_contract";

/// None is nil inside the gateway, over TCP, and in every result. A ZeroMQ request of W3 to W5
/// writes it as no bytes at all; its server does not take nil for it.
ByteView empty_from_nil(ByteView argument) noexcept;
ByteView nil_from_empty(ByteView argument) noexcept;

/// True when a ZeroMQ request can carry `name`: 1 to 80 bytes of ASCII that the server's strip()
/// leaves as they are. Any other name would call another function, or spill into the argument.
bool fits_zmq_name(ByteView name) noexcept;

/// Brings the argument of get_rpc_contract up to date: clients up to 0.9.0 send [host, port], and a
/// server of 1.0 fails without [host, port, protocol, async]. True when `argument` is an array of
/// exactly two items: then it was appended with "zmq" and false, which is what such a client can
/// use (it knows no other protocol). Older servers ignore the two. Else nothing is appended.
bool write_full_contract_argument(std::string& out, ByteView argument);

}  // namespace zerogate::wire
