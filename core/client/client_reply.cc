#include "core/client/client_reply.h"

#include <fmt/format.h>

#include "core/client/limits.h"
#include "core/wire/t3.h"
#include "core/wire/translate.h"
#include "core/wire/zerror.h"

namespace zerogate {

Result<std::optional<ClientReply>> take_tcp_reply(std::string& received, uint32_t id) {
  using wire::t3::FrameStatus;
  for (;;) {
    const auto frame = wire::t3::parse_frame(received, kMaxReplyBytes);
    switch (frame.status) {
      case FrameStatus::whole:
        break;
      case FrameStatus::incomplete:
        return std::optional<ClientReply>();
      case FrameStatus::other_protocol:
        return Error{"does not speak Zero's TCP protocol; is it a ZeroMQ port (zmq://)?"};
      case FrameStatus::too_large:
        return Error{fmt::format("sent a reply of over {} bytes", kMaxReplyBytes)};
      default:
        return Error{"sent a malformed reply"};
    }
    const bool ours = frame.id == id;
    ClientReply reply{frame.flag != 0, std::string(ours ? frame.payload : ByteView())};
    received.erase(0, frame.size);
    if (ours) {
      return std::optional(std::move(reply));
    }
  }
}

std::optional<ClientReply> zmq_reply(ByteView message, ByteView id) {
  if (!message.starts_with(id)) {
    return std::nullopt;
  }
  const ByteView result = wire::nil_from_empty(message.substr(id.size()));
  return ClientReply{wire::is_error_body(result), std::string(result)};
}

}  // namespace zerogate
