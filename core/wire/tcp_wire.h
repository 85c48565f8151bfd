// Every frame format that a raw-TCP client ever sent, told apart frame by frame, without state.
//
//   T1  before 1.0   len:u32be · payload, len = payload
//   T2  before 1.0   len:u32be · rid:u32be · payload, len = 4 + payload
//   T3  1.0.1        len:u32be · rid:u32be · flag:u8 · payload, len = 5 + payload
//
// A request's payload is a map in all of them, and clients write its key "fn" first: where such a
// front stands tells the format. T3 is looked for first and is what every other frame is called.
// A T3 frame whose request id happens to look like T1's front (0x82a2666e, the 2,191,681,134th call
// on one connection) is still T3: T1 and T2 have to be exactly one value besides, which a T3 frame
// cut in the wrong place never is.
// Pure functions: bytes in, frames out. No allocation on the way in, nothing throws.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/bytes.h"
#include "core/base/out_buffer.h"
#include "core/wire/protocol.h"
#include "core/wire/t3.h"

namespace zerogate::wire {

/// A frame of any wire. T1 has no id, so its id is 0 and its replies go out in order; T1 and T2
/// have no flag, so theirs is 0.
struct TcpFrame : t3::Frame {
  Wire wire = Wire::t3;   ///< known only of a whole frame
  t3::Envelope envelope;  ///< of the payload, whatever the wire
};

/// Reads the first frame of `bytes`. `max_message` limits the payload, in bytes.
TcpFrame parse_tcp_frame(ByteView bytes, size_t max_message) noexcept;

/// Of write_tcp_reply(), for T1 and T2.
void write_old_tcp_reply(OutBuffer& out, Wire wire, uint32_t id, ByteView body, bool error);

/// Appends a reply with `body`, one value of at most 4 GiB less 16 bytes; `error`: it is an error's
/// (is_error_body). T1 and T2 put a result into the map {"data": result} and send an error's map
/// bare; T3 sends both bare, with a flag.
inline void write_tcp_reply(OutBuffer& out, Wire wire, uint32_t id, ByteView body, bool error) {
  if (wire == Wire::t3) {
    t3::write_frame(out, id, error, body);
  } else {
    write_old_tcp_reply(out, wire, id, body, error);
  }
}

}  // namespace zerogate::wire
