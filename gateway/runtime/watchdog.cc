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
  for (const auto& worker : workers_) {
    worker->ping();
  }
}

void Watchdog::check() {
  const auto answered = [](const auto& worker) { return worker->responsive(); };
  if (!std::ranges::all_of(workers_, answered)) {
    if (!std::exchange(late_, true)) {
      log::warn("an event loop does not come round");
    }
    return;
  }
  late_ = false;
  manager_.alive();
  for (const auto& worker : workers_) {
    worker->ping();
  }
}

}  // namespace zerogate
