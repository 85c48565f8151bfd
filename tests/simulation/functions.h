// The native functions of a simulated gateway: its own, and one that calls a backend.
#pragma once

#include <cstdint>

#include "core/sdk/functions.h"

namespace zerogate::simulation {

inline constexpr uint32_t kRelayTimeoutMs = 2'000;

/// `relay` waits for some milliseconds and hands its argument to a_put of backend a.
const Functions& simulated_functions();

}  // namespace zerogate::simulation
