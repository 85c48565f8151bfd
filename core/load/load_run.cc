#include "core/load/load_run.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/clock.h"
#include "core/load/tcp_load_connection.h"
#include "core/load/zmq_load_connection.h"
#include "core/security/tls_context.h"

namespace zerogate {
namespace {

constexpr uint32_t kOpeningAtOnce = 64;  ///< connections: a listener's queue may be 128 long
constexpr uint32_t kTickMs = 10;         ///< how exactly phases begin; what is counted goes by time
constexpr uint64_t kLookNs = 100 * kNsPerMs;   ///< how exactly a time-out is kept
constexpr uint64_t kRetryNs = 100 * kNsPerMs;  ///< until a connection is opened again

}  // namespace

LoadRun::LoadRun(EventLoop& loop, const LoadOptions& options)
    : loop_(loop),
      options_(options),
      timeout_ns_(options.timeout_ms * kNsPerMs),
      meter_(options_),
      wire_(is_zmq() ? zmq_load(options.function, options.argument)
                     : tcp_load(options.function, options.argument)),
      tick_(make_uv<uv_timer_t>(loop.uv(), uv_timer_init, this)) {
  lanes_.reserve(options.connections);
  for (uint32_t i = 0; i < options.connections; ++i) {
    lanes_.emplace_back(options.depth);
  }
  meter_.report().request_bytes = wire_.call_bytes;
  use_tls();
  loop_.add(*this);
}

LoadRun::~LoadRun() = default;

// The options have been checked with the same material.
void LoadRun::use_tls() {
  if (options_.tls == nullptr) {
    return;
  }
  auto made = TlsContext::make(TlsSide::backend, *options_.tls);
  if (auto* context = std::get_if<std::shared_ptr<const TlsContext>>(&made)) {
    tls_loop_ = std::make_unique<TlsLoop>(loop_.uv());
    wire_.tls.emplace(
        TlsUse{std::move(*context), *tls_loop_, no_observer_, options_.url.address.host});
  }
}

Status LoadRun::run() {
  auto found = resolve(options_.url.address);
  if (!found) {
    return Error{fmt::format("cannot connect to {}: {}", options_.url.display(), found.error())};
  }
  addresses_ = std::move(found).value();
  // The first one alone: it tells which of the name's addresses answers.
  open(lanes_[opened_++], uv_hrtime());
  uv_timer_start(
      tick_.get(), [](uv_timer_t* timer) { static_cast<LoadRun*>(timer->data)->tick(); }, kTickMs,
      kTickMs);
  loop_.run();
  return result_;
}

void LoadRun::stop() {
  const uint64_t now_ns = uv_hrtime();
  if (phase_ == Phase::opening) {
    result_ = Error{fmt::format("interrupted while connecting to {}", options_.url.display())};
    return finish();
  }
  if (phase_ == Phase::done) {
    return;
  }
  meter_.report().unfinished = in_flight_ + backlog(now_ns);
  meter_.cut_window(now_ns);
  finish();
}

void LoadRun::finish() {
  if (phase_ == Phase::measuring) {
    meter_.end_cpu();
  }
  meter_.finish();
  phase_ = Phase::done;
  loop_.stop();
}

// ---- Connections

void LoadRun::open(Lane& lane, uint64_t now_ns) {
  const auto index = static_cast<uint32_t>(&lane - lanes_.data());
  const SocketAddress& address = addresses_[address_];
  LoadConnection::Owner& owner = *this;
  lane.state = Lane::State::opening;
  lane.since_ns = now_ns;
  if (is_zmq()) {
    lane.connection = std::make_unique<ZmqLoadConnection>(loop_.uv(), index, owner, wire_, address);
  } else {
    lane.connection = std::make_unique<TcpLoadConnection>(loop_.uv(), index, owner, wire_, address);
  }
  lane.connection->open();
}

void LoadRun::open_next(uint64_t now_ns) {
  if (open_lanes_ == lanes_.size()) {
    return begin(now_ns);
  }
  while (opened_ < lanes_.size() && opened_ - open_lanes_ < kOpeningAtOnce) {
    open(lanes_[opened_++], now_ns);
    if (phase_ != Phase::opening) {
      return;  // it failed at once
    }
  }
}

void LoadRun::on_open(LoadConnection& connection) {
  Lane& lane = lanes_[connection.index];
  lane.state = Lane::State::open;
  ++open_lanes_;
  if (phase_ == Phase::opening) {
    open_next(uv_hrtime());
  } else {
    fill(lane);
  }
}

void LoadRun::on_end(LoadConnection& connection, CallError kind, std::string_view reason) {
  if (phase_ == Phase::done) {
    return;
  }
  Lane& lane = lanes_[connection.index];
  const uint64_t now_ns = uv_hrtime();
  if (phase_ == Phase::opening) {
    const bool try_next = open_lanes_ == 0 && address_ + 1 < addresses_.size();
    if (!try_next) {
      return opening_failed(reason);
    }
    ++address_;
    lane.state = Lane::State::closed;  // tick() opens it: a connection must not end in its own call
    lane.since_ns = 0;
    return;
  }
  lose(lane, kind, reason, now_ns);
}

void LoadRun::opening_failed(std::string_view reason) {
  const std::string which = open_lanes_ == 0 ? ""
                                             : fmt::format(" ({} of {} connections were open)",
                                                           open_lanes_, lanes_.size());
  // A reason that ends with a question has its fix.
  const std::string_view fix = reason.ends_with('?') ? ""
                               : is_zmq() ? "; is the server running, and is this its ZeroMQ port?"
                               : options_.url.tls
                                   ? "; is the server running, and is this its port with TLS?"
                                   : "; is the server running?";
  result_ = Error{
      fmt::format("cannot connect to {}: {}{}{}", options_.url.display(), reason, which, fix)};
  finish();
}

/// Fails the calls of a connection that has ended, or is to end. look_after() opens it again.
void LoadRun::lose(Lane& lane, CallError kind, std::string_view reason, uint64_t now_ns) {
  if (lane.state == Lane::State::open) {
    --open_lanes_;
    ++meter_.report().disconnects;
  }
  lane.slots.for_each(
      [&](const CallTimes& times) { meter_.count_lost(times, kind, reason, now_ns); });
  in_flight_ -= lane.slots.in_flight();
  lane.slots.reset();
  lane.state = Lane::State::closed;
  lane.since_ns = now_ns;
}

// ---- Calls

void LoadRun::begin(uint64_t now_ns) {
  phase_ = Phase::warmup;
  const uint64_t from_ns = now_ns + options_.warmup_ms * kNsPerMs;
  meter_.set_window(from_ns, from_ns + options_.duration_ms * kNsPerMs);
  if (open_loop()) {
    pacer_ = Pacer(now_ns, options_.rate);
    pace_ = std::make_unique<PreciseTimer>(loop_.uv());
  }
  for (Lane& lane : lanes_) {
    fill(lane);
  }
}

/// Closed loop: gives a connection that has just been opened all its calls.
void LoadRun::fill(Lane& lane) {
  if (open_loop() || phase_ >= Phase::draining) {
    return;
  }
  while (!lane.slots.full()) {
    begin_call(lane, 0);
  }
}

void LoadRun::begin_call(Lane& lane, uint64_t intended_ns) {
  lane.connection->send(lane.slots.begin(intended_ns));
  ++in_flight_;
  if (lane.gathered) {
    return;
  }
  lane.gathered = true;
  gathered_.push_back(lane.connection->index);
}

bool LoadRun::on_reply(LoadConnection& connection, uint32_t id, std::optional<CallError> error,
                       ByteView result, size_t size, uint64_t now_ns) {
  if (phase_ == Phase::done) {
    return true;  // the rest of the turn in which it was stopped
  }
  Lane& lane = lanes_[connection.index];
  const auto times = lane.slots.end(id);
  if (!times) {
    return false;
  }
  --in_flight_;
  ++meter_.report().answered;
  meter_.count_answer(*times, error, result, size, now_ns);
  if (!open_loop() && now_ns < meter_.end_ns()) {
    begin_call(lane, 0);
  }
  return true;
}

void LoadRun::flush() {
  for (const uint32_t index : gathered_) {
    Lane& lane = lanes_[index];
    lane.gathered = false;
    if (lane.state != Lane::State::open) {
      continue;
    }
    const uint64_t now_ns = uv_hrtime();
    lane.slots.sent(now_ns, [&](const CallTimes& times) { meter_.count_sent(times, now_ns); });
    lane.connection->flush();
  }
  gathered_.clear();
}

// ---- Open loop

/// Sends what is due, to the connections in turn.
void LoadRun::pump(uint64_t now_ns) {
  give_up_overdue(now_ns);
  const uint64_t due = pacer_.due_count(std::min(now_ns, meter_.end_ns() - 1));
  while (next_call_ < due) {
    Lane* lane = next_free_lane();
    if (lane == nullptr) {
      return;  // an answer, or tick(), leads here again
    }
    begin_call(*lane, pacer_.due_ns(next_call_++));
  }
  if (pacer_.due_ns(next_call_) < meter_.end_ns()) {
    pace_->arm(pacer_.due_ns(next_call_));
  }
}

void LoadRun::give_up_overdue(uint64_t now_ns) {
  const uint64_t first_alive =
      pacer_.due_count(std::min(now_ns - timeout_ns_, meter_.end_ns() - 1));
  if (next_call_ >= first_alive) {
    return;
  }
  const uint64_t first_measured = pacer_.due_count(meter_.from_ns() - 1);
  const uint64_t from = std::max(next_call_, first_measured);
  if (from < first_alive) {
    meter_.report().count(CallError::unsent, first_alive - from,
                          "no connection had room for them until the time-out had passed");
  }
  next_call_ = first_alive;
}

LoadRun::Lane* LoadRun::next_free_lane() {
  if (in_flight_ >= uint64_t{open_lanes_} * options_.depth) {
    return nullptr;
  }
  for (size_t tried = 0; tried < lanes_.size(); ++tried) {
    Lane& lane = lanes_[cursor_];
    cursor_ = (cursor_ + 1) % static_cast<uint32_t>(lanes_.size());
    if (lane.state == Lane::State::open && !lane.slots.full()) {
      return &lane;
    }
  }
  return nullptr;
}

uint64_t LoadRun::backlog(uint64_t now_ns) const {
  if (!open_loop()) {
    return 0;
  }
  return pacer_.due_count(std::min(now_ns, meter_.end_ns() - 1)) - next_call_;
}

// ---- Time

void LoadRun::end_of_turn() {
  if (phase_ == Phase::opening || phase_ == Phase::done) {
    return;
  }
  if (open_loop()) {
    pump(uv_hrtime());
  }
  if (!gathered_.empty()) {
    flush();
  }
  if (phase_ == Phase::draining && in_flight_ == 0) {
    check_drained(uv_hrtime());
  }
}

void LoadRun::tick() {
  const uint64_t now_ns = uv_hrtime();
  if (phase_ == Phase::warmup && now_ns >= meter_.from_ns()) {
    phase_ = Phase::measuring;
    meter_.begin_cpu();
  }
  if (phase_ == Phase::measuring && now_ns >= meter_.end_ns()) {
    meter_.end_cpu();
    phase_ = Phase::draining;
  }
  if (now_ns - looked_ns_ >= kLookNs || phase_ == Phase::opening) {
    looked_ns_ = now_ns;
    for (Lane& lane : lanes_) {
      look_after(lane, now_ns);
    }
  }
  if (phase_ == Phase::draining) {
    check_drained(now_ns);
  }
}

void LoadRun::look_after(Lane& lane, uint64_t now_ns) {
  if (phase_ == Phase::done) {
    return;
  }
  const bool overdue = now_ns - lane.since_ns > timeout_ns_;
  if (lane.state == Lane::State::opening && overdue) {
    const std::string reason =
        fmt::format("no answer to `connect` within {} ms", options_.timeout_ms);
    if (phase_ == Phase::opening) {
      return opening_failed(reason);
    }
    lane.connection.reset();
    return lose(lane, CallError::disconnected, reason, now_ns);
  }
  if (lane.state == Lane::State::open) {
    bool late = false;
    // Calls are sent at the end of the turn in which they begin: tick() finds none that is not.
    lane.slots.for_each(
        [&](const CallTimes& times) { late = late || now_ns - times.sent_ns > timeout_ns_; });
    if (!late) {
      return;
    }
    lane.connection.reset();
    return lose(lane, CallError::disconnected,
                fmt::format("no answer within {} ms", options_.timeout_ms), now_ns);
  }
  const bool begun = static_cast<uint32_t>(&lane - lanes_.data()) < opened_;
  const bool wanted = phase_ != Phase::draining || backlog(now_ns) > 0;
  if (lane.state == Lane::State::closed && begun && wanted && now_ns - lane.since_ns >= kRetryNs) {
    open(lane, now_ns);
  }
}

/// Whether all answers are there, or have had their time.
void LoadRun::check_drained(uint64_t now_ns) {
  if (in_flight_ == 0 && backlog(now_ns) == 0) {
    return finish();
  }
  // Sent at the very last moment and without an answer: look_after() has seen to it by now.
  if (now_ns > meter_.end_ns() + 2 * timeout_ns_ + 10 * kLookNs) {
    finish();
  }
}

}  // namespace zerogate
