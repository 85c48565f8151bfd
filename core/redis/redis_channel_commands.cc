// RedisChannel's commands: sent, answered, late. Its link is in redis_channel.cc.
#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/base/clock.h"
#include "core/redis/redis_channel.h"
#include "core/redis/redis_reply.h"

namespace zerogate {
namespace {

using ReplyStatus = RedisReply::Status;

constexpr std::string_view kClusterText = "redis is a cluster, which is not supported";
/// A connection from which nothing comes for this many timeouts, while replies are due, is
/// replaced. One timeout is how long a Redis that is busy (a slow script, a fork) may keep silent.
constexpr uint64_t kSilentTimeouts = 2;
/// So is one whose oldest command has waited for so many, whatever comes in: a reply that trickles
/// in holds up all that are behind it, and by then all that were sent with it are late.
constexpr uint64_t kMostTimeouts = 10;
/// So many commands, and bytes, are kept to be sent again: an idle connection carries few when it
/// closes, and a busy one does not pay for copies.
constexpr size_t kMaxResent = 32;
constexpr size_t kMaxResentBytes = size_t{64} << 10;

}  // namespace

bool RedisChannel::send(ByteView command, RedisRequest& request) {
  assert(up());
  const bool at_once = state_ == State::up;
  if (unsent_bytes() + command.size() > options_.max_unsent_bytes) {
    return false;
  }
  OutBuffer& out = at_once ? connection_->out() : sent_;
  if (!at_once) {
    ++resendable_;
  } else if (gathered_++ == 0) {
    gathered_at_ = out.size();
  }
  out.append(command);
  pending_.push_back({&request, clock_.now_ns(), command.size()});
  if (!deadline_timer_.active()) {
    deadline_timer_.start(options_.timeout_ms);
  }
  return true;
}

size_t RedisChannel::unsent_bytes() const {
  if (state_ == State::up) {  // the usual case: sent_ has only copies
    return connection_->unsent_bytes();
  }
  const size_t unsent = connection_ != nullptr ? connection_->unsent_bytes() : 0;
  return unsent + sent_.size();
}

void RedisChannel::end_of_turn() {
  ended_.reset();
  if (state_ == State::up) {
    remember_turn();
    connection_->flush();
  }
}

// Afterwards out() does not have them any more.
void RedisChannel::on_writable() {
  remember_turn();
  connection_->flush();
}

/// Keeps the commands of this turn to be sent again, if all that are under way are kept.
void RedisChannel::remember_turn() {
  if (gathered_ == 0) {
    return;
  }
  const ByteView bytes = connection_->out().view().substr(gathered_at_);
  if (resendable_ + gathered_ == pending_.size() && pending_.size() <= kMaxResent &&
      sent_.size() + bytes.size() <= kMaxResentBytes) {
    sent_.append(bytes);
    resendable_ += gathered_;
  }
  gathered_ = 0;
}

void RedisChannel::forget_sent() {
  sent_.clear();
  resendable_ = gathered_ = 0;
}

// Inlined where a reply is read: half of what it costs is the call.
[[gnu::always_inline]] inline void RedisChannel::answer(const Pending& pending,
                                                        const RedisReply& reply) {
  switch (reply.status) {
    case ReplyStatus::ok:
      metrics_.ok.add();
      break;
    case ReplyStatus::error:
      metrics_.error.add();
      break;
    case ReplyStatus::timeout:
      metrics_.timeout.add();
      break;
    default:
      metrics_.unavailable.add();
  }
  if (reply.status != ReplyStatus::unavailable) {
    metrics_.duration.observe(clock_.now_ns() - pending.sent_ns);
  }
  ++answering_;
  pending.request->on_reply(reply);
  --answering_;
}

void RedisChannel::on_redis_reply(const RedisReply& reply) {
  if (state_ != State::up) {
    return on_handshake_reply(reply);
  }
  const bool is_error = reply.status == ReplyStatus::error;
  if (pending_.empty()) {  // as an error is what Redis says to one connection too many
    return fail(is_error ? reply.text : "Redis sent a reply that nobody had asked for");
  }
  if (is_error && is_refusal(reply.text)) {
    refused_ = true;  // the next connection has to prove more than a PONG
    return fail(reply.text);
  }
  if (resendable_ != 0) {
    sent_.clear();
    resendable_ = 0;
  }
  served_ = true;
  if (late_ > 0) {
    --late_;
    pending_.pop_front();
    return;
  }
  if (is_error && is_elsewhere(reply.text)) {
    return answer_cluster();
  }
  answer(pending_.pop_front(), reply);
}

/// Without the reply's text: the addresses of inner nodes are not the callers' business.
void RedisChannel::answer_cluster() {
  owner_.on_cluster();
  RedisReply reply;
  reply.status = ReplyStatus::error;
  reply.text = kClusterText;
  answer(pending_.pop_front(), reply);
}

void RedisChannel::answer_all(std::string_view text) {
  late_ = 0;
  deadline_timer_.stop();
  // Moved out of the way, for a continuation may lead to anything but our end.
  RingBuffer<Pending> pending = std::exchange(pending_, {});
  RedisReply reply;
  reply.status = ReplyStatus::unavailable;
  reply.text = text;
  while (!pending.empty()) {
    if (const Pending next = pending.pop_front(); next.request != nullptr) {
      answer(next, reply);
    }
  }
}

/// Runs after the poll: what came in time has been read. The timer is armed for the oldest command
/// when it is sent, and here for the one that is oldest by then: about once per timeout, and not
/// per command.
void RedisChannel::check_deadlines() {
  const uint64_t now = clock_.now_ns();
  const uint64_t timeout_ns = options_.timeout_ms * kNsPerMs;
  answer_late(now);
  uint64_t due_ns = UINT64_MAX;
  if (late_ < pending_.size()) {
    due_ns = pending_[late_].sent_ns + timeout_ns;
  }
  if (late_ > 0 && state_ == State::up) {
    const uint64_t sent_ns = pending_.front().sent_ns;
    const uint64_t silent_since = std::max(heard_ns_, sent_ns);
    const uint64_t silent_until = silent_since + kSilentTimeouts * timeout_ns;
    if (now >= silent_until) {
      return fail(fmt::format("no reply for {} ms", (now - silent_since) / kNsPerMs));
    }
    const uint64_t whole_until = sent_ns + kMostTimeouts * timeout_ns;
    if (now >= whole_until) {
      return fail(fmt::format("no whole reply for {} ms", (now - sent_ns) / kNsPerMs));
    }
    due_ns = std::min({due_ns, silent_until, whole_until});
  }
  if (due_ns != UINT64_MAX) {
    deadline_timer_.start_at((due_ns + kNsPerMs - 1) / kNsPerMs);
  }
}

/// Each command that is late fails alone, and its reply is skipped when it comes: replies come in
/// the order of the commands.
void RedisChannel::answer_late(uint64_t now) {
  while (late_ < pending_.size() &&
         now >= pending_[late_].sent_ns + options_.timeout_ms * kNsPerMs) {
    const Pending late = pending_[late_];
    pending_[late_].request = nullptr;
    ++late_;
    const std::string text =
        fmt::format("redis timed out after {} ms", (now - late.sent_ns) / kNsPerMs);
    RedisReply reply;
    reply.status = ReplyStatus::timeout;
    reply.text = text;
    answer(late, reply);
  }
}

}  // namespace zerogate
