// The list of clients as JSON, which `zerogate clients` and the status page read. Pure function,
// any thread.
#pragma once

#include <string>

#include "core/listener/client_list.h"

namespace zerogate {

/// {"clients": [CLIENT, ...], "left_out": N, "silent_workers": N}, the busiest first. A CLIENT has
/// peer, protocol, wire, identity (hexadecimal), function, calls_per_second, calls, in_flight,
/// unsent_bytes, age_seconds and quiet_seconds; what it has not is null: a wire and a function
/// before its first call, an identity and quiet_seconds of a client without CURVE.
std::string clients_json(const ClientList& list);

/// An identity is shown up to here: those that libzmq makes have 5 bytes.
inline constexpr size_t kShownIdentityBytes = 16;

}  // namespace zerogate
