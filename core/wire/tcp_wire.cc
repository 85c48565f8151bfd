#include "core/wire/tcp_wire.h"

#include <cassert>

#include "core/base/byte_writer.h"
#include "core/wire/big_endian.h"
#include "core/wire/msgpack_scan.h"

namespace zerogate::wire {
namespace {

using t3::EnvelopeStatus;
using t3::FrameStatus;

constexpr size_t kT1PayloadAt = t3::kLengthBytes;
constexpr size_t kT2PayloadAt = t3::kLengthBytes + sizeof(uint32_t);

/// What T1 and T2 put in front of a result.
constexpr ByteView kResultFront =
    "\x81\xa4"
    "data";

/// True for a map whose first key is "fn", however long the heads of map and key are.
[[gnu::noinline]] bool has_function_first(ByteView payload) {
  Reader reader(payload);
  uint32_t pairs = 0;
  ByteView key;
  return reader.read_map(pairs) && pairs > 0 && reader.read_str(key) && key == "fn";
}

bool begins_like_request(ByteView payload) {
  return payload.starts_with(
             "\x82\xa2"
             "fn") ||  // as every client writes it
         has_function_first(payload);
}

/// Reads what T1 or T2 would call the payload. False: it is no request, so the frame is T3's.
bool read_old_request(TcpFrame& frame, ByteView payload) {
  if (!begins_like_request(payload)) {
    return false;
  }
  const t3::Envelope envelope = t3::parse_envelope(payload);
  if (envelope.status == EnvelopeStatus::malformed || envelope.status == EnvelopeStatus::too_deep) {
    return false;
  }
  frame.payload = payload;
  frame.flag = 0;  // that byte was another one
  frame.envelope = envelope;
  return true;
}

}  // namespace

TcpFrame parse_tcp_frame(ByteView bytes, size_t max_message) noexcept {
  TcpFrame frame;
  t3::read_frame(frame, bytes, max_message);
  if (frame.status != FrameStatus::whole) {
    return frame;
  }
  if (begins_like_request(frame.payload)) {
    t3::read_envelope(frame.envelope, frame.payload);
    return frame;
  }
  const ByteView whole = bytes.substr(0, frame.size);
  if (read_old_request(frame, whole.substr(kT2PayloadAt))) {
    frame.wire = Wire::t2;
  } else if (read_old_request(frame, whole.substr(kT1PayloadAt))) {
    frame.wire = Wire::t1;
    frame.id = 0;
  } else {
    t3::read_envelope(frame.envelope, frame.payload);
  }
  // Measured as T3 it was up to 5 bytes shorter.
  if (frame.payload.size() > max_message) {
    frame.status = FrameStatus::too_large;
  }
  return frame;
}

void write_old_tcp_reply(OutBuffer& out, Wire wire, uint32_t id, ByteView body, bool error) {
  const ByteView front = error ? ByteView() : kResultFront;
  const size_t id_bytes = wire == Wire::t1 ? 0 : sizeof id;
  const size_t length = id_bytes + front.size() + body.size();
  assert(length <= UINT32_MAX);
  append_with(out, t3::kLengthBytes + length, [&](char* to) {
    store_be<4>(to, length);
    if (wire == Wire::t2) {
      store_be<4>(to + t3::kLengthBytes, id);
    }
    return ByteWriter(to + t3::kLengthBytes + id_bytes).put(front).put(body).at();
  });
}

}  // namespace zerogate::wire
