// Protocols and wire versions, the words that all rooms above use. Their names are label values of
// the metrics, so they never change.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace zerogate {

enum class Protocol : uint8_t { tcp, zmq };
inline constexpr std::array<std::string_view, 2> kProtocolNames = {"tcp", "zmq"};

/// The version of a protocol that a client speaks. ZeroMQ: W1 is zeroapi up to 0.3.2, W2 to 0.5.2,
/// W3 0.6.0, W4 0.7.0, W5 0.8.0 to 1.0.1. Raw TCP: T1 and T2 came before 1.0, T3 is 1.0.1.
enum class Wire : uint8_t { w1, w2, w3, w4, w5, t1, t2, t3 };
inline constexpr std::array<std::string_view, 8> kWireNames = {"W1", "W2", "W3", "W4",
                                                               "W5", "T1", "T2", "T3"};
inline constexpr std::array<Protocol, kWireNames.size()> kWireProtocols = {
    Protocol::zmq, Protocol::zmq, Protocol::zmq, Protocol::zmq,
    Protocol::zmq, Protocol::tcp, Protocol::tcp, Protocol::tcp};

/// The longest name of a function: longer than any in use, and a bound for code that compares, logs
/// or counts names. ZeroMQ since W3 has room for 80 or 120 bytes only.
inline constexpr size_t kMaxFunctionNameBytes = 1 << 10;

template <class Enum>
constexpr size_t index_of(Enum value) {
  return static_cast<size_t>(value);
}
inline std::string_view name_of(Protocol protocol) { return kProtocolNames[index_of(protocol)]; }
inline std::string_view name_of(Wire wire) { return kWireNames[index_of(wire)]; }
inline Protocol protocol_of(Wire wire) { return kWireProtocols[index_of(wire)]; }

}  // namespace zerogate
