#include "core/load/tcp_load_connection.h"

#include "core/wire/big_endian.h"
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

TcpLoad::TcpLoad(ByteView function, ByteView argument)
    : read_buffer(FrameReader::kSharedBytes, '\0') {
  wire::t3::write_request(request, 0, function, argument);
}

TcpLoadConnection::TcpLoadConnection(uv_loop_t* loop, uint32_t number, LoadConnection::Owner& owner,
                                     TcpLoad& load, const SocketAddress& address)
    : LoadConnection(number, owner),
      load_(load),
      address_(address),
      stream_(loop, *this, load.read_buffer.data()) {
  if (load.tls) {
    stream_.secure(*load.tls);
  }
}

void TcpLoadConnection::open() {
  if (const int error = stream_.connect(address_.get()); error != 0) {
    on_closed(error);
  }
}

void TcpLoadConnection::on_connected() {
  wire::t3::write_request(stream_.out(), kHandshakeId, "connect", wire::kNilValue);
  flush();
}

void TcpLoadConnection::on_closed(int error) {
  end(CallError::disconnected,
      error == UV_EOF ? "the server closed the connection" : stream_.why(error));
}

void TcpLoadConnection::on_bytes(ByteView bytes) {
  parse(bytes, uv_hrtime());
  if (ended()) {
    stream_.stop_reading();
  }
}

void TcpLoadConnection::parse(ByteView bytes, uint64_t now_ns) {
  while (!bytes.empty() && !ended()) {
    wire::t3::Frame frame;
    wire::t3::read_frame(frame, bytes, kMaxLoadReplyBytes);
    if (frame.status == wire::t3::FrameStatus::incomplete) {
      return stream_.keep(bytes, frame.size);
    }
    if (frame.status != wire::t3::FrameStatus::whole) {
      return end(CallError::malformed, why_malformed(frame.status));
    }
    bytes.remove_prefix(frame.size);
    if (!open_ && frame.id == kHandshakeId) {
      open_ = true;
      owner_.on_open(*this);
      continue;
    }
    const auto error = frame.flag == 0 ? std::nullopt : std::optional(call_error_of(frame.payload));
    if (!owner_.on_reply(*this, frame.id, error, frame.payload, frame.size, now_ns)) {
      end(CallError::malformed, "it sent an answer to no call of ours");
    }
  }
}

void TcpLoadConnection::send(uint32_t id) {
  OutBuffer& out = stream_.out();
  const size_t begin = out.size();
  out.append(load_.request);
  wire::store_be<4>(out.data() + begin + wire::t3::kLengthBytes, id);
}

void TcpLoadConnection::flush() {
  if (ended()) {
    return;
  }
  const int error = stream_.flush();
  if (error != 0) {
    on_closed(error);
  }
}

}  // namespace zerogate
