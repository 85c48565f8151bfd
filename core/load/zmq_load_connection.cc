#include "core/load/zmq_load_connection.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/wire/translate.h"
#include "core/wire/w5.h"
#include "core/wire/zerror.h"

namespace zerogate {
namespace {

constexpr int kRepliesPerTurn = 512;  ///< of one connection, or it would keep the others waiting

/// What all ids begin with: never like the hexadecimal ids of older wires, and never like the ids
/// of a gateway's keep-alive frames, which are 16 zero bytes.
constexpr ByteView kLoadIdPrefix = "zerogate-id:";
static_assert(kLoadIdPrefix.size() + sizeof(uint32_t) == wire::w5::kIdBytes);

std::string blank_id() {
  std::string id(wire::w5::kIdBytes, '\0');
  kLoadIdPrefix.copy(id.data(), kLoadIdPrefix.size());
  return id;
}

bool is_keep_alive(ByteView id) { return id.find_first_not_of('\0') == ByteView::npos; }

ZmqSocket open_dealer(void* context) {
  ZmqSocket dealer(zmq_socket(context, ZMQ_DEALER));
  if (dealer == nullptr) {
    return dealer;
  }
  set_option(dealer, ZMQ_LINGER, 0);
  set_option(dealer, ZMQ_IPV6, 1);
  set_option(dealer, ZMQ_RECONNECT_IVL, -1);
  set_option(dealer, ZMQ_SNDHWM, 0);  // the depth is the bound
  set_option(dealer, ZMQ_RCVHWM, 0);
  set_option(dealer, ZMQ_MAXMSGSIZE, static_cast<int64_t>(kMaxLoadReplyBytes));
  return dealer;
}

}  // namespace

ZmqLoad::ZmqLoad(ByteView function, ByteView argument, uint32_t connections)
    : context(zmq_ctx_new()) {
  // A connection needs three: its own, and a pair for its events. 1,023 is the default.
  const int limit = zmq_ctx_get(context.get(), ZMQ_SOCKET_LIMIT);
  const auto wanted = static_cast<int>(3 * connections + 16);
  zmq_ctx_set(context.get(), ZMQ_MAX_SOCKETS, std::min(limit, wanted));
  wire::w5::write_request(request, blank_id(), function, argument);
}

ZmqLoadConnection::ZmqLoadConnection(uv_loop_t* loop, uint32_t number, Owner& owner, ZmqLoad& load,
                                     std::string endpoint)
    : LoadConnection(number, owner),
      loop_(loop),
      load_(load),
      endpoint_(std::move(endpoint)),
      dealer_(open_dealer(load.context.get())) {}

ZmqLoadConnection::~ZmqLoadConnection() = default;

void ZmqLoadConnection::open() {
  if (!dealer_) {
    return end(CallError::disconnected, zmq_strerror(zmq_errno()));
  }
  ZmqMonitor::Hooks hooks;
  hooks.on_event = [this](int, int) {
    end(CallError::disconnected, "the connection was refused or closed");
  };
  monitor_ = ZmqMonitor::make(loop_, load_.context.get(), dealer_.get(),
                              ZmqMonitor::kConnectionEnded, std::move(hooks));
  if (monitor_ == nullptr || zmq_connect(dealer_.get(), endpoint_.c_str()) != 0) {
    return end(CallError::disconnected, zmq_strerror(zmq_errno()));
  }
  poll_ = ZmqPoll::make(loop_, dealer_.get(), *this);
  if (poll_ == nullptr) {
    return end(CallError::disconnected, "no room for one more descriptor in the event loop");
  }
  send_body(blank_id() + "connect", kHandshakeId);  // unpadded, as the real clients send it
  poll_->recheck();
}

void ZmqLoadConnection::send_body(ByteView body, uint32_t id) {
  zmq_msg_t message;
  zmq_msg_init_size(&message, body.size());
  char* to = static_cast<char*>(zmq_msg_data(&message));
  std::memcpy(to, body.data(), body.size());
  std::memcpy(to + kLoadIdPrefix.size(), &id, sizeof id);
  // There is no high-water mark to wait for: it fails only when the connection has gone, which the
  // watch tells of.
  send_or_free(dealer_.get(), message);
}

void ZmqLoadConnection::flush() {
  if (gathered_.empty() || ended()) {
    return;
  }
  for (const uint32_t id : gathered_) {
    send_body(load_.request, id);
  }
  gathered_.clear();
  poll_->recheck();
}

bool ZmqLoadConnection::receive() {
  const uint64_t now_ns = uv_hrtime();
  for (int budget = kRepliesPerTurn; budget > 0; --budget) {
    ZmqMessage message;
    if (ended() || zmq_msg_recv(message.get(), dealer_.get(), ZMQ_DONTWAIT) < 0) {
      return true;
    }
    if (message.more()) {
      end(CallError::malformed, "it sent a message of several frames");
      return true;
    }
    on_message(message.view(), now_ns);
  }
  return false;
}

void ZmqLoadConnection::on_message(ByteView body, uint64_t now_ns) {
  const wire::w5::Reply reply = wire::w5::parse_reply(body);
  if (reply.status != wire::w5::ReplyStatus::short_id && is_keep_alive(reply.id)) {
    return;
  }
  if (reply.status == wire::w5::ReplyStatus::short_id || !reply.id.starts_with(kLoadIdPrefix)) {
    return end(CallError::malformed, "it sent something that is no reply of Zero's protocol");
  }
  uint32_t id = 0;
  std::memcpy(&id, reply.id.data() + kLoadIdPrefix.size(), sizeof id);
  if (!open_ && id == kHandshakeId) {
    open_ = true;
    return owner_.on_open(*this);
  }
  const ByteView result = wire::nil_from_empty(reply.result);
  const auto error =
      wire::is_error_body(result) ? std::optional(call_error_of(result)) : std::nullopt;
  if (!owner_.on_reply(*this, id, error, result, body.size(), now_ns)) {
    end(CallError::malformed, "it sent an answer to no call of ours");
  }
}

}  // namespace zerogate
