#include "core/wire/tcp_wire.h"

#include <cassert>

#include "core/wire/big_endian.h"
#include "core/wire/msgpack_scan.h"
#include "core/wire/msgpack_write.h"
#include "core/wire/zerror.h"

namespace zerogate::wire {
namespace {

using t3::FrameStatus;

constexpr size_t kT1PayloadAt = t3::kLengthBytes;
constexpr size_t kT2PayloadAt = t3::kLengthBytes + sizeof(uint32_t);

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

bool is_old_request(ByteView payload) {
  return begins_like_request(payload) && is_one_value(payload);
}

}  // namespace

TcpFrame parse_tcp_frame(ByteView bytes, size_t max_message) noexcept {
  TcpFrame frame;
  t3::read_frame(frame, bytes, max_message);
  if (frame.status != FrameStatus::whole || begins_like_request(frame.payload)) {
    return frame;
  }
  const ByteView whole = bytes.substr(0, frame.size);
  if (is_old_request(whole.substr(kT2PayloadAt))) {
    frame.wire = Wire::t2;
    frame.payload = whole.substr(kT2PayloadAt);
  } else if (is_old_request(whole.substr(kT1PayloadAt))) {
    frame.wire = Wire::t1;
    frame.id = 0;
    frame.payload = whole.substr(kT1PayloadAt);
  }
  if (frame.wire != Wire::t3) {
    frame.flag = 0;  // that byte was another one
  }
  // Measured as T3 it was up to 5 bytes shorter.
  if (frame.payload.size() > max_message) {
    frame.status = FrameStatus::too_large;
  }
  return frame;
}

void write_tcp_reply(std::string& out, Wire wire, uint32_t id, ByteView body) {
  const bool error = is_error_body(body);
  if (wire == Wire::t3) {
    return t3::write_frame(out, id, error, body);
  }
  const size_t start = out.size();
  out.append(wire == Wire::t1 ? kT1PayloadAt : kT2PayloadAt, '\0');
  if (wire == Wire::t2) {
    store_be<4>(out.data() + start + t3::kLengthBytes, id);
  }
  if (!error) {
    write_map(out, 1);
    write_str(out, "data");
  }
  out.append(body);
  const size_t length = out.size() - start - t3::kLengthBytes;
  assert(length <= UINT32_MAX);
  store_be<4>(out.data() + start, length);
}

}  // namespace zerogate::wire
