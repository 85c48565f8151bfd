// The words of the domain that everything else speaks: protocols, wire versions, outcomes. Their
// names are label values of the metrics, so they are fixed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace zerogate {

enum class Protocol : uint8_t { tcp, zmq };
inline constexpr std::array<std::string_view, 2> kProtocolNames = {"tcp", "zmq"};

/// The version of a protocol that a client speaks. T3 is raw TCP as of zeroapi 1.0.1, W5 is ZeroMQ
/// as of 0.8.0 to 1.0.1.
enum class Wire : uint8_t { t3, w5 };
inline constexpr std::array<std::string_view, 2> kWireNames = {"T3", "W5"};
inline constexpr std::array<Protocol, 2> kWireProtocols = {Protocol::tcp, Protocol::zmq};

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
};
inline constexpr std::array<std::string_view, 8> kOutcomeNames = {
    "ok", "error", "not_found", "invalid", "timeout", "unavailable", "overloaded", "abandoned"};

template <class Enum>
constexpr size_t index_of(Enum value) {
  return static_cast<size_t>(value);
}
inline std::string_view name_of(Protocol protocol) { return kProtocolNames[index_of(protocol)]; }
inline std::string_view name_of(Wire wire) { return kWireNames[index_of(wire)]; }
inline std::string_view name_of(Outcome outcome) { return kOutcomeNames[index_of(outcome)]; }
inline Protocol protocol_of(Wire wire) { return kWireProtocols[index_of(wire)]; }

}  // namespace zerogate
