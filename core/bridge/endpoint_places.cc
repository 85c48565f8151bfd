// Which of an endpoint's connections a call is sent on, and what is known of it when one breaks.
#include <algorithm>
#include <cassert>
#include <utility>

#include "core/bridge/endpoint.h"

namespace zerogate {

uint64_t Endpoint::limit() const { return takes_calls() ? uint64_t{up_} * in_flight() : 0; }

// A call of a function that is not known yet, or that is sent again, has nothing in front of it: so
// it is lost with no other call.
bool Endpoint::goes_behind_others(const ForwardedCall& call) const {
  return least_ns_ <= options_.pipeline_wait_ns && !call.sent_again &&
         call.service_time != nullptr && call.service_time->expected().known();
}

bool Endpoint::choose_place(const ForwardedCall& call) {
  if (!capacity_.has_room()) {
    return false;
  }
  if (!adaptive()) {
    place_ = least_loaded(in_flight());
  } else if (BackendConnection* const open = shares_a_write(call)) {
    place_ = open;
  } else if (levels_.any_idle()) {
    place_ = least_loaded(1);
  } else {
    place_ = goes_behind_others(call) ? least_work() : nullptr;
  }
  return place_ != nullptr;
}

// A write of its own, and what the server needs to wake up for it, take longer than a little work.
BackendConnection* Endpoint::shares_a_write(const ForwardedCall& call) {
  if (unsent_.empty() || !goes_behind_others(call)) {
    return nullptr;
  }
  BackendConnection& last = *unsent_.back();
  const bool fits = last.up() && (draining_.empty() || !is_draining(last)) &&
                    last.work().ahead_ns() <= options_.pipeline_wait_ns / kSharedWrite &&
                    last.load() < options_.in_flight && !last.work().silent(now_ns());
  return fits ? &last : nullptr;
}

BackendConnection* Endpoint::least_loaded(uint32_t limit) {
  if (BackendConnection* idle = std::exchange(idle_, nullptr);
      idle != nullptr && idle->load() == 0) {
    return idle;
  }
  // Begins behind the one that was found last: in a burst those before it are busy.
  BackendConnection* best = nullptr;
  size_t at = next_;
  for (size_t left = connections_.size(); left != 0; --left) {
    at = at + 1 < connections_.size() ? at + 1 : 0;
    BackendConnection& connection = *connections_[at];
    if (!connection.up() || connection.load() >= limit) {
      continue;
    }
    if (best == nullptr || connection.load() < best->load()) {
      best = &connection;
    }
    if (best->load() == 0) {
      break;
    }
  }
  next_ = at;
  return best;
}

BackendConnection* Endpoint::least_work() {
  const uint64_t now = now_ns();
  uint64_t least_ns = options_.pipeline_wait_ns + 1;
  BackendConnection* best = nullptr;
  size_t at = next_;
  for (size_t left = connections_.size(); left != 0; --left) {
    at = at + 1 < connections_.size() ? at + 1 : 0;
    BackendConnection& connection = *connections_[at];
    const ConnectionWork& work = connection.work();
    if (work.ahead_ns() >= least_ns || !connection.up() ||
        connection.load() >= options_.in_flight || work.silent(now)) {
      continue;
    }
    best = &connection;
    least_ns = work.ahead_ns();
    if (least_ns <= least_ns_) {
      next_ = at;
      return best;
    }
  }
  least_ns_ = least_ns;
  return best;
}

inline void Endpoint::note_send(BackendConnection& connection, ForwardedCall& call) {
  const uint32_t load = connection.load();
  const ServiceTime* const time = call.service_time;
  call.expected = time != nullptr ? time->expected() : ExpectedTime::unknown();
  call.reply_bytes = time != nullptr ? time->largest_reply() : 0;
  ConnectionWork& work = connection.work();
  work.sent(call.expected, call.reply_bytes, load == 0, call.sent_ns);
  least_ns_ = std::min(least_ns_, work.ahead_ns());
  if (levels_.rise(load)) {
    metrics_->depth.set(levels_.deepest());
  }
}

bool Endpoint::send(ForwardedCall& call) {
  BackendConnection* const connection = std::exchange(place_, nullptr);
  assert(connection != nullptr);
  const bool behind = options_.adaptive && connection->load() != 0 && !out_of_order_;
  call.endpoint = this;
  call.connection = connection;
  call.sent_ns = now_ns();
  if (options_.adaptive) {
    note_send(*connection, call);
  }
  connection->send(call);
  if (unsent_.empty() || unsent_.back() != connection) {
    unsent_.push_back(connection);
  }
  capacity_.take();
  metrics_->in_flight.add();
  mark_dirty();
  return behind;
}

void Endpoint::note_answer(BackendConnection& connection, const ForwardedCall& call,
                           size_t reply_bytes, bool draining) {
  if (!draining) {
    has_fallen(connection);
  }
  ServiceTime* const time = call.service_time;
  ConnectionWork& work = connection.work();
  const bool idle = connection.load() == 0;
  const uint32_t sharers = std::max(up_ - levels_.idle() + static_cast<uint32_t>(idle), 1U);
  work.answered(call.expected, call.reply_bytes, time, idle, sharers, now_ns());
  if (!idle) {
    least_ns_ = std::min(least_ns_, work.ahead_ns());
  }
  if (time != nullptr) {
    time->note_reply(reply_bytes);
  }
  if (connection.out_of_order() && !out_of_order_) {
    is_out_of_order();
  }
}

void Endpoint::has_left(const BackendConnection& connection) {
  if (options_.adaptive) {
    levels_.leave(connection.load());
    metrics_->depth.set(levels_.deepest());
  }
}

void Endpoint::is_out_of_order() {
  out_of_order_ = true;
  capacity_.set_limit(limit());
}

// The function whose call the server may have closed the connection for is not trusted any more:
// nothing is put behind its next calls.
std::vector<std::pair<ForwardedCall*, Loss>> Endpoint::take_lost(BackendConnection& connection) {
  const bool in_order = adaptive() && !connection.work().large_replies();
  std::vector<std::pair<ForwardedCall*, Loss>> lost;
  for (ForwardedCall* call : connection.take_all()) {
    const bool begun = !in_order || connection.may_have_begun(*call);
    lost.emplace_back(call, !begun                          ? Loss::unbegun
                            : connection.was_written(*call) ? Loss::in_doubt
                                                            : Loss::unwritten);
    if (lost.size() == 1 && begun && call->service_time != nullptr) {
      call->service_time->forget_times();
    }
    call->connection = nullptr;
  }
  return lost;
}

}  // namespace zerogate
