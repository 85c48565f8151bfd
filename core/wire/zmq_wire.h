// Every request format that a zeroapi client ever sent over ZeroMQ, told apart message by message,
// without state. Frames are those on the wire: libzmq's ROUTER puts an identity frame before them.
//
//   W1  0.0.1 to 0.3.2   two frames: name · argument; the reply is the bare result
//   W2  0.3.3 to 0.5.2   the array [id, name, argument], id a str of 32 hex digits; [id, result]
//   W3  0.6.0            id:32 hex digits · name padded to 120 · argument; id:32 · result
//   W4  0.7.0            id:32 hex digits · name padded to 80 · argument; id:32 · result
//   W5  0.8.0 to 1.0.1   id:16 raw bytes · name padded to 80 · argument; id:16 · result
//
// How sure is that? With real clients' messages (a name of ASCII, a well-formed argument):
// - W3, W4 and W5 are never mistaken for each other: what is MessagePack and longer than one byte
//   begins above 0x7f, so a byte that one format calls name and another argument settles it.
// - A W5 message looks like W2 when its random id begins 93 d9 20, its 13 other bytes are hex
//   digits and so are the first 19 bytes of its name: less than once in 2^76 messages of a function
//   with such a name, never for another.
// - The one exception is `connect`, which W3 and W4 send in the same 39 bytes and expect the same
//   answer to. It is called W4.
// Pure functions: bytes in, messages out. No allocation on the way in, nothing throws.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "core/base/bytes.h"
#include "core/wire/protocol.h"
#include "core/wire/w5.h"

namespace zerogate::wire {

/// The longest id, W2's to W4's.
inline constexpr size_t kMaxZmqIdBytes = 32;
inline constexpr size_t kW3NameBytes = 120;

struct ZmqRequest {
  Wire wire = Wire::w5;
  w5::RequestStatus status = w5::RequestStatus::malformed;
  ByteView id;        ///< at most 32 bytes, as the reply has to carry them; W1 has none
  ByteView function;  ///< may be empty, of any length (W1 and W2), or not UTF-8
  ByteView argument;  ///< exactly one value when status is ok; nil when there is none
};

/// The format of a message of one frame: W2 to W5. What fits none of them is called W5.
Wire zmq_wire_of(ByteView body) noexcept;

/// Reads a message of one frame. Finds an id whatever follows it, so that an error can be answered.
ZmqRequest parse_zmq_request(ByteView body) noexcept;

/// Reads a message of two frames. W1 has no id: its clients take replies in the order in which they
/// come, and the servers of that time promised none.
ZmqRequest parse_w1_request(ByteView name, ByteView argument) noexcept;

/// What stands before the result in a reply.
class ReplyPrefix {
 public:
  static constexpr size_t kMaxBytes = 3 + kMaxZmqIdBytes;

  /// `id` as parse_zmq_request found it; at most 32 bytes, which outlive this.
  ReplyPrefix(Wire wire, ByteView id) noexcept;
  ReplyPrefix(const ReplyPrefix&) = delete;
  ReplyPrefix& operator=(const ReplyPrefix&) = delete;
  ByteView view() const { return view_; }

 private:
  std::array<char, kMaxBytes> bytes_;  ///< only W2's has to be made
  ByteView view_;
};

/// True for the wires whose clients need errors in another form: see append_for_old_client.
constexpr bool has_old_errors(Wire wire) { return wire == Wire::w1 || wire == Wire::w2; }

}  // namespace zerogate::wire
