// Zero's error bodies: a map of one pair whose key begins with `__zerror__`. The Python clients
// turn the key into an exception class (WIRE facts: zeroapi 1.0.1, zero/rpc/client.py).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/bytes.h"
#include "core/wire/msgpack_scan.h"
#include "core/wire/protocol.h"

namespace zerogate::wire {

enum class ErrorKey : uint8_t {
  function_not_found,  ///< MethodNotFoundException
  server_exception,    ///< RemoteException
  validation_error,    ///< ValidationException
};

/// How an error's key begins.
inline constexpr ByteView kErrorPrefix = "__zerror__";

/// What a ZeroMQ server of zeroapi answers when it cannot decode a request.
inline constexpr ByteView kCannotProcess =
    "server cannot process message, check server logs for more details";

/// Where the gateway's own limits are the reason it says so.
inline constexpr ByteView kTooDeep = "the argument is nested deeper than 1024 levels";
static_assert(kMaxDepth == 1'024);
inline constexpr ByteView kLongName = "a function's name has at most 1024 bytes";
static_assert(kMaxFunctionNameBytes == 1'024);

/// Appends `{"__zerror__…": message}`. The Python client ignores an error with an empty message,
/// so an empty one is replaced by "unknown error".
void write_error(std::string& out, ErrorKey key, ByteView message);

/// "Function `name` not found!", Zero's own words. A name longer than 256 bytes is cut short.
std::string function_not_found(ByteView name);

/// Which error `body`, a map, is; for error_key().
std::optional<ErrorKey> error_key_of_map(ByteView body) noexcept;

/// Which error `body` is, when it is one; a `__zerror__` key that is none of ErrorKey's counts as
/// server_exception.
inline std::optional<ErrorKey> error_key(ByteView body) noexcept {
  // Asked of every reply: most are settled by the first byte.
  if (body.empty() || type_of(body.front()) != Type::map) {
    return std::nullopt;
  }
  return error_key_of_map(body);
}

/// True when `body` is a map with a string key that begins with `__zerror__`: then the raw-TCP
/// server sets the error flag, whether the function failed or merely returned such a dict.
inline bool is_error_body(ByteView body) noexcept { return error_key(body).has_value(); }

/// Appends `body`, an answer for a client of W1 or W2 (zeroapi up to 0.5.2), which knows fewer
/// keys:
/// - Up to 0.3.51 not found is `__zerror__method_not_found`, from 0.3.60 on
///   `__zerror__function_not_found`. Both share one wire, so the client's age cannot be told: an
///   error gets the old key beside the new one, with the same message.
/// - `__zerror__validation_error` came with W3. It gets `__zerror__server_exception` beside it,
///   which 0.3.60 to 0.5.2 raise as RemoteException. Clients up to 0.3.51 know no error but not
///   found: they hand such a map to their caller as the result, and no server can change that.
/// Everything else is appended as it is.
void append_for_old_client(std::string& out, ByteView body);

}  // namespace zerogate::wire
