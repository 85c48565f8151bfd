#include "core/redis/redis_channel.h"

#include <fmt/format.h>

#include <cassert>
#include <cctype>
#include <initializer_list>
#include <utility>

#include "core/base/address.h"
#include "core/base/clock.h"
#include "core/io/dns_lookup.h"
#include "core/redis/redis_command.h"
#include "core/redis/redis_reply.h"

namespace zerogate {
namespace {

/// A connection that closes sooner than this after it came up, and has answered no command, is a
/// failure: a peer that accepts and closes is not connected to in a tight loop. Redis' shortest
/// idle time is a second.
constexpr uint64_t kQuietAfterMs = 500;

/// "Connection refused" as it reads in the middle of a line; "WRONGPASS ..." stays.
std::string lower_first(std::string_view text) {
  std::string out(text);
  if (out.size() > 1 && std::islower(static_cast<unsigned char>(out[1]))) {
    out[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(out[0])));
  }
  return out;
}

/// No client writes this key: the nil UUID is no order's.
constexpr ByteView kNoOrder = "00000000-0000-0000-0000-000000000000";

}  // namespace

RedisChannel::RedisChannel(const RedisContext& context, Owner& owner, RedisMetrics& metrics,
                           const RedisOptions& options, uint64_t seed)
    : clock_(context.timers->clock()),
      network_(*context.network),
      owner_(owner),
      metrics_(metrics),
      options_(options),
      timer_(*context.timers, [this] { on_timer(); }),
      deadline_timer_(*context.timers, [this] { check_deadlines(); }),
      lookup_(context.network->make_lookup(
          [this](RedisLookup::Addresses addresses) { on_addresses(std::move(addresses)); })),
      backoff_(options.backoff_min_ms, options.backoff_max_ms, seed) {}

RedisChannel::~RedisChannel() {
  assert(answering_ == 0);
  assert(pending_.empty());
}

void RedisChannel::start() { attempt(); }

void RedisChannel::close() {
  state_ = State::closed;
  quiet_ = false;
  timer_.stop();
  deadline_timer_.stop();
  connection_.reset();
}

/// One deadline covers looking the name up, connecting and the handshake.
void RedisChannel::attempt() {
  state_ = State::resolving;
  timer_.start(options_.timeout_ms);
  endpoint_ = options_.url.display();
  if (!options_.url.path.empty() || another_address()) {
    return connect();
  }
  if (DnsLookup::is_address(options_.url.host)) {
    addresses_ = {options_.url.host};
    next_address_ = 0;
    return connect();
  }
  if (lookup_->running()) {
    return;  // of an attempt that gave up on it; we take its answer
  }
  if (const auto started = lookup_->start(options_.url.host); !started) {
    fail(started.error());
  }
}

void RedisChannel::on_addresses(RedisLookup::Addresses addresses) {
  const bool wanted = state_ == State::resolving;
  if (!addresses) {
    if (wanted) {
      fail(addresses.error());
    }
    return;
  }
  addresses_ = std::move(addresses).value();
  next_address_ = 0;
  if (wanted) {
    connect();
  }
}

/// Goes through the addresses that are left until one can be connected to, without a wait between
/// them: behind "localhost" there often are two, one of which has no server.
void RedisChannel::connect() {
  for (;;) {
    state_ = State::connecting;
    auto opened = open_next();
    if (opened.ok()) {
      connection_ = std::move(opened).value();
      return send_handshake();
    }
    if (!another_address()) {
      return fail(opened.error());
    }
  }
}

Result<std::unique_ptr<RedisConnection>> RedisChannel::open_next() {
  const RedisUrl& url = options_.url;
  if (!url.path.empty()) {
    return network_.open(*this, {.host = {}, .path = url.path});
  }
  const std::string& address = addresses_[next_address_++];
  if (address != url.host) {
    endpoint_ = fmt::format("{} at {}", url.display(), address);
  }
  return network_.open(*this, {.host = address, .port = url.port, .path = {}});
}

void RedisChannel::let_go() {
  if (connection_ != nullptr) {
    connection_->end();
    ended_ = std::move(connection_);
  }
}

/// All of it leaves in one write once the socket is connected.
void RedisChannel::send_handshake() {
  const RedisUrl& url = options_.url;
  OutBuffer& out = connection_->out();
  const auto send = [&](std::initializer_list<ByteView> arguments) {
    append_redis_command(arguments, out);
    ++handshake_left_;
  };
  handshake_left_ = 0;
  ponged_ = false;
  if (!url.user.empty()) {
    send({"AUTH", url.user, url.password});
  } else if (!url.password.empty()) {
    send({"AUTH", url.password});  // the form that Redis before 6 knows, too
  }
  if (url.database != 0) {
    send({"SELECT", std::to_string(url.database)});
  }
  logins_left_ = handshake_left_;
  send({"PING"});
  if (refused_) {
    // Changes nothing, for there is no such key. A replica or a cluster that is down answers PING.
    send({"SET", kNoOrder, "", "XX"});
  }
}

