#include "core/listener/tcp_listener.h"

#include <cassert>
#include <cstring>

#include "core/base/utf8.h"
#include "core/wire/hops.h"
#include "core/wire/zerror.h"

namespace zerogate {

namespace {

/// The request id is opaque to all but the client: four bytes in, the same four bytes out.
RequestId to_request_id(uint32_t id) {
  return RequestId(ByteView(reinterpret_cast<const char*>(&id), sizeof id));
}
uint32_t from_request_id(const RequestId& id) {
  uint32_t value;
  assert(id.view().size() == sizeof value);
  std::memcpy(&value, id.view().data(), sizeof value);
  return value;
}

Malformed reason_of(wire::t3::FrameStatus status) {
  switch (status) {
    case wire::t3::FrameStatus::bad_length:
      return Malformed::bad_length;
    case wire::t3::FrameStatus::empty:
      return Malformed::empty;
    case wire::t3::FrameStatus::other_protocol:
      return Malformed::other_protocol;
    default:
      return Malformed::too_large;
  }
}

}  // namespace

ByteView TcpListener::consume(StreamSession& session, ByteView bytes, uint64_t received_ns,
                              size_t& frame_size) {
  while (!bytes.empty() && session.ready()) {
    const wire::TcpFrame frame = wire::parse_tcp_frame(bytes, connections_.options().max_message);
    if (frame.status == wire::t3::FrameStatus::incomplete) {
      frame_size = frame.size;
      break;
    }
    if (frame.status != wire::t3::FrameStatus::whole) {
      session.malformed(reason_of(frame.status));
      break;
    }
    bytes.remove_prefix(frame.size);
    dispatch(session, frame, received_ns);
  }
  return bytes;
}

void TcpListener::dispatch(StreamSession& session, const wire::TcpFrame& frame,
                           uint64_t received_ns) {
  using wire::t3::EnvelopeStatus;
  const wire::t3::Envelope& envelope = frame.envelope;
  if (frame.wire == Wire::t1) {
    session.limit_calls(1);  // without ids only the order tells which reply is whose
  }
  IncomingRequest incoming{{this, session.key(), frame.wire, to_request_id(frame.id)},
                           {envelope.function, envelope.argument},
                           received_ns};
  incoming.request.hops = wire::hops_of_flag(frame.flag);
  if (envelope.status != EnvelopeStatus::ok || envelope.function.size() > kMaxFunctionNameBytes) {
    return refuse(session, incoming, envelope.status);
  }
  if (!is_utf8(envelope.function)) {
    return session.malformed(Malformed::bad_name);
  }
  session.begin_call();  // its answer comes through deliver(), now or later
  dispatcher_.dispatch(incoming);
  session.note_call(frame.wire, incoming.request.label);
}

void TcpListener::refuse(StreamSession& session, IncomingRequest& incoming,
                         wire::t3::EnvelopeStatus status) {
  using wire::t3::EnvelopeStatus;
  if (status == EnvelopeStatus::malformed) {
    return session.malformed(Malformed::bad_msgpack);
  }
  const bool long_name = incoming.request.function.size() > kMaxFunctionNameBytes;
  const auto answer = [&](Outcome outcome, wire::ErrorKey key, ByteView message) {
    session.begin_call();
    session.note_call(incoming.path.wire, FunctionLabels::other());
    dispatcher_.refuse(incoming, outcome, key, message);
  };
  const auto count = [&](Malformed reason) {
    connections_.refusals().count(reason, [&session] { return session.peer(); });
  };
  const auto invalid = [&](ByteView message) {
    answer(Outcome::invalid, wire::ErrorKey::server_exception, message);
  };
  if (long_name) {
    incoming.request.function = {};
    count(Malformed::bad_name);
    return invalid(wire::kLongName);
  }
  switch (status) {
    case EnvelopeStatus::too_deep:
      count(Malformed::too_deep);
      return invalid(wire::kTooDeep);
    case EnvelopeStatus::not_a_map:
      return invalid("Request must be a dict");
    case EnvelopeStatus::no_function:
      return invalid("Missing function name");
    default:
      return answer(Outcome::not_found, wire::ErrorKey::function_not_found,
                    "Function name must be a str");
  }
}

Delivery TcpListener::deliver(const ReturnPath& path, ByteView body, BodyKind kind) {
  StreamSession* session = connections_.find(path.caller);
  OutBuffer* out = session != nullptr ? session->end_call(body.size()) : nullptr;
  if (out == nullptr) {
    return Delivery::gone;
  }
  const bool error =
      kind == BodyKind::error || (kind == BodyKind::any && wire::is_error_body(body));
  wire::write_tcp_reply(*out, path.wire, from_request_id(path.id), body, error);
  return Delivery::queued;
}

}  // namespace zerogate
