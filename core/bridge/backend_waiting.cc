// How calls wait for room at a backend's servers, and whose turn it is.
#include <fmt/format.h>

#include <utility>

#include "core/bridge/backend.h"

namespace zerogate {

// A call that only one protocol's servers can be sent has a queue of its own: while those are busy,
// it holds up none that the others can be sent.
CallQueue& Backend::queue_for(const ForwardedCall& call) {
  if (queues_.size() == 1 || call.fits(Protocol::tcp) == call.fits(Protocol::zmq)) {
    return *queues_[0];
  }
  return *queues_[call.fits(Protocol::tcp) ? 1 : 2];
}

// Calls may wait in another queue for servers that this one has no need of.
void Backend::enqueue(ForwardedCall& call) {
  CallQueue& queue = queue_for(call);
  if (waiting_ != 0 && queue.empty() && send(call)) {
    return;
  }
  call.caller = call.call.caller();
  call.queue = &queue;
  ++waiting_;
  const CallQueue::Refusal refusal = queue.push(call);
  if (refusal.call != nullptr) {
    has_left_queue(*refusal.call);
    return refuse(*refusal.call, refusal.wait_ms);
  }
  metrics_->queue.set(waiting_);
}

void Backend::refuse(ForwardedCall& call, uint64_t wait_ms) {
  if (wait_ms == 0) {
    return fail(
        call, Outcome::overloaded,
        fmt::format("backend '{}' overloaded: {} calls are waiting", options_.name, waiting_));
  }
  fail(call, Outcome::overloaded,
       fmt::format("backend '{}' overloaded: would wait {:.1f} s, time-out {} s", options_.name,
                   static_cast<double>(wait_ms) / 1e3, call.timeout_ms / 1e3));
}

void Backend::leave_queue(ForwardedCall& call) {
  call.queue->remove(call);
  has_left_queue(call);
}

void Backend::serve_queues() {
  if (std::exchange(serving_queues_, true)) {
    return;  // an answer below makes room: the loop there sees it
  }
  while (serve_next() && waiting_ != 0 && endpoints_.has_room()) {
  }
  serving_queues_ = false;
}

// The queues have their turns, so that each gets a share of the servers that several wait for.
bool Backend::serve_next() {
  for (size_t left = queues_.size(); left != 0; --left) {
    turn_ = turn_ + 1 < queues_.size() ? turn_ + 1 : 0;
    if (serve_from(*queues_[turn_])) {
      return true;
    }
  }
  return false;
}

// False when none waits, or there is no room for the one whose turn it is.
bool Backend::serve_from(CallQueue& queue) {
  ForwardedCall* const call = queue.next();
  if (call == nullptr) {
    return false;
  }
  if (!call->call.caller_gone()) {
    return send(*call);
  }
  leave_queue(*call);
  fail(*call, Outcome::abandoned, "nobody waits for the answer");
  return true;
}

// Those that wait would wait for nothing.
void Backend::on_none_left() {
  for (const auto& queue : queues_) {
    while (ForwardedCall* const call = queue->next()) {
      leave_queue(*call);
      fail_unavailable(*call);
    }
  }
}

}  // namespace zerogate
