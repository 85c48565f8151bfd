#include "gateway/runtime/watchdog.h"

#include <algorithm>
#include <utility>

#include "core/log/log.h"

namespace zerogate {

namespace {

/// A worker that was away for a turn of a second or so is no reason to be killed: it has a second
/// chance to answer in time.
constexpr uint64_t kAsksPerInterval = 3;

}  // namespace

Watchdog::Watchdog(uv_loop_t* loop, const SystemdNotifier& manager,
                   const std::vector<std::unique_ptr<Worker>>& workers)
    : manager_(manager), workers_(workers), timer_(make_uv<uv_timer_t>(loop, uv_timer_init, this)) {
  if (manager.watchdog_ms() == 0) {
    return;
  }
  const uint64_t period_ms = std::max<uint64_t>(manager.watchdog_ms() / kAsksPerInterval, 1);
  uv_timer_start(
      timer_.get(), [](uv_timer_t* timer) { static_cast<Watchdog*>(timer->data)->check(); },
      period_ms, period_ms);
  ping();
}

void Watchdog::ping() {
  tickets_.clear();
  for (const auto& worker : workers_) {
    tickets_.push_back(worker->ping());
  }
}

bool Watchdog::all_answered() const {
  for (size_t i = 0; i < workers_.size(); ++i) {
    if (!workers_[i]->answered(tickets_[i])) {
      return false;
    }
  }
  return true;
}

void Watchdog::check() {
  if (!all_answered()) {
    if (!std::exchange(late_, true)) {
      log::warn("an event loop does not come round");
    }
    return;
  }
  late_ = false;
  manager_.alive();
  ping();
}

bool LivenessCheck::alive() {
  const auto now = Clock::now();
  const uint64_t now_ns = uv_hrtime();
  const auto patience_ns = std::chrono::nanoseconds(patience_).count();
  const std::lock_guard lock(mutex_);
  pings_.resize(workers_.size());
  bool alive = true;
  for (size_t i = 0; i < workers_.size(); ++i) {
    Worker& worker = *workers_[i];
    const uint64_t busy_since_ns = worker.metrics().loop.busy_since_ns.value();
    if (busy_since_ns != 0 && now_ns > busy_since_ns + static_cast<uint64_t>(patience_ns)) {
      alive = false;
    }
    if (worker.answered(pings_[i].ticket)) {
      pings_[i] = {worker.ping(), now};
    } else if (now - pings_[i].since > patience_) {
      alive = false;
    }
  }
  return alive;
}

}  // namespace zerogate