void RedisChannel::on_connected() { state_ = State::handshaking; }

void RedisChannel::on_handshake_reply(const RedisReply& reply) {
  const bool pinged = logins_left_ == 0 && !ponged_;
  if (reply.status == RedisReply::Status::error) {
    // Who has answered so is a Redis that works, for a user who need not know these commands.
    const bool forbidden = logins_left_ == 0 && reply.text.starts_with("NOPERM ");
    // WRONGPASS, NOAUTH, LOADING, "max number of clients reached", ...: later it may be better.
    // That another node has the key is no refusal.
    if (!forbidden && (pinged || logins_left_ > 0 || !is_elsewhere(reply.text))) {
      return fail(reply.text);
    }
  } else if (logins_left_ > 0 || pinged) {
    const std::string_view right = pinged ? "PONG" : "OK";
    if (!reply.is_status || reply.value != right) {
      return fail(fmt::format("no Redis: it answered something else than {}", right));
    }
  }
  ponged_ = pinged || ponged_;
  logins_left_ -= logins_left_ > 0 ? 1 : 0;
  if (--handshake_left_ > 0) {
    return;
  }
  state_ = State::up;
  tried_ = true;
  refused_ = false;
  backoff_.reset();
  timer_.stop();
  up_ns_ = heard_ns_ = clock_.now_ns();
  served_ = false;
  if (std::exchange(quiet_, false)) {
    return send_again();
  }
  owner_.on_link_change();
}

void RedisChannel::on_broken(std::string_view reason, RedisBreak why) {
  if (why == RedisBreak::too_large) {
    metrics_.reply_too_large.add();
  } else if (why == RedisBreak::no_memory) {
    metrics_.no_memory_for_reply.add();
  }
  if (state_ == State::connecting && another_address()) {
    let_go();
    return connect();
  }
  remember_turn();
  if (why == RedisBreak::closed && may_return_quietly()) {
    return return_quietly();
  }
  fail(reason);
}

/// Redis (`timeout`) and clouds close idle connections. That is no failure, and what was sent at
/// that moment was not even read: nothing came back, and twice is as good as once. What is late
/// may be of any kind, for send_again() leaves it out.
bool RedisChannel::may_return_quietly() {
  const bool proven = served_ || clock_.now_ns() - up_ns_ >= kQuietAfterMs * kNsPerMs;
  if (state_ != State::up || !proven || pending_.size() != resendable_) {
    return false;
  }
  for (size_t i = late_; i < pending_.size(); ++i) {
    if (!pending_[i].request->idempotent()) {
      return false;
    }
  }
  return true;
}

void RedisChannel::return_quietly() {
  let_go();
  addresses_.clear();
  next_address_ = 0;
  quiet_ = true;
  attempt();
}

/// Also what came meanwhile, but nothing that was answered as late: its caller waits no more and
/// may have written something newer since, and twice may be too often. Nothing is kept to be sent a
/// third time.
void RedisChannel::send_again() {
  size_t late_bytes = 0;
  for (; late_ > 0; --late_) {
    late_bytes += pending_.pop_front().bytes;
  }
  connection_->out().append(sent_.view().substr(late_bytes));
  forget_sent();
}

/// Answers no command yet: this may run inside the end of the turn, when those who write the
/// answers have done their part of it. The timer answers, in the loop's next turn.
void RedisChannel::fail(std::string_view reason) {
  failure_ = fmt::format("{} ({})", lower_first(reason), endpoint_);
  // A restarted container has another address. After a failed attempt the next one goes on with
  // the addresses that are left.
  if (state_ == State::up) {
    addresses_.clear(), next_address_ = 0;
  }
  let_go();
  state_ = State::broken;
  tried_ = true;
  quiet_ = false;
  forget_sent();
  timer_.start(0);
  owner_.on_link_change();
}

void RedisChannel::wait_and_retry() {
  state_ = State::waiting;
  timer_.start(backoff_.next_ms());
  if (pending_.empty()) {
    return;
  }
  answer_all(fmt::format("redis unavailable: {}", failure_));
}

void RedisChannel::on_timer() {
  switch (state_) {
    case State::resolving:
    case State::connecting:
    case State::handshaking:
      return fail(fmt::format("{} within {} ms", missed(), options_.timeout_ms));
    case State::up:
      return;
    case State::broken:
      return wait_and_retry();
    case State::waiting:
      return attempt();
    case State::closed:
      return;
  }
}

std::string_view RedisChannel::missed() const {
  if (state_ == State::resolving) {
    return "the name was not resolved";
  }
  return state_ == State::connecting ? "no connection" : "no answer";
}

}  // namespace zerogate
