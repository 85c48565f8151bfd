#include "core/load/load_connection.h"

#include "core/load/call_error.h"
#include "core/wire/big_endian.h"

namespace zerogate {

LoadConnection::LoadConnection(uv_loop_t* loop, uint32_t number, Owner& owner, LoadWire& wire,
                               const SocketAddress& address)
    : index(number),
      owner_(owner),
      wire_(wire),
      address_(address),
      stream_(loop, *this, wire.read_buffer.data()) {
  if (wire.tls) {
    stream_.secure(*wire.tls);
  }
}

void LoadConnection::open() {
  if (const int error = stream_.connect(address_.get()); error != 0) {
    on_closed(error);
  }
}

void LoadConnection::on_connected() {
  greet(out());
  flush();
}

void LoadConnection::on_closed(int error) {
  end(CallError::disconnected,
      error == UV_EOF ? "the server closed the connection" : stream_.why(error));
}

void LoadConnection::on_bytes(ByteView bytes) {
  const uint64_t now_ns = uv_hrtime();
  while (!bytes.empty() && !ended_) {
    size_t frame_size = 0;
    const size_t taken = take(bytes, now_ns, frame_size);
    if (taken == 0 && !ended_) {
      return stream_.keep(bytes, frame_size);
    }
    bytes.remove_prefix(taken);
  }
  if (ended_) {
    stream_.stop_reading();
  }
}

void LoadConnection::answer(uint32_t id, bool is_error, ByteView result, size_t size,
                            uint64_t now_ns) {
  if (!open_ && id == kHandshakeId) {
    open_ = true;
    return owner_.on_open(*this);
  }
  const auto error = is_error ? std::optional(call_error_of(result)) : std::nullopt;
  if (!owner_.on_reply(*this, id, error, result, size, now_ns)) {
    end(CallError::malformed, "it sent an answer to no call of ours");
  }
}

void LoadConnection::send(uint32_t id) {
  const size_t begin = out().size();
  out().append(wire_.call);
  wire::store_be<4>(out().data() + begin + wire_.id_at, id);
}

void LoadConnection::flush() {
  if (ended_) {
    return;
  }
  const int error = stream_.flush();
  if (error != 0) {
    on_closed(error);
  }
}

void LoadConnection::end(CallError kind, std::string_view reason) {
  if (ended_) {
    return;
  }
  ended_ = true;
  owner_.on_end(*this, kind, reason);
}

}  // namespace zerogate
