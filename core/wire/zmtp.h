// ZMTP 3, which ZeroMQ speaks over byte streams (rfc.zeromq.org/spec/23 and /37), with the
// mechanism NULL, in which both sides say the same: a greeting of 64 bytes, a READY command, then
// frames.
//
//   greeting   ff · 8 bytes · 7f · version: 3, 1 · mechanism, 20 bytes · as-server · 31 zeros
//   frame      flags: MORE 1, LONG 2, COMMAND 4 · length: u8, or u64be with LONG · body
//   command    length:u8 · name · data
//   READY      properties: length:u8 · name · length:u32be · value
//
// Versions 1 and 2 have no mechanism, and are refused: every released zeroapi brings a libzmq that
// speaks 3.
// Pure functions: bytes in, frames out. No allocation on the way in, nothing throws.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/out_buffer.h"
#include "core/wire/big_endian.h"

namespace zerogate::wire::zmtp {

inline constexpr size_t kGreetingBytes = 64;
/// A command's body is no longer: libzmq's own take less than 100 bytes, and a greeting's
/// properties may be the user's.
inline constexpr size_t kMaxCommandBytes = 8 << 10;
/// Flags and a length of eight bytes.
inline constexpr size_t kMaxHeadBytes = 9;
/// What a PING may carry for its PONG (RFC 37).
inline constexpr size_t kMaxPingContextBytes = 16;

enum class GreetingStatus : uint8_t {
  incomplete,  ///< so far it may become one
  ok,
  foreign,          ///< not ZMTP, or of a version before 3
  other_mechanism,  ///< PLAIN or CURVE, where nothing secret is known
};
/// Reads the first kGreetingBytes of `bytes`, or as much of them as decides.
GreetingStatus parse_greeting(ByteView bytes) noexcept;

enum class FrameStatus : uint8_t {
  incomplete,
  whole,
  bad_flags,  ///< bits that no frame has, or a command that goes on
  too_large,
};
struct Frame {
  FrameStatus status = FrameStatus::incomplete;
  bool more = false;     ///< another frame of the same message follows
  bool command = false;  ///< not a part of a message
  ByteView body;         ///< of a whole frame
  size_t size = 0;       ///< on the wire, head and all; 0: not known yet
};
/// Reads the first frame of `bytes`, whose body may have `max_body` bytes, a command's no more than
/// kMaxCommandBytes. What is wrong with a head is found before the body has come.
Frame parse_frame(ByteView bytes, size_t max_body) noexcept;

struct Command {
  bool ok = false;  ///< the name is whole
  ByteView name;
  ByteView data;
};
Command parse_command(ByteView body) noexcept;

/// True when the properties of a READY are well-formed, and are those of a socket that a ROUTER
/// talks to: a DEALER, REQ or ROUTER. Its Identity is of no interest: see ZmtpListener.
bool is_peers_ready(ByteView properties) noexcept;

void write_greeting(OutBuffer& out);
/// Of a socket of this type.
void write_ready(OutBuffer& out, std::string_view socket_type);
/// The answer to a PING's data: a time-to-live of two bytes, then the context. Nothing for one that
/// is none.
void write_pong(OutBuffer& out, ByteView ping);
/// The head of a message of one frame, whose body of `bytes` follows.
inline void write_head(OutBuffer& out, size_t bytes) {
  append_with(out, kMaxHeadBytes, [bytes](char* at) {
    if (bytes <= 255) {
      at[0] = 0;
      at[1] = static_cast<char>(bytes);
      return at + 2;
    }
    at[0] = 2;
    store_be<8>(at + 1, bytes);
    return at + kMaxHeadBytes;
  });
}

}  // namespace zerogate::wire::zmtp
