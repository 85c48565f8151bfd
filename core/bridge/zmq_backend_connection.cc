#include "core/bridge/zmq_backend_connection.h"

#include <fmt/format.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "core/io/frame_reader.h"
#include "core/io/zmq_curve.h"
#include "core/rpc/connect_service.h"
#include "core/wire/hops.h"
#include "core/wire/msgpack_scan.h"
#include "core/wire/translate.h"
#include "core/wire/w5.h"

namespace zerogate {

namespace {

/// What is read at once before other handles of the loop have their turn.
constexpr int kMessagesPerTurn = 512;
constexpr size_t kBytesPerTurn = 1 << 20;
constexpr int kRequestQueue = 10'000;
static_assert(BackendConnection::kMaxLoad < kRequestQueue, "and `connect` before the requests");

/// What all ids of connections begin with: never like the ids of a backend's keep-alive frames. The
/// hops and the number follow.
constexpr ByteView kIdPrefix = wire::kHopsIdPrefix;
constexpr size_t kNumberAt = kIdPrefix.size() + 1;
static_assert(kNumberAt + sizeof(uint32_t) == wire::w5::kIdBytes);

std::array<char, wire::w5::kIdBytes> to_id(uint32_t id, uint8_t hops) {
  std::array<char, wire::w5::kIdBytes> bytes;
  std::memcpy(bytes.data(), kIdPrefix.data(), kIdPrefix.size());
  bytes[kIdPrefix.size()] = wire::id_byte_of_hops(hops);
  std::memcpy(bytes.data() + kNumberAt, &id, sizeof id);
  return bytes;
}
uint32_t from_id(ByteView bytes) {
  uint32_t id;
  std::memcpy(&id, bytes.data() + kNumberAt, sizeof id);
  return id;
}

ZmqSocket open_dealer(void* context, const BackendConnectionOptions& options) {
  ZmqSocket dealer(zmq_socket(context, ZMQ_DEALER));
  if (dealer == nullptr) {
    return dealer;
  }
  set_option(dealer, ZMQ_LINGER, 0);
  set_option(dealer, ZMQ_IPV6, 1);
  set_option(dealer, ZMQ_RECONNECT_IVL, -1);
  set_option(dealer, ZMQ_CONNECT_TIMEOUT, static_cast<int>(options.connect_timeout_ms));
  set_option(dealer, ZMQ_HANDSHAKE_IVL, static_cast<int>(options.connect_timeout_ms));
  // No ZMTP heartbeat: libzmq 4.3.4 takes only whole messages for a sign of life, and would end the
  // connection, with all calls on it, while a large reply comes in slowly. The kernel knows which
  // bytes move: see watch_tcp_peer(), whose options these are.
  const auto timeout_ms = static_cast<int>(options.peer_timeout_ms);
  set_option(dealer, ZMQ_TCP_KEEPALIVE, 1);
  set_option(dealer, ZMQ_TCP_KEEPALIVE_IDLE, std::max(timeout_ms / 2 / 1'000, 1));
  set_option(dealer, ZMQ_TCP_KEEPALIVE_INTVL, 1);
  set_option(dealer, ZMQ_TCP_MAXRT, timeout_ms);
  if (options.memory != nullptr) {
    limit_socket_memory(dealer, options.memory->socket_buffer());
  }
  set_option(dealer, ZMQ_SNDHWM, kRequestQueue);
  set_option(dealer, ZMQ_RCVHWM, ReplyQueue::kOfShort);
  set_option(dealer, ZMQ_MAXMSGSIZE,
             static_cast<int64_t>(ZmqBackendConnection::kOversizeFactor * options.max_message +
                                  wire::w5::kIdBytes));
  return dealer;
}

size_t long_reply_bytes(const BackendConnectionOptions& options) {
  const size_t account =
      options.memory != nullptr ? options.memory->limit() : MemoryAccount::kDefaultLimit;
  return account / ZmqBackendConnection::kQueuePart / ZmqBackendConnection::kFullQueue;
}

}  // namespace

ZmqBackendConnection::ZmqBackendConnection(EventLoop& loop, void* context, Owner& owner,
                                           const Address& address,
                                           const BackendConnectionOptions& options)
    : BackendConnection(loop.timers(), owner, options),
      queue_(long_reply_bytes(options)),
      dealer_(open_dealer(context, options)) {
  if (!open(loop, context, address)) {
    fail_soon(fmt::format("cannot make a ZeroMQ connection: {}", zmq_strerror(zmq_errno())));
  }
}

ZmqBackendConnection::~ZmqBackendConnection() {
  if (options().memory != nullptr) {
    options().memory->release(*this);
  }
}

bool ZmqBackendConnection::open(EventLoop& loop, void* context, const Address& address) {
  if (dealer_ == nullptr) {
    return false;
  }
  ZmqMonitor::Hooks hooks;
  hooks.on_event = [this](int event, int value) {
    if (event == ZMQ_EVENT_CONNECTED) {
      unix_socket_ = value;
      return;
    }
    fail((event & ZmqMonitor::kHandshakeFailed) != 0
             ? "the handshake was refused: are its keys and ours the right ones?"
             : "the connection was refused or closed");
  };
  const int events = ZmqMonitor::kConnectionEnded | (address.is_path() ? ZMQ_EVENT_CONNECTED : 0);
  monitor_ = ZmqMonitor::make(loop.uv(), context, dealer_.get(), events, std::move(hooks));
  if (monitor_ == nullptr) {
    return false;
  }
  if (!options().curve_server_key.empty() &&
      !speak_curve(dealer_, options().curve_server_key, options().curve_secret_key)) {
    return false;
  }
  const std::string endpoint =
      address.is_path() ? "ipc://" + address.path : "tcp://" + address.display();
  if (zmq_connect(dealer_.get(), endpoint.c_str()) != 0) {
    return false;
  }
  poll_ = ZmqPoll::make(loop.uv(), dealer_.get(), *this);
  if (poll_ == nullptr) {
    return false;
  }
  send_probe();
  return true;
}

// Unpadded, as the real clients send it.
void ZmqBackendConnection::send_probe() {
  probe_id_ = options().identity;
  if (probe_id_.empty()) {
    const auto id = to_id(kProbeId, 1);
    probe_id_.assign(id.data(), id.size());
  }
  const std::string probe = probe_id_ + ConnectService::kName;
  zmq_send(dealer_.get(), probe.data(), probe.size(), ZMQ_DONTWAIT);
}

bool ZmqBackendConnection::receive() {
  size_t bytes = 0;
  bool received = true;
  for (int budget = kMessagesPerTurn; budget > 0 && bytes < kBytesPerTurn && received; --budget) {
    received = !down() && claim_memory() && message_.receive(dealer_.get());
    if (received) {
      bytes += message_.received().size();
      take(message_);
    }
    if (claim_state == Claimant::State::granted) {
      options().memory->release(*this);
    }
  }
  return !received;
}

// How long the next one is shows only when libzmq hands it over: about as long as the late ones.
// Without one it claims nothing, or it would keep what it is granted until one comes.
bool ZmqBackendConnection::claim_memory() {
  const size_t bytes = std::min(queue_.expected_bytes(), options().max_message);
  if (bytes <= FrameReader::kSharedBytes || options().memory == nullptr ||
      claim_state == Claimant::State::granted || !poll_->has_input()) {
    return true;
  }
  return claim_state == Claimant::State::none &&
         options().memory->claim(*this, MemoryUse::backend_replies, bytes);
}

void ZmqBackendConnection::take(ZmqMessage& message) {
  if (!message.more()) {
    if (queue_.note(message.received().size())) {
      set_option(dealer_, ZMQ_RCVHWM, queue_.limit());
    }
    on_message(message.received());
  }
  message.release();
}

void ZmqBackendConnection::on_message(ByteView body) {
  // The real worker answers with an empty frame when it has nothing to say, and a gateway may send
  // keep-alive frames: neither belongs to a request.
  const wire::w5::Reply reply = wire::w5::parse_reply(body);
  if (reply.status == wire::w5::ReplyStatus::short_id) {
    return;
  }
  if (!up() && reply.id == probe_id_) {
    return on_probe_answer(reply.result);
  }
  if (!reply.id.starts_with(kIdPrefix)) {
    return;
  }
  const uint32_t id = from_id(reply.id);
  const Slot* slot = find(id);
  if (slot == nullptr) {
    return;  // it comes twice, or is made up
  }
  const ByteView result = wire::nil_from_empty(reply.result);
  const auto passes_as_it_is = [slot] {
    return slot->forwarded == nullptr || slot->forwarded->call.takes_any_bytes();
  };
  if (result.size() > options().max_message) {
    return complete_unusable(id, *slot, result.size());
  }
  const wire::ValueStatus status = wire::check_value(result);
  if (status != wire::ValueStatus::ok && !passes_as_it_is()) {
    return complete_unusable(id, *slot, result.size(), status);
  }
  complete(id, *slot, result);
}

void ZmqBackendConnection::send(ForwardedCall& forwarded) {
  const auto id = to_id(take_slot(forwarded), forwarded.hops);
  const ByteView argument = wire::empty_from_nil(forwarded.argument());
  zmq_msg_t message;
  zmq_msg_init_size(&message, id.size() + wire::w5::kNameBytes + argument.size());
  char* to = static_cast<char*>(zmq_msg_data(&message));
  std::memcpy(to, id.data(), id.size());
  std::memset(to + id.size(), ' ', wire::w5::kNameBytes);
  forwarded.function().copy(to + id.size(), forwarded.function_bytes);
  argument.copy(to + id.size() + wire::w5::kNameBytes, argument.size());
  send_or_free(dealer_.get(), message);
  sent_ = true;
}

bool ZmqBackendConnection::peer_reads() const {
  int unread = 0;
  return unix_socket_ < 0 || ioctl(unix_socket_, SIOCOUTQ, &unread) != 0 || unread == 0;
}

void ZmqBackendConnection::flush() {
  if (!sent_ || down()) {
    return;
  }
  sent_ = false;
  poll_->recheck();
}

}  // namespace zerogate
