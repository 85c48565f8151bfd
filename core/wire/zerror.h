// Zero's error bodies: a map of one pair whose key begins with `__zerror__`. The Python clients
// turn the key into an exception class (WIRE facts: zeroapi 1.0.1, zero/rpc/client.py).
#pragma once

#include <cstdint>
#include <string>

#include "core/base/bytes.h"

namespace zerogate::wire {

enum class ErrorKey : uint8_t {
  function_not_found,  ///< MethodNotFoundException
  server_exception,    ///< RemoteException
  validation_error,    ///< ValidationException
};

/// What a ZeroMQ server of zeroapi answers when it cannot decode a request.
inline constexpr ByteView kCannotProcess =
    "server cannot process message, check server logs for more details";

/// Appends `{"__zerror__…": message}`. The Python client ignores an error with an empty message,
/// so an empty one is replaced by "unknown error".
void write_error(std::string& out, ErrorKey key, ByteView message);

/// "Function `name` not found!", Zero's own words. A name longer than 256 bytes is cut short.
std::string function_not_found(ByteView name);

/// True when `body` is a map with a string key that begins with `__zerror__`: then the raw-TCP
/// server sets the error flag, whether the function failed or merely returned such a dict.
bool is_error_body(ByteView body) noexcept;

}  // namespace zerogate::wire
