// Finds the reply to a call in what a blocking client has received. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/client/client.h"

namespace zerogate {

/// Takes the frames that are whole out of `received`, the bytes of a raw-TCP connection, up to the
/// reply to `id`. A reply with another id belongs to a call that timed out: it is dropped, as
/// Zero's client does. Nothing: more bytes are needed. The error, which goes behind the server's
/// name, says that the rest of the stream is of no use.
Result<std::optional<ClientReply>> take_tcp_reply(std::string& received, uint32_t id);

/// What a ZeroMQ message, of one frame, says to the call `id`, of 16 bytes; nothing when it answers
/// another one, or none.
std::optional<ClientReply> zmq_reply(ByteView message, ByteView id);

}  // namespace zerogate
