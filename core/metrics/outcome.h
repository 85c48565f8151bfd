// How a request can end. The names are label values of the metrics, so they are fixed.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "core/wire/protocol.h"

namespace zerogate {

/// How a request ended. Every request ends in exactly one of these.
enum class Outcome : uint8_t {
  ok,
  error,        ///< the function failed, or Redis refused
  not_found,    ///< no such function
  invalid,      ///< the request or its argument has the wrong shape
  timeout,      ///< a deadline passed
  unavailable,  ///< what the function needs is away, or the gateway is shutting down
  overloaded,   ///< a limit of the gateway was reached
  abandoned,    ///< the caller had gone, or did not read, when the answer was ready
  limited,      ///< the caller, the function or all calls were over a rate limit
};
inline constexpr std::array<std::string_view, 9> kOutcomeNames = {
    "ok",          "error",      "not_found", "invalid", "timeout",
    "unavailable", "overloaded", "abandoned", "limited"};

inline std::string_view name_of(Outcome outcome) { return kOutcomeNames[index_of(outcome)]; }

}  // namespace zerogate
