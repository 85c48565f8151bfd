#include "core/listener/stream_listener.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cassert>
#include <utility>

namespace zerogate {

namespace {

/// True for one of the last descriptors that the process may open: they are for Redis, backends and
/// the admin port. Without any, newcomers could not even be refused.
bool is_one_of_the_last(int fd) {
  rlimit limit;
  return fd >= 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
         static_cast<rlim_t>(fd) + StreamListener::kSpareDescriptors >= limit.rlim_cur;
}

}  // namespace

StreamListener::StreamListener(EventLoop& loop, TimerQueue& timers, StreamProtocol& protocol,
                               ListenerMetrics& metrics, const StreamOptions& options)
    : loop_(loop),
      metrics_(metrics),
      refusals_(timers, metrics, options.protocol),
      lingering_(timers,
                 [this](int fd) {
                   refusals_.count(Rejected::send_memory, [fd] {
                     const auto peer = PeerAddress::of(fd);
                     return peer ? peer->text() : "gone";
                   });
                 }),
      stall_timer_(timers, [this] { check_stalls(); }),
      tell_timer_(timers, [this] { tell_connections(); }),
      accept_timer_(timers, [this] { accept_the_last(); }),
      rest_timer_(timers, [this] { watch_newcomers(); }),
      held_timer_(timers, [this] { accept_held_back(); }),
      certificate_timer_(timers, [this] { check_certificates(); }),
      read_buffer_(new char[FrameReader::kSharedBytes]),
      shared_{.loop = loop,
              .clock = timers.clock(),
              .protocol = protocol,
              .refusals = refusals_,
              .options = options,
              .unsent_limit = options.unsent_limit != 0
                                  ? options.unsent_limit
                                  : options.write_buffer + 2 * options.max_message,
              .read_buffer = read_buffer_.get(),
              .turns = ReadTurns(loop.uv()),
              .memory = options.memory != nullptr ? *options.memory : own_memory_} {
  shared_.grown = shared_.memory.limit() / StreamOptions::kGrowthPart;
  loop_.add(*this);
  if (options.newcomers_wait) {
    room_.emplace(loop.uv(), options.states,
                  limit_state(options.protocol, options.max_connections * options.sharers));
  }
}

StreamListener::~StreamListener() {
  loop_.remove(*this);
  if (inbox_ != nullptr) {
    member_.balancer->close_inbox(member_.index);
  }
  stop_accepting();
  close_all();
  account_memory();
  count_bytes();
}

Status StreamListener::listen(const ListenSocket& socket) {
  metrics_.connections_limit.add(options().max_connections);  // of all ports of the protocol
  member_ = socket.member();
  socket_ = &socket;
  if (options().newcomers_wait && !socket.bound().is_path()) {
    gate_.emplace(socket.fd());
  }
  auto poll = std::make_unique<uv_poll_t>();
  if (const int error = uv_poll_init(loop_.uv(), poll.get(), socket.fd()); error != 0) {
    socket_ = nullptr;
    return Error{
        fmt::format("cannot listen on {}: {}", socket.bound().display(), uv_strerror(error))};
  }
  poll->data = this;
  accept_.reset(poll.release());
  watch_newcomers();
  if (member_.balancer != nullptr) {
    open_inbox();
  }
  return ok_status();
}

void StreamListener::stop_accepting() {
  accept_.reset();
  socket_ = nullptr;
  held_back_.reset();
  rest_timer_.stop();
  if (inbox_ != nullptr) {
    // Whom others have passed on meanwhile has begun its connection as early as those here.
    for (UniqueFd& connection : member_.balancer->close_inbox(member_.index)) {
      take(std::move(connection));
    }
  }
  inbox_.reset();
  tell_timer_.stop();
  member_ = {};
}

void StreamListener::drain() {
  shared_.draining = true;
  sessions_.for_each([](uint32_t, auto& session) { session->leave_if_idle(); });
  if (accepts()) {
    accept_timer_.start(kAcceptGraceMs);
  }
}

void StreamListener::accept_the_last() {
  accept_newcomers(ListenSocket::kBacklog);
  stop_accepting();
}

// A session that has waited, behind others or for a call of its own, has frames that came before
// the end. Who has not taken its last replies leaves with them: see StreamSession::flush().
void StreamListener::leave() {
  for_each([](StreamSession& session) { session.finish(); });
  flush();
  for_each([](StreamSession& session) {
    if (session.unsent_bytes() == 0) {
      session.leave();
    }
  });
}

void StreamListener::pause() {
  (void)member_.tell(
      AcceptBalancer::kFull);  // newcomers are the other workers' while these are there
  if (gate_) {
    gate_->close();
  }
  stop_accepting();
  for_each([](StreamSession& session) { session.pause(); });
}

void StreamListener::finish() {
  for_each([](StreamSession& session) { session.finish(); });
  flush();
  if (!flushed()) {
    shared_.draining = true;
    for_each([](StreamSession& session) { session.leave_if_idle(); });
  }
}

void StreamListener::close_all() {
  sessions_.for_each([](uint32_t, auto& session) { session->close(); });
}

void StreamListener::take(UniqueFd connection, bool has_place) {
  const CallerKey key = sessions_.take();
  StreamSession::Owner& owner = *this;
  sessions_[key.slot] = std::make_unique<StreamSession>(shared_, owner, key);
  metrics_.accepted.add();  // also of one whose peer has gone by now
  metrics_.connections.add();
  StreamSession& session = *sessions_[key.slot];
  if (!session.adopt(std::move(connection))) {
    return session.close();
  }
  tell_connections();
  if (!is_allowed(*session.address())) {
    session.reject(Rejected::not_allowed);
  } else if (!has_place ||
             (sessions_.size() > options().max_connections && !options().newcomers_wait)) {
    session.reject(Rejected::limit);
  } else if (is_one_of_the_last(session.fd())) {
    session.reject(Rejected::descriptors);
  } else if (shared_.tls && !make_room_for_handshake()) {
    session.reject(Rejected::handshakes);
  } else {
    if (shared_.tls) {
      shaking_.push_back(session.key());
    }
    shared_.protocol.welcome(session);
  }
}

// A peer that stands still costs its place and nothing else, for the whole time-out: so that some
// of them cannot keep all others out, the one that is waited for longest goes. Not those that wait
// for this loop's own work: there are as many as it can do, and one more would only make all late.
bool StreamListener::make_room_for_handshake() {
  std::erase_if(shaking_, [this](CallerKey key) {
    const StreamSession* session = find(key);
    return session == nullptr || !session->shakes_hands();
  });
  if (shared_.tls->loop.unfinished() <= shared_.tls->max_handshakes) {
    return true;
  }
  const auto oldest = std::ranges::find_if(
      shaking_, [this](CallerKey key) { return find(key)->awaits_handshake(); });
  if (oldest == shaking_.end()) {
    return false;
  }
  find(*oldest)->reject(Rejected::handshakes);
  return true;
}

void StreamListener::set_tls(std::shared_ptr<const TlsContext> context, bool check) {
  shared_.tls->context = std::move(context);
  if (!check) {
    return;
  }
  to_check_.clear();
  sessions_.for_each([this](uint32_t, auto& session) { to_check_.push_back(session->key()); });
  certificate_timer_.start(0);
}

void StreamListener::check_certificates() {
  for (size_t left = kCheckedAtOnce; left != 0 && !to_check_.empty(); --left) {
    if (StreamSession* session = find(to_check_.back())) {
      session->check_certificate();
    }
    to_check_.pop_back();
  }
  if (!to_check_.empty()) {
    certificate_timer_.start(kCheckMs);
  }
}

bool StreamListener::is_allowed(const PeerAddress& peer) const {
  if (options().allow.empty()) {
    return true;
  }
  const auto address = peer.ip();
  return !address || contains(options().allow, *address);
}

void StreamListener::forget(StreamSession& session) {
  const uint32_t slot = session.key().slot;
  assert(sessions_[slot].get() == &session);
  closed_.push_back(std::move(sessions_[slot]));
  sessions_.release(slot);
  metrics_.connections.sub();
  tell_connections();
  if (held_back_) {
    held_timer_.start(0);
  }
}

std::string StreamListener::peer(CallerKey caller) const {
  return gone(caller) ? departed_.find(caller).peer : sessions_[caller.slot]->peer();
}

const Caller& StreamListener::caller(CallerKey caller) const {
  return gone(caller) ? departed_.find(caller).caller : sessions_[caller.slot]->caller();
}

void StreamListener::list_clients(ClientList& list) {
  const uint64_t now_ms = shared_.clock.now_ms();
  std::vector<ClientRank<StreamSession*>> ranks;
  sessions_.for_each([&](uint32_t, auto& session) {
    ClientActivity& activity = session->activity();
    ranks.push_back(
        {activity.rate(now_ms), session->unsent_bytes(), activity.calls(), session.get()});
  });
  keep_busiest(ranks, list.left_out);
  for (const auto& rank : ranks) {
    const ClientActivity& activity = rank.key->activity();
    list.clients.push_back({.rate = rank.rate,
                            .unsent_bytes = rank.unsent_bytes,
                            .calls = rank.calls,
                            .peer = rank.key->peer(),
                            .protocol = options().protocol,
                            .wire = activity.wire(),
                            .identity = {},
                            .label = activity.function(),
                            .function = {},
                            .in_flight = rank.key->in_flight(),
                            .age_ms = now_ms - activity.since_ms(),
                            .quiet_ms = {}});
  }
}

void StreamListener::count_bytes() {
  const uint64_t received = shared_.in.received;
  if (const uint64_t fresh = received - std::exchange(received_counted_, received); fresh != 0) {
    metrics_.received_bytes.add(fresh);
  }
  const uint64_t sent = shared_.sent;
  if (const uint64_t fresh = sent - std::exchange(sent_counted_, sent); fresh != 0) {
    metrics_.sent_bytes.add(fresh);
  }
}

// A session's flush() may read on, and what TLS has decrypted already makes sessions dirty again.
void StreamListener::flush() {
  if (!departed_.empty()) {
    departed_.begin_turn(loop_.began_ns());
  }
  is_flushing_ = true;
  while (!shared_.dirty.empty()) {
    flushing_.swap(shared_.dirty);
    for (const CallerKey key : flushing_) {
      if (StreamSession* session = find(key)) {
        session->flush();
      }
    }
    flushing_.clear();
  }
  is_flushing_ = false;
  shed_memory();
  account_memory();
  count_bytes();
  shared_.gathered = 0;
  shared_.grown = shared_.in.kept + shared_.memory.limit() / StreamOptions::kGrowthPart;
}

// A thousand peers that each send 64 KiB in one turn, and get as much back, are 128 MiB: more than
// the limit of a small container, which is looked at when the turn ends.
void StreamListener::on_growth() {
  if (!is_flushing_) {
    flush();
    options().on_growth();
  }
}

// The timer runs only while a peer could stall: an idle gateway does not wake up.
void StreamListener::watch_stalls() {
  if (!stall_timer_.active()) {
    stall_timer_.start(std::min(kStallCheckMs, options().stall_timeout_ms));
  }
}

void StreamListener::check_stalls() {
  const uint64_t now_ms = shared_.clock.now_ms();
  bool watch = false;
  sessions_.for_each([&](uint32_t, auto& session) { watch |= session->check_stall(now_ms); });
  if (watch) {
    watch_stalls();
  }
}

}  // namespace zerogate
