#include "core/listener/zmtp_listener.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/utf8.h"
#include "core/wire/hops.h"
#include "core/wire/w5.h"
#include "core/wire/zerror.h"

namespace zerogate {
namespace {

StreamOptions stream_options(const ZmqOptions& options) {
  StreamOptions of_streams;
  of_streams.max_message = options.max_message;
  of_streams.max_connections = options.max_connections;
  of_streams.sharers = options.sharers;
  // A client may ask on before it reads, and fails calls that are not read.
  of_streams.write_buffer = options.write_buffer + 2 * options.max_message;
  of_streams.unsent_limit = of_streams.write_buffer;
  of_streams.allow = options.allow;
  of_streams.protocol = Protocol::zmq;
  of_streams.greeting_ms = ZmtpListener::kHandshakeTimeoutMs;
  of_streams.newcomers_wait = true;
  of_streams.states = options.states;
  of_streams.send_memory = options.send_memory;
  of_streams.receive_memory = options.receive_memory;
  of_streams.kept_capacity = options.kept_capacity;
  of_streams.stall_timeout_ms = options.stall_timeout_ms;
  of_streams.memory = options.memory;
  of_streams.on_growth = options.on_growth;
  return of_streams;
}

}  // namespace

ZmtpListener::ZmtpListener(EventLoop& loop, TimerQueue& timers, Dispatcher& dispatcher,
                           ListenerMetrics& metrics, const ZmqOptions& options)
    : dispatcher_(dispatcher),
      metrics_(metrics),
      clock_(timers.clock()),
      max_body_(options.max_message + wire::w5::kIdBytes + wire::w5::kNameBytes + kOversizeGrace),
      keep_alive_ms_(options.keep_alive_ms),
      keep_alive_for_ms_(options.keep_alive_for_ms),
      silence_timer_(timers, [this] { keep_alive(); }),
      connections_(loop, timers, *this, metrics, stream_options(options)) {}

void ZmtpListener::welcome(StreamSession& session) {
  const uint32_t slot = session.key().slot;
  if (slot >= peers_.size()) {
    peers_.resize(slot + 1);
  }
  peers_[slot] = {};
  session.limit_calls(kMaxCallsInFlight);
  wire::zmtp::write_greeting(session.speak());
}

ByteView ZmtpListener::consume(StreamSession& session, ByteView bytes, uint64_t received_ns,
                               size_t& frame_size) {
  Peer& peer = peers_[session.key().slot];
  for (int frames = 0; !bytes.empty() && session.ready(); ++frames) {
    if (frames == kFramesPerTurn) {
      session.yield();
      break;
    }
    const size_t taken = peer.phase == Peer::Phase::greeting
                             ? take_greeting(session, peer, bytes)
                             : take_frame(session, peer, bytes, received_ns, frame_size);
    if (taken == 0) {
      break;
    }
    bytes.remove_prefix(taken);
  }
  return bytes;
}

size_t ZmtpListener::take_greeting(StreamSession& session, Peer& peer, ByteView bytes) {
  using wire::zmtp::GreetingStatus;
  switch (wire::zmtp::parse_greeting(bytes)) {
    case GreetingStatus::incomplete:
      return 0;
    case GreetingStatus::ok:
      peer.phase = Peer::Phase::handshake;
      wire::zmtp::write_ready(session.speak(), "ROUTER");
      return wire::zmtp::kGreetingBytes;
    default:
      session.malformed(Malformed::bad_handshake);
      return 0;
  }
}

size_t ZmtpListener::take_frame(StreamSession& session, Peer& peer, ByteView bytes,
                                uint64_t received_ns, size_t& frame_size) {
  using wire::zmtp::FrameStatus;
  const wire::zmtp::Frame frame = wire::zmtp::parse_frame(bytes, max_body_);
  const bool open = peer.phase == Peer::Phase::open;
  const bool too_early = !open && !frame.command;  // also of the longest message, by its head
  if (frame.status == FrameStatus::incomplete && !too_early) {
    frame_size = frame.size;
    return 0;
  }
  if (frame.status != FrameStatus::whole || too_early) {
    const bool large = frame.status == FrameStatus::too_large;
    session.malformed(!open   ? Malformed::bad_handshake
                      : large ? Malformed::too_large
                              : Malformed::bad_frames);
    return 0;
  }
  if (frame.command) {
    take_command(session, peer, frame.body);
  } else if (peer.skipping) {
    peer.skipping = frame.more;
  } else if (peer.name != nullptr) {
    take_second(session, peer, frame, received_ns);
  } else if (frame.more) {
    return take_two(session, peer, frame, bytes, received_ns, frame_size);
  } else {
    dispatch(session, peer, wire::parse_zmq_request(frame.body), received_ns);
  }
  return frame.size;
}

size_t ZmtpListener::take_two(StreamSession& session, Peer& peer, const wire::zmtp::Frame& first,
                              ByteView bytes, uint64_t received_ns, size_t& frame_size) {
  using wire::zmtp::FrameStatus;
  const auto skip = [&](size_t taken, bool more) {
    // No reply: the real worker logs and goes on, too.
    count(session, Malformed::bad_frames);
    peer.skipping = more;
    return taken;
  };
  if (first.size > kMaxNameFrame) {
    return skip(first.size, true);
  }
  const wire::zmtp::Frame second = wire::zmtp::parse_frame(bytes.substr(first.size), max_body_);
  if (second.status == FrameStatus::incomplete) {
    frame_size = second.size == 0 ? 0 : first.size + second.size;
    return 0;
  }
  if (second.status == FrameStatus::whole && second.command) {
    // libzmq's heartbeats come between the frames of a message, too. Of a name that is too long so
    // much is kept as tells that it is.
    peer.name =
        std::make_unique<const std::string>(first.body.substr(0, kMaxFunctionNameBytes + 1));
    return first.size;
  }
  if (second.status != FrameStatus::whole) {
    session.malformed(second.status == FrameStatus::too_large ? Malformed::too_large
                                                              : Malformed::bad_frames);
    return 0;
  }
  const size_t both = first.size + second.size;
  if (second.more) {
    return skip(both, true);
  }
  dispatch(session, peer, wire::parse_w1_request(first.body, second.body), received_ns);
  return both;
}

void ZmtpListener::take_second(StreamSession& session, Peer& peer, const wire::zmtp::Frame& second,
                               uint64_t received_ns) {
  const auto name = std::exchange(peer.name, nullptr);
  if (second.more) {
    peer.skipping = true;
    return count(session, Malformed::bad_frames);
  }
  dispatch(session, peer, wire::parse_w1_request(*name, second.body), received_ns);
}

void ZmtpListener::take_command(StreamSession& session, Peer& peer, ByteView body) {
  const wire::zmtp::Command command = wire::zmtp::parse_command(body);
  if (peer.phase == Peer::Phase::handshake) {
    if (!command.ok || command.name != "READY" || !wire::zmtp::is_peers_ready(command.data)) {
      return session.malformed(Malformed::bad_handshake);
    }
    peer.phase = Peer::Phase::open;
    return session.greeted();
  }
  if (command.ok && command.name == "PING") {
    wire::zmtp::write_pong(session.speak(), command.data);
  }
  // Others are answers to what is never asked here, or of no interest to a ROUTER.
}

void ZmtpListener::count(StreamSession& session, Malformed reason) {
  connections_.refusals().count(reason, [&session] { return session.peer(); });
}

void ZmtpListener::dispatch(StreamSession& session, Peer& peer, const wire::ZmqRequest& request,
                            uint64_t received_ns) {
  using wire::w5::RequestStatus;
  const bool long_name = request.function.size() > kMaxFunctionNameBytes;
  const bool name_ok = !long_name && is_utf8(request.function);
  IncomingRequest incoming{{this, session.key(), request.wire, RequestId(request.id)},
                           {name_ok ? request.function : ByteView(), request.argument},
                           received_ns};
  incoming.request.hops = request.wire == Wire::w5 ? wire::hops_of_id(request.id) : 0;
  session.begin_call();  // its answer comes through deliver(), now or later
  peer.last_call_ms = clock_.now_ms();
  if (request.wire == Wire::w5 && !silence_timer_.active()) {
    watch_silence();
  }
  if (request.argument.size() > connections_.options().max_message) {
    count(session, Malformed::too_large);
    return refuse(
        session, incoming,
        fmt::format("the message is larger than {} bytes", connections_.options().max_message));
  }
  if (!name_ok) {
    count(session, Malformed::bad_name);
    return refuse(session, incoming, long_name ? wire::kLongName : wire::kCannotProcess);
  }
  if (request.status != RequestStatus::ok) {
    if (request.wire != Wire::w5 || !dispatcher_.takes_any_bytes(request.function)) {
      const bool too_deep = request.status == RequestStatus::too_deep;
      count(session, too_deep ? Malformed::too_deep : Malformed::bad_msgpack);
      return refuse(session, incoming, too_deep ? wire::kTooDeep : wire::kCannotProcess);
    }
    incoming.request.any_bytes = true;
  }
  dispatcher_.dispatch(incoming);
  session.note_call(request.wire, incoming.request.label);
}

void ZmtpListener::refuse(StreamSession& session, IncomingRequest& incoming, ByteView message) {
  dispatcher_.refuse(incoming, Outcome::invalid, wire::ErrorKey::server_exception, message);
  session.note_call(incoming.path.wire, incoming.request.label);
}

Delivery ZmtpListener::deliver(const ReturnPath& path, ByteView body, BodyKind) {
  if (wire::has_old_errors(path.wire) && wire::is_error_body(body)) {
    old_error_.clear();
    wire::append_for_old_client(old_error_, body);
    body = old_error_;
  }
  StreamSession* session = connections_.find(path.caller);
  OutBuffer* out = session != nullptr ? session->end_call(body.size()) : nullptr;
  if (out == nullptr) {
    return Delivery::gone;
  }
  const wire::ReplyPrefix prefix(path.wire, path.id.view());
  wire::zmtp::write_head(*out, prefix.view().size() + body.size());
  out->append(prefix.view());
  out->append(body);
  peers_[path.caller.slot].last_sent_ms = clock_.now_ms();
  return Delivery::queued;
}

// Runs only while there are peers to keep alive: an idle gateway does not wake up.
void ZmtpListener::watch_silence() {
  if (keep_alive_ms_ != 0) {
    silence_timer_.start(std::max(keep_alive_ms_ / 4, 1U));
  }
}

void ZmtpListener::keep_alive() {
  constexpr std::array<char, wire::w5::kIdBytes> kNobodysId{};
  const uint64_t now_ms = clock_.now_ms();
  bool any = false;
  connections_.for_each([&](StreamSession& session) {
    Peer& peer = peers_[session.key().slot];
    if (!session.open() || session.activity().wire() != Wire::w5 ||
        now_ms - peer.last_call_ms >= keep_alive_for_ms_) {
      return;
    }
    any = true;
    if (now_ms - peer.last_sent_ms < keep_alive_ms_ || session.unsent_bytes() != 0) {
      return;
    }
    const uint64_t unwatched_ms = KeepAliveWindow::kUnwatched * keep_alive_ms_;
    if (now_ms - peer.last_call_ms >= unwatched_ms && !peer.window.open(PeerSocket(session.fd()))) {
      return;
    }
    OutBuffer& out = session.speak();
    wire::zmtp::write_head(out, kNobodysId.size());
    out.append(kNobodysId.data(), kNobodysId.size());
    peer.last_sent_ms = now_ms;
    metrics_.keep_alives.add();
  });
  if (any) {
    watch_silence();
  }
}

}  // namespace zerogate
