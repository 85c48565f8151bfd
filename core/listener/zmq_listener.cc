#include "core/listener/zmq_listener.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "core/base/utf8.h"
#include "core/io/tcp_stream.h"
#include "core/listener/zmq_router.h"
#include "core/wire/hops.h"
#include "core/wire/w5.h"
#include "core/wire/zerror.h"

namespace zerogate {

namespace {

/// Up to here a copy more costs less than libzmq's calls to make a message and to fill it.
constexpr size_t kSmallReplyBytes = 128;

std::string endpoint_of(const Address& address) {
  return address.is_path() ? "ipc://" + address.path : "tcp://" + address.display();
}

void write_reply(char* to, ByteView id, ByteView body) {
  id.copy(to, id.size());  // either may be empty, where memcpy takes no null pointer
  body.copy(to + id.size(), body.size());
}

}  // namespace

ZmqListener::ZmqListener(EventLoop& loop, Dispatcher& dispatcher, ListenerMetrics& metrics,
                         const ZmqOptions& options)
    : loop_(loop),
      dispatcher_(dispatcher),
      metrics_(metrics),
      options_(options),
      refusals_(loop.timers(), metrics, Protocol::zmq),
      connections_(metrics, refusals_, {kHandshakeTimeoutMs, options.stall_timeout_ms}),
      memory_(options.memory != nullptr ? *options.memory : own_memory_),
      blocks_(std::min(memory_.limit() / kBlocksPart, kMostBlockBytes)),
      context_(open_router_context()),
      router_(open_router(context_.get(), options)),
      peers_(options.max_connections),
      unsent_(std::make_shared<std::atomic<size_t>>(0)),
      look_timer_(loop.timers(), [this] { look_at_unread(); }),
      blocks_timer_(loop.timers(), [this] { free_unused_blocks(); }),
      readers_timer_(loop.timers(), [this] { end_slow_readers(); }),
      silence_timer_(loop.timers(), [this] { keep_alive(); }),
      stall_timer_(loop.timers(), [this] { end_stalled(); }),
      tell_timer_(loop.timers(), [this] { update_gate(); }),
      room_(loop.uv(), options.states,
            limit_state(Protocol::zmq, options.max_connections * options.sharers)) {
  loop_.add(*this);
}

ZmqListener::~ZmqListener() {
  loop_.remove(*this);
  memory_.replace(MemoryUse::zmq_replies, replies_, 0);
  memory_.replace(MemoryUse::zmq_requests, requests_, 0);
  memory_.replace(MemoryUse::connections, price_, 0);
}

Status ZmqListener::listen(const ListenSocket& socket) {
  metrics_.connections_limit.add(options_.max_connections);  // of all ZeroMQ ports
  const auto failed = [&] {
    return Status(Error{fmt::format("cannot listen on {}: {}", socket.bound().display(),
                                    zmq_strerror(zmq_errno()))});
  };
  if (router_ == nullptr) {
    return failed();
  }
  const std::string endpoint = endpoint_of(socket.bound());
  const int fd = socket.duplicate();
  set_option(router_, ZMQ_USE_FD, fd);  // libzmq owns this duplicate from here on
  if (!socket.bound().is_path()) {
    gate_.emplace(socket.fd());
  }
  member_ = socket.member();
  ZmqMonitor::Hooks hooks;
  hooks.on_event = [this](int event, int value) {
    connections_.on_event(event, value, loop_.now_ms());
  };
  hooks.on_batch = [this] {
    update_gate();
    watch_stalled(1);
  };
  monitor_ = ZmqMonitor::make(loop_.uv(), context_.get(), router_.get(), ZmqConnections::kEvents,
                              std::move(hooks));
  if (monitor_ == nullptr || !open_zap() || !bind_router(router_, endpoint.c_str())) {
    return failed();
  }
  poll_ = ZmqPoll::make(loop_.uv(), router_.get(), *this);
  return poll_ != nullptr ? ok_status() : failed();
}

void ZmqListener::stop_accepting() {
  accepting_ = false;
  if (gate_ && !gate_->closed()) {
    gate_->close();
  }
}

// A peer without a key could else keep all places, with nothing but silence. As long as handshakes
// are under way newcomers come in, and the one that is waited for longest makes room.
void ZmqListener::update_gate() {
  if (!gate_ || !accepting_) {
    return;
  }
  while (connections_.count() != 0 && are_all(connections_.count() - 1) &&
         connections_.end_oldest_handshake()) {
  }
  const uint64_t connections = connections_.count();
  if (connections != 0 && !look_timer_.active()) {
    look_at_unread();
  }
  const bool full = are_all(connections) && !connections_.any_handshake();
  if (!member_.tell(full ? AcceptBalancer::kFull : connections)) {
    tell_timer_.start(1);
  }
  if (full == gate_->closed()) {
    return;
  }
  if (full) {
    gate_->close();
    metrics_.count(Rejected::limit);
    room_.set(false, "new connections wait");
  } else {
    gate_->open();
    room_.set(true);
  }
}

bool ZmqListener::receive() {
  received_ns_ = loop_.read_ns();
  received_bytes_ = 0;
  for (int budget = kMessagesPerTurn; budget > 0; --budget) {
    if (!receive_one()) {
      return true;
    }
    if (received_bytes_ >= kBytesPerTurn ||
        (budget % kLookEvery == 0 && loop_.read_ns() - received_ns_ > kTurnNs)) {
      return false;
    }
  }
  return false;
}

bool ZmqListener::receive_one() {
  // A message arrives whole or not at all: the frames behind the identity are there.
  if (!identity_.receive(router_.get()) || !frame_.receive(router_.get())) {
    return false;
  }
  if (frame_.more()) {
    receive_more();
  } else {
    const ByteView body = frame_.received();
    metrics_.received_bytes.add(body.size());
    received_bytes_ += body.size();
    dispatch(wire::parse_zmq_request(body), zmq_wire_bytes(body.size(), is_curve()));
  }
  frame_.release();
  return true;
}

void ZmqListener::receive_more() {
  ZmqMessage second, surplus;
  second.receive(router_.get());
  size_t bytes = frame_.received().size() + second.received().size();
  size_t on_wire = zmq_wire_bytes(frame_.received().size(), is_curve()) +
                   zmq_wire_bytes(second.received().size(), is_curve());
  bool more = second.more();
  const bool two = !more;
  while (more) {
    surplus.receive(router_.get());
    bytes += surplus.received().size();
    on_wire += zmq_wire_bytes(surplus.received().size(), is_curve());
    more = surplus.more();
  }
  metrics_.received_bytes.add(bytes);
  received_bytes_ += bytes;
  if (two) {
    dispatch(wire::parse_w1_request(frame_.received(), second.received()), on_wire);
  } else {
    bad_frames(on_wire);
  }
}

// No reply: the real worker logs and goes on, too.
void ZmqListener::bad_frames(size_t bytes) {
  find_traffic()->read += bytes;
  refusals_.count(Malformed::bad_frames, [this] { return peer_address(); });
}

void ZmqListener::dispatch(const wire::ZmqRequest& request, size_t bytes) {
  using wire::w5::RequestStatus;
  const CallerKey key = peers_.touch(identity_.received());
  ZmqPeers::Peer& peer = *peers_.find(key);
  if (peer.traffic == nullptr) {
    meet(peer);
  }
  peer.traffic->read += bytes;
  const bool long_name = request.function.size() > kMaxFunctionNameBytes;
  const bool name_ok = !long_name && is_utf8(request.function);
  IncomingRequest incoming{{this, key, request.wire, RequestId(request.id)},
                           {name_ok ? request.function : ByteView(), request.argument},
                           received_ns_};
  incoming.request.hops = request.wire == Wire::w5 ? wire::hops_of_id(request.id) : 0;
  ++peer.in_flight;  // each way out of here answers through deliver(), now or later
  peer.last_call_ms = loop_.now_ms();
  if (request.wire == Wire::w5 && !silence_timer_.active()) {
    watch_silence();
  }
  if (is_curve() && !may_call(peer)) {
    return refuse(peer, incoming, Outcome::invalid,
                  fmt::format("the key of {} is not allowed any more", peer.caller.name));
  }
  if (request.argument.size() > options_.max_message) {
    malformed(peer, Malformed::too_large);
    return refuse(peer, incoming, Outcome::invalid,
                  fmt::format("the message is larger than {} bytes", options_.max_message));
  }
  if (peer.unsent != nullptr && peer.unsent->load() > unread_limit()) {
    return refuse_unread(peer, incoming);
  }
  if (!name_ok) {
    malformed(peer, Malformed::bad_name);
    return refuse(peer, incoming, Outcome::invalid,
                  long_name ? wire::kLongName : wire::kCannotProcess);
  }
  if (request.status != RequestStatus::ok) {
    if (request.wire != Wire::w5 || !dispatcher_.takes_any_bytes(request.function)) {
      const bool too_deep = request.status == RequestStatus::too_deep;
      malformed(peer, too_deep ? Malformed::too_deep : Malformed::bad_msgpack);
      return refuse(peer, incoming, Outcome::invalid,
                    too_deep ? wire::kTooDeep : wire::kCannotProcess);
    }
    incoming.request.any_bytes = true;
  }
  dispatcher_.dispatch(incoming);
  peer.activity.note(request.wire, incoming.request.label);
}

void ZmqListener::malformed(const ZmqPeers::Peer& peer, Malformed reason) {
  refusals_.count(reason, [&peer] { return peer.address; });
}

void ZmqListener::refuse(ZmqPeers::Peer& peer, const IncomingRequest& incoming, Outcome outcome,
                         ByteView message) {
  dispatcher_.refuse(incoming, outcome, wire::ErrorKey::server_exception, message);
  peer.activity.note(incoming.path.wire, incoming.request.label);
}

Delivery ZmqListener::deliver(const ReturnPath& path, ByteView body, BodyKind) {
  ZmqPeers::Peer* peer = peers_.find(path.caller);
  if (peer == nullptr) {
    return Delivery::gone;
  }
  assert(peer->in_flight > 0);
  --peer->in_flight;
  if (gathering_) {
    gathered_.emplace_back(path, body);
    return Delivery::queued;
  }
  const Wire wire = path.wire;
  if (wire::has_old_errors(wire) && wire::is_error_body(body)) {
    old_error_.clear();
    wire::append_for_old_client(old_error_, body);
    body = old_error_;
  }
  return send(*peer, path.caller, wire::ReplyPrefix(wire, path.id.view()).view(), body);
}

std::string ZmqListener::peer(CallerKey caller) const {
  const ZmqPeers::Peer* peer = peers_.find(caller);
  return peer != nullptr ? peer->address : "gone";
}

Delivery ZmqListener::send(ZmqPeers::Peer& peer, CallerKey key, ByteView prefix, ByteView body) {
  const size_t bytes = prefix.size() + body.size();
  peer.uncounted += bytes + kMessageBytes;
  const bool counted = peer.uncounted >= kCountedAtOnce;
  if (counted &&
      unsent_->load(std::memory_order_relaxed) > options_.send_memory + options_.max_message) {
    send_no_memory(peer, key, prefix);
    return Delivery::no_memory;
  }
  if (!address(peer, key, bytes)) {
    return Delivery::gone;
  }
  // Once the identity is taken, so is what follows: only an error of ours could be in the way.
  const auto delivery = [](bool taken) { return taken ? Delivery::queued : Delivery::gone; };
  if (counted) {
    return delivery(send_tracked(peer, prefix, body));
  }
  char small[kSmallReplyBytes];
  if (bytes <= sizeof small) {
    write_reply(small, prefix, body);
    return delivery(zmq_send(router_.get(), small, bytes, ZMQ_DONTWAIT) >= 0);
  }
  zmq_msg_t reply;
  zmq_msg_init_size(&reply, bytes);
  write_reply(static_cast<char*>(zmq_msg_data(&reply)), prefix, body);
  return delivery(send_or_free(router_.get(), reply));
}

// With MANDATORY the peer's state shows at the first frame: EHOSTUNREACH when it has gone, EAGAIN
// when its queue is full. Once that frame is taken, so are the others.
bool ZmqListener::address(ZmqPeers::Peer& peer, CallerKey key, size_t bytes) {
  sent_ = true;
  peer.last_sent_ms = loop_.now_ms();
  if (zmq_send(router_.get(), peer.identity.data(), peer.identity.size(),
               ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0) {
    metrics_.sent_bytes.add(bytes);
    peer.traffic->sent += zmq_wire_bytes(bytes, is_curve());
    return true;
  }
  if (zmq_errno() == EAGAIN) {
    refusals_.count(Rejected::slow_reader, [&peer] { return peer.address; });
  } else {
    peers_.forget(key);
  }
  return false;
}

// Runs only while there are peers to keep alive: an idle gateway does not wake up.
void ZmqListener::watch_silence() {
  if (options_.keep_alive_ms == 0) {
    return;
  }
  silence_timer_.start(std::max(options_.keep_alive_ms / 4, 1U));
}

void ZmqListener::keep_alive() {
  constexpr std::array<char, wire::w5::kIdBytes> kNobodysId{};
  const uint64_t now_ms = loop_.now_ms();
  bool anybody = false;
  peers_.for_each([&](ZmqPeers::Peer& peer, CallerKey key) {
    if (peer.activity.wire() != Wire::w5 ||
        now_ms - peer.last_call_ms >= options_.keep_alive_for_ms) {
      return;
    }
    anybody = true;
    if (now_ms - peer.last_sent_ms < options_.keep_alive_ms) {
      return;
    }
    if (peer.unsent != nullptr && peer.unsent->load() >= kKeepAlivesWaiting * kNobodysId.size()) {
      return;
    }
    const uint64_t unwatched_ms = KeepAliveWindow::kUnwatched * options_.keep_alive_ms;
    if (now_ms - peer.last_call_ms >= unwatched_ms && !peer.window.open(peer.socket)) {
      return;
    }
    if (!address(peer, key, kNobodysId.size())) {
      return;
    }
    peer.uncounted += kNobodysId.size();
    send_tracked(peer, {kNobodysId.data(), kNobodysId.size()}, {});
    metrics_.keep_alives.add();
  });
  if (anybody) {
    watch_silence();
  }
}

void ZmqListener::end_of_turn() {
  account_memory();
  if (!sent_ || poll_ == nullptr) {
    return;
  }
  sent_ = false;
  poll_->recheck();
}

}  // namespace zerogate
