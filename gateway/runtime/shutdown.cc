#include "gateway/runtime/shutdown.h"

#include <unistd.h>

#include <chrono>
#include <cstring>
#include <utility>

#include "core/log/log.h"

namespace zerogate {

namespace {

/// From a second signal to the end of the process, whatever is stuck.
constexpr uint64_t kStopGraceMs = 700;
/// From the end of a drain: libzmq (CURVE) may go on sending replies for a second.
constexpr uint64_t kDrainGraceMs = 2'000;
constexpr std::chrono::milliseconds kLogPatience{200};

}  // namespace

Shutdown::Shutdown(uv_loop_t* loop, const ShutdownOptions& options, ShutdownSteps steps)
    : options_(options), steps_(std::move(steps)) {
  const auto init_async = [](uv_loop_t* on, uv_async_t* handle) {
    uv_async_init(on, handle, [](uv_async_t* async) {
      auto* self = static_cast<Shutdown*>(async->data);
      if (!self->begun_) {
        self->begin("POST /drain");
      }
    });
  };
  request_ = make_uv<uv_async_t>(loop, init_async, this);
  delay_ = make_uv<uv_timer_t>(loop, uv_timer_init, this);
  force_ = make_uv<uv_timer_t>(loop, uv_timer_init, this);
}

void Shutdown::request() { uv_async_send(request_.get()); }

void Shutdown::on_signal(int number) {
  const bool is_first = !std::exchange(signalled_, true);
  if (!begun_) {
    return begin(strsignal(number));
  }
  if (is_first) {  // an orchestrator stops what an operator drains
    return log::info("draining already", {{"signal", strsignal(number)}});
  }
  log::warn("stopping at once", {{"signal", strsignal(number)}});
  uv_timer_stop(delay_.get());
  steps_.stop();
  end_by_force_in(kStopGraceMs);
}

void Shutdown::begin(std::string_view cause) {
  begun_ = true;
  log::info(
      "draining",
      {{"signal", cause}, {"delay_ms", options_.delay_ms}, {"timeout_ms", options_.timeout_ms}});
  steps_.on_begin(options_.delay_ms + options_.timeout_ms);
  if (options_.delay_ms == 0) {
    return drain();
  }
  const auto end = [](uv_timer_t* timer) {
    log::info("accepting no more");
    static_cast<Shutdown*>(timer->data)->drain();
  };
  uv_timer_start(delay_.get(), end, options_.delay_ms, 0);
}

void Shutdown::drain() {
  steps_.drain();
  end_by_force_in(options_.timeout_ms + kDrainGraceMs);
}

// A worker that is stuck would hold the end up for good.
void Shutdown::end_by_force_in(uint64_t ms) {
  const auto end = [](uv_timer_t*) {
    log::error("ended by force: an event loop does not come round");
    log::end_background(kLogPatience);
    _exit(1);
  };
  uv_timer_start(force_.get(), end, ms, 0);
}

}  // namespace zerogate
