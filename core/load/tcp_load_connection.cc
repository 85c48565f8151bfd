#include "core/load/tcp_load_connection.h"

#include "core/wire/msgpack_write.h"
#include "core/wire/t3.h"

namespace zerogate {
namespace {

std::string_view why_malformed(wire::t3::FrameStatus status) {
  switch (status) {
    case wire::t3::FrameStatus::other_protocol:
      return "it does not speak Zero's TCP protocol; is it a ZeroMQ port (zmq://)?";
    case wire::t3::FrameStatus::too_large:
      return "a reply was too large";
    default:
      return "it sent something that is no reply of Zero's TCP protocol";
  }
}

}  // namespace

LoadWire tcp_load(ByteView function, ByteView argument) {
  LoadWire load;
  wire::t3::write_request(load.call, 0, function, argument);
  load.id_at = wire::t3::kLengthBytes;
  load.call_bytes = load.call.size();
  return load;
}

void TcpLoadConnection::greet(OutBuffer& out) {
  wire::t3::write_request(out, kHandshakeId, "connect", wire::kNilValue);
}

size_t TcpLoadConnection::take(ByteView bytes, uint64_t now_ns, size_t& frame_size) {
  wire::t3::Frame frame;
  wire::t3::read_frame(frame, bytes, kMaxReplyBytes);
  frame_size = frame.size;
  if (frame.status == wire::t3::FrameStatus::incomplete) {
    return 0;
  }
  if (frame.status != wire::t3::FrameStatus::whole) {
    end(CallError::malformed, why_malformed(frame.status));
    return 0;
  }
  answer(frame.id, frame.flag != 0, frame.payload, frame.size, now_ns);
  return frame.size;
}

}  // namespace zerogate
