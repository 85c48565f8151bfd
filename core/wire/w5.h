// ZeroMQ as of zeroapi 0.8.0 to 1.0.1 ("W5"): the one frame of a message (libzmq's ROUTER puts an
// identity frame before it) is id:16 · name space-padded to 80 · argument; a reply is id:16 ·
// result. None is an empty argument.
// Pure functions: bytes in, messages out. No allocation, nothing throws.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/base/bytes.h"
#include "core/wire/msgpack_scan.h"

namespace zerogate::wire::w5 {

inline constexpr size_t kIdBytes = 16;
inline constexpr size_t kNameBytes = 80;

/// Of the argument.
using RequestStatus = ValueStatus;

struct Request {
  RequestStatus status = RequestStatus::malformed;
  ByteView id;        ///< the first 16 bytes, or the whole body when it is shorter
  ByteView function;  ///< stripped of ASCII white space on both sides; may be empty, or not UTF-8
  ByteView argument;  ///< exactly one value when status is ok; nil when the body has none
};

/// Reads a request, as a server that knows no other format does: those of tests and benchmarks. The
/// gateway's listener reads by parse_zmq_request(). Never fails to find an id and a name, as the
/// real worker never does: `status` speaks of the argument only.
Request parse_request(ByteView body) noexcept;

/// Appends a request. `id` has 16 bytes and `function` at most 80; nil becomes an empty argument.
void write_request(std::string& out, ByteView id, ByteView function, ByteView argument);

enum class ReplyStatus : uint8_t {
  ok,
  short_id,   ///< fewer than 16 bytes: no id, so it answers no request
  no_result,  ///< an id and nothing behind it: a gateway's keep-alive, no server's answer
};

struct Reply {
  ReplyStatus status = ReplyStatus::short_id;
  ByteView id;
  ByteView result;  ///< all that follows the id; not looked at, so not known to be one value
};

/// Reads a server's reply.
Reply parse_reply(ByteView body) noexcept;

}  // namespace zerogate::wire::w5
