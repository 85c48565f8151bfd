#include "core/bridge/zmq_backend_connection.h"

#include <array>
#include <cstring>

#include "core/wire/msgpack_scan.h"
#include "core/wire/translate.h"
#include "core/wire/w5.h"

namespace zerogate {

namespace {

constexpr int kMessagesPerTurn = 512;
constexpr int kHeartbeatMs = 1'000;
constexpr int kHeartbeatTimeoutMs = 5'000;
constexpr int kQueue = 10'000;  ///< messages; the connection's own limit of requests comes first

/// What all ids of connections begin with: never like the hexadecimal ids of older wires, and never
/// like the ids of a backend's keep-alive frames.
constexpr ByteView kIdPrefix = "zerogate-id:";
static_assert(kIdPrefix.size() + sizeof(uint32_t) == wire::w5::kIdBytes);

std::array<char, wire::w5::kIdBytes> to_id(uint32_t id) {
  std::array<char, wire::w5::kIdBytes> bytes;
  std::memcpy(bytes.data(), kIdPrefix.data(), kIdPrefix.size());
  std::memcpy(bytes.data() + kIdPrefix.size(), &id, sizeof id);
  return bytes;
}
uint32_t from_id(ByteView bytes) {
  uint32_t id;
  std::memcpy(&id, bytes.data() + kIdPrefix.size(), sizeof id);
  return id;
}

ZmqSocket open_dealer(void* context, const BackendConnectionOptions& options) {
  ZmqSocket dealer(zmq_socket(context, ZMQ_DEALER));
  set_option(dealer, ZMQ_LINGER, 0);
  set_option(dealer, ZMQ_IPV6, 1);
  set_option(dealer, ZMQ_RECONNECT_IVL, -1);
  set_option(dealer, ZMQ_CONNECT_TIMEOUT, static_cast<int>(options.connect_timeout_ms));
  set_option(dealer, ZMQ_HANDSHAKE_IVL, static_cast<int>(options.connect_timeout_ms));
  set_option(dealer, ZMQ_HEARTBEAT_IVL, kHeartbeatMs);
  set_option(dealer, ZMQ_HEARTBEAT_TIMEOUT, kHeartbeatTimeoutMs);
  set_option(dealer, ZMQ_SNDHWM, kQueue);
  set_option(dealer, ZMQ_RCVHWM, kQueue);
  set_option(dealer, ZMQ_MAXMSGSIZE,
             static_cast<int64_t>(options.max_message + wire::w5::kIdBytes));
  return dealer;
}

}  // namespace

ZmqBackendConnection::ZmqBackendConnection(uv_loop_t* loop, void* context, Owner& owner,
                                           const Address& address,
                                           const BackendConnectionOptions& options)
    : BackendConnection(owner),
      dealer_(open_dealer(context, options)),
      deadline_(make_uv<uv_timer_t>(loop, uv_timer_init, this)) {
  uv_timer_start(
      deadline_.get(),
      [](uv_timer_t* timer) {
        static_cast<ZmqBackendConnection*>(timer->data)->fail("no answer to `connect` in time");
      },
      options.connect_timeout_ms, 0);
  end_watch_ = std::make_unique<ZmqEndWatch>(
      loop, context, dealer_.get(), [this] { fail("the connection was refused or closed"); });
  const std::string endpoint =
      address.is_path() ? "ipc://" + address.path : "tcp://" + address.display();
  zmq_connect(dealer_.get(), endpoint.c_str());  // a bad address shows as the deadline's failure
  poll_.reset(new ZmqPoll(loop, dealer_.get(), *this));
  const auto id = to_id(kProbeId);
  std::string probe(id.data(), id.size());
  probe += "connect";  // unpadded, as the real clients send it
  zmq_send(dealer_.get(), probe.data(), probe.size(), ZMQ_DONTWAIT);
}

ZmqBackendConnection::~ZmqBackendConnection() = default;

bool ZmqBackendConnection::receive() {
  for (int budget = kMessagesPerTurn; budget > 0; --budget) {
    if (down() || !message_.receive(dealer_.get())) {
      return true;
    }
    if (!message_.more()) {
      on_message(message_.received());
    }
    message_.release();
  }
  return false;
}

void ZmqBackendConnection::on_message(ByteView body) {
  // The real worker answers with an empty frame when it has nothing to say, and a gateway may send
  // keep-alive frames: neither belongs to a request.
  const wire::w5::Reply reply = wire::w5::parse_reply(body);
  if (reply.status == wire::w5::ReplyStatus::short_id || !reply.id.starts_with(kIdPrefix)) {
    return;
  }
  const uint32_t id = from_id(reply.id);
  const ByteView result = wire::nil_from_empty(reply.result);
  if (id == kProbeId) {
    uv_timer_stop(deadline_.get());
    return came_up();
  }
  if (!wire::is_one_value(result)) {
    return fail("it sent a reply that is not MessagePack");
  }
  complete(id, result);
}

void ZmqBackendConnection::send(ForwardedCall& forwarded) {
  const auto id = to_id(take_slot(forwarded));
  const ByteView argument = wire::empty_from_nil(forwarded.argument());
  zmq_msg_t message;
  zmq_msg_init_size(&message, id.size() + wire::w5::kNameBytes + argument.size());
  char* to = static_cast<char*>(zmq_msg_data(&message));
  std::memcpy(to, id.data(), id.size());
  std::memset(to + id.size(), ' ', wire::w5::kNameBytes);
  forwarded.function().copy(to + id.size(), forwarded.function_bytes);
  argument.copy(to + id.size() + wire::w5::kNameBytes, argument.size());
  if (zmq_msg_send(&message, dealer_.get(), ZMQ_DONTWAIT) < 0) {
    zmq_msg_close(&message);
  }
  sent_ = true;
}

void ZmqBackendConnection::flush() {
  if (!sent_ || down()) {
    return;
  }
  sent_ = false;
  poll_->recheck();
}

void ZmqBackendConnection::fail(std::string_view reason) {
  uv_timer_stop(deadline_.get());
  went_down(reason);
}

}  // namespace zerogate
