#include "core/load/zmq_load_connection.h"

#include "core/wire/big_endian.h"
#include "core/wire/msgpack_write.h"
#include "core/wire/translate.h"
#include "core/wire/w5.h"
#include "core/wire/zerror.h"
#include "core/wire/zmtp.h"

namespace zerogate {
namespace {

/// What all ids begin with: never like the hexadecimal ids of older wires, and never like the ids
/// of a gateway's keep-alive frames, which are 16 zero bytes.
constexpr ByteView kLoadIdPrefix = "zerogate-id:";
static_assert(kLoadIdPrefix.size() + sizeof(uint32_t) == wire::w5::kIdBytes);

std::string load_id_of(uint32_t number) {
  std::string id(kLoadIdPrefix);
  id.resize(wire::w5::kIdBytes);
  wire::store_be<4>(id.data() + kLoadIdPrefix.size(), number);
  return id;
}

void write_load_message(OutBuffer& out, ByteView body) {
  wire::zmtp::write_head(out, body.size());
  out.append(body);
}

bool is_keep_alive(ByteView id) { return id.find_first_not_of('\0') == ByteView::npos; }

}  // namespace

LoadWire zmq_load(ByteView function, ByteView argument) {
  std::string body;
  wire::w5::write_request(body, load_id_of(0), function, argument);
  OutBuffer message;
  write_load_message(message, body);
  LoadWire load;
  load.call = message.view();
  load.call_bytes = body.size();
  load.id_at = load.call.size() - body.size() + kLoadIdPrefix.size();
  return load;
}

void ZmqLoadConnection::greet(OutBuffer& out) { wire::zmtp::write_greeting(out); }

size_t ZmqLoadConnection::take(ByteView bytes, uint64_t now_ns, size_t& frame_size) {
  using wire::zmtp::FrameStatus;
  if (phase_ == Phase::greeting) {
    return take_greeting(bytes);
  }
  const wire::zmtp::Frame frame = wire::zmtp::parse_frame(bytes, kMaxReplyBytes);
  frame_size = frame.size;
  if (frame.status == FrameStatus::incomplete) {
    return 0;
  }
  if (frame.status == FrameStatus::too_large) {
    end(CallError::malformed, "a reply was too large");
  } else if (frame.status != FrameStatus::whole || (phase_ != Phase::open && !frame.command)) {
    end(CallError::malformed, "it sent something that is no ZMTP");
  } else if (frame.command) {
    take_command(frame.body);
  } else if (frame.more) {
    end(CallError::malformed, "it sent a message of several frames");
  } else {
    take_message(frame.body, now_ns);
  }
  return frame.size;
}

size_t ZmqLoadConnection::take_greeting(ByteView bytes) {
  using wire::zmtp::GreetingStatus;
  switch (wire::zmtp::parse_greeting(bytes)) {
    case GreetingStatus::incomplete:
      return 0;
    case GreetingStatus::ok:
      break;
    case GreetingStatus::foreign:
      end(CallError::malformed, "it does not speak ZeroMQ; is it a raw-TCP port (tcp://)?");
      return 0;
    case GreetingStatus::other_mechanism:
      end(CallError::malformed, "it asks for CURVE or PLAIN; has it a port without?");
      return 0;
  }
  phase_ = Phase::handshake;
  wire::zmtp::write_ready(out(), "DEALER");
  flush();
  return wire::zmtp::kGreetingBytes;
}

void ZmqLoadConnection::take_command(ByteView body) {
  const wire::zmtp::Command command = wire::zmtp::parse_command(body);
  if (phase_ == Phase::handshake) {
    if (!command.ok || command.name != "READY") {
      return end(CallError::malformed, "it refused the handshake of ZMTP");
    }
    phase_ = Phase::open;
    // Unpadded, as the real clients send it.
    write_load_message(out(), load_id_of(kHandshakeId) + "connect");
    flush();
  } else if (command.ok && command.name == "PING") {
    wire::zmtp::write_pong(out(), command.data);
    flush();
  }
}

void ZmqLoadConnection::take_message(ByteView body, uint64_t now_ns) {
  const wire::w5::Reply reply = wire::w5::parse_reply(body);
  const bool has_id = reply.status != wire::w5::ReplyStatus::short_id;
  if (has_id && is_keep_alive(reply.id)) {
    return;
  }
  if (!has_id || !reply.id.starts_with(kLoadIdPrefix)) {
    return end(CallError::malformed, "it sent something that is no reply of Zero's protocol");
  }
  const ByteView result = wire::nil_from_empty(reply.result);
  answer(wire::load_be32(reply.id.data() + kLoadIdPrefix.size()), wire::is_error_body(result),
         result, body.size(), now_ns);
}

}  // namespace zerogate
