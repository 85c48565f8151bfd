#include "core/bridge/tcp_backend_connection.h"

#include <algorithm>

#include "core/io/tls_client.h"
#include "core/io/tls_layer.h"
#include "core/wire/big_endian.h"
#include "core/wire/hops.h"
#include "core/wire/msgpack_scan.h"
#include "core/wire/msgpack_write.h"
#include "core/wire/t3.h"

namespace zerogate {

namespace {

constexpr std::string_view kNoReply = "it sent something that is no reply of Zero's TCP protocol";

}  // namespace

TcpBackendConnection::TcpBackendConnection(EventLoop& loop, BackendConnection::Owner& owner,
                                           const Address& address,
                                           const BackendConnectionOptions& options)
    : BackendConnection(loop.timers(), owner, options),
      stream_(loop.uv(), *this, options.read_buffer, options.in) {
  if (options.turns != nullptr) {
    stream_.take_turns(*options.turns);
  }
  if (options.tls != nullptr) {
    if (options.tls->context() == nullptr) {
      fail_soon("its certificates cannot be used");
      return;
    }
    stream_.secure(options.tls->use(options.tls_name));
  }
  if (options.memory != nullptr) {
    stream_.charge(*options.memory, MemoryUse::backend_replies);
  }
  const int error = stream_.connect(address);
  if (error != 0) {
    fail_soon(std::string(TcpStream::reason(error)));
  }
}

void TcpBackendConnection::on_connected() {
  stream_.watch_peer(options().peer_timeout_ms / 2, options().peer_timeout_ms);
  if (stream_.tls() != nullptr && stream_.tls()->session().between_gateways()) {
    note_gateway();
  }
  std::string argument;
  wire::write_str(argument, options().identity);
  wire::t3::write_request(stream_.out(), kProbeId, "connect",
                          options().identity.empty() ? wire::kNilValue : ByteView(argument));
  gathered_ += stream_.out().size();
  flush();
}

void TcpBackendConnection::on_bytes(ByteView bytes) {
  using wire::t3::FrameStatus;
  bytes = skip(bytes);
  while (!bytes.empty() && !down()) {
    const wire::t3::Frame frame = wire::t3::parse_frame(bytes, options().max_message);
    switch (frame.status) {
      case FrameStatus::incomplete:
        if (frame.size <= FrameReader::kSharedBytes) {
          return stream_.keep(bytes, frame.size);
        }
        [[fallthrough]];
      case FrameStatus::too_large:
        if (bytes.size() < wire::t3::kHeaderBytes) {
          return stream_.keep(bytes, 0);  // whose reply it is will come
        }
        bytes = on_long_frame(bytes, frame);
        continue;
      case FrameStatus::empty:
        if (bytes.size() < wire::t3::kHeaderBytes) {
          return stream_.keep(bytes, frame.size);
        }
        on_frame(wire::load_be32(bytes.data() + wire::t3::kLengthBytes), {});
        break;
      case FrameStatus::whole:
        on_frame(frame.id, frame.payload);
        break;
      default:
        return fail(kNoReply);
    }
    bytes.remove_prefix(frame.size);
  }
}

// Only a reply that a call waits for is worth its memory. What one peer has begun and never ends
// would else keep that memory from all others: a call's time-out ends a reply that is in hand, and
// nothing ends one to no call.
ByteView TcpBackendConnection::on_long_frame(ByteView front, const wire::t3::Frame& frame) {
  const bool too_large = frame.status == wire::t3::FrameStatus::too_large;
  const uint32_t id = wire::load_be32(front.data() + wire::t3::kLengthBytes);
  const Slot* slot = find(id);
  if (slot != nullptr && slot->forwarded != nullptr && !too_large) {
    stream_.keep(front, frame.size);
    return {};
  }
  if (slot == nullptr && too_large) {
    // A reply to no call of ours is none: then that length was something else, and our place is
    // lost.
    fail(kNoReply);
    return {};
  }
  if (id == kProbeId) {
    on_probe_answer({});  // while it is waited for, it is none of Zero's
  }
  // The slot of an id that is made up may be taken before the reply has ended: no call's then.
  begin_skipping(slot != nullptr ? id : kProbeId, frame.size);
  return skip(front);
}

void TcpBackendConnection::begin_skipping(uint32_t id, size_t frame_size) {
  skipped_id_ = id;
  skipped_reply_ = frame_size - wire::t3::kHeaderBytes;
  skip_ = frame_size;
}

// A long answer that no call waits for any more holds no memory, and waits for none.
void TcpBackendConnection::on_given_up() {
  const FrameReader& reader = stream_.reader();
  if (down() || reader.frame_size() <= FrameReader::kSharedBytes ||
      reader.size() < wire::t3::kHeaderBytes) {
    return;
  }
  const size_t frame_size = reader.frame_size();
  const uint32_t id = wire::load_be32(reader.view().data() + wire::t3::kLengthBytes);
  const Slot* slot = find(id);
  if (slot == nullptr || slot->forwarded != nullptr) {
    return;
  }
  const bool waited = stream_.waits_for_memory();
  const ByteBuffer begun = stream_.release_kept();
  begin_skipping(id, frame_size);
  skip(begun.view());
  if (waited && stream_.start_reading() != 0) {
    fail(kNoReply);
  }
}

// Its call hears of it at the end: until then the server is busy with it, and its slot is taken.
ByteView TcpBackendConnection::skip(ByteView bytes) {
  if (skip_ == 0) {
    return bytes;
  }
  const size_t skipped = std::min(skip_, bytes.size());
  skip_ -= skipped;
  if (skip_ == 0) {
    if (const Slot* slot = find(skipped_id_)) {
      complete_unusable(skipped_id_, *slot, skipped_reply_);
    } else {
      note_stray_reply();
    }
  }
  return bytes.substr(skipped);
}

// A part of a reply says that the server's process has ended with the rest of it. Zero's server
// speaks no TLS: what does stands in front of it, and may end otherwise than the server has.
void TcpBackendConnection::on_closed(int error) {
  if (error == UV_EOF && skip_ == 0 && stream_.reader().empty() && options().tls == nullptr) {
    note_end_in_order();
  }
  fail(stream_.why(error));
}

void TcpBackendConnection::on_frame(uint32_t id, ByteView payload) {
  if (id == kProbeId) {
    return on_probe_answer(payload);
  }
  const Slot* slot = find(id);
  if (slot == nullptr) {
    return note_stray_reply();
  }
  if (const auto status = wire::check_value(payload); status != wire::ValueStatus::ok) {
    return complete_unusable(id, *slot, payload.size(), status);
  }
  complete(id, *slot, payload);
}

void TcpBackendConnection::send(ForwardedCall& forwarded) {
  const uint32_t id = take_slot(forwarded);
  if (begin_.size() <= forwarded.slot) {
    begin_.resize(forwarded.slot + 1);
  }
  begin_[forwarded.slot] = gathered_;
  OutBuffer& out = stream_.out();
  const size_t before = out.size();
  wire::t3::write_request(out, id, forwarded.function(), forwarded.argument(),
                          wire::flag_of_hops(forwarded.hops));
  gathered_ += out.size() - before;
}

bool TcpBackendConnection::was_written(const ForwardedCall& forwarded) const {
  return gathered_ - stream_.writer().gathered() > begin_[forwarded.slot];
}

void TcpBackendConnection::flush() {
  if (down()) {
    return;
  }
  const int error = stream_.flush();
  if (error != 0) {
    fail(stream_.why(error));
  }
}

void TcpBackendConnection::fail(std::string_view reason) {
  if (stream_.shaking_hands()) {
    stream_.tls()->give_up(TlsResult::timeout);
  }
  if (!down()) {
    stream_.stop_reading();
  }
  went_down(reason);
}

}  // namespace zerogate
