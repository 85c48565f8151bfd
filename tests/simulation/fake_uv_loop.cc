// The loop of the simulation's libuv: its phases in the order of 1.44. Everything that libuv leaves
// open is the seed's choice: which of the ready handles comes first, how much one read gives.
#include "tests/simulation/fake_uv_loop.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "tests/simulation/descriptors.h"
#include "tests/simulation/fake_uv.h"
#include "tests/simulation/world.h"

namespace zerogate::simulation {

LoopHooks loop_hooks;
Loop* the_loop = nullptr;

Handle& of(const void* uv) {
  void* state = static_cast<const uv_handle_t*>(uv)->u.reserved[0];
  return *static_cast<Handle*>(state);
}

std::vector<Handle*>& Loop::list_of(const Handle& handle) {
  switch (handle.uv->type) {
    case UV_TIMER:
      return timers;
    case UV_PREPARE:
    case UV_CHECK:
    case UV_IDLE:
      return phases;
    default:
      return polled;
  }
}

void end_write(Handle& handle, int status) {
  uv_write_t* write = std::exchange(handle.write, nullptr);
  handle.left = {};
  if (const size_t went_on = std::exchange(handle.went_on, 0);
      status != 0 && status != UV_ECANCELED) {
    handle.socket->count_broken_off(went_on);
  }
  reinterpret_cast<uv_stream_t*>(handle.uv)->write_queue_size = 0;
  handle.on_write(write, status);
}

namespace {

bool is_alive(const Handle& handle) {
  return handle.active || handle.reading || handle.connect != nullptr || handle.write != nullptr;
}

bool loop_is_alive() {
  const auto any = [](const std::vector<Handle*>& handles) {
    return std::ranges::any_of(handles,
                               [](Handle* handle) { return handle->ref && is_alive(*handle); });
  };
  return !the_loop->closing.empty() || any(the_loop->phases) || any(the_loop->polled) ||
         any(the_loop->timers);
}

constexpr uint64_t kTurn = 2 * kUs;  ///< that a turn takes, at the least

void update_time() { the_loop->time_ms = world().now() / kMs; }

void run_timers() {
  for (;;) {
    Handle* first = nullptr;
    for (Handle* handle : the_loop->timers) {
      if (handle->active && handle->due_ms <= the_loop->time_ms &&
          (first == nullptr || handle->due_ms < first->due_ms)) {
        first = handle;
      }
    }
    if (first == nullptr) {
      return;
    }
    first->active = false;
    first->on_timer(reinterpret_cast<uv_timer_t*>(first->uv));
  }
}

/// By the type that it has: to call it by another is undefined.
void call_phase(const Handle& handle) {
  switch (handle.uv->type) {
    case UV_PREPARE:
      return reinterpret_cast<uv_prepare_cb>(handle.on_phase)(
          reinterpret_cast<uv_prepare_t*>(handle.uv));
    case UV_CHECK:
      return reinterpret_cast<uv_check_cb>(handle.on_phase)(
          reinterpret_cast<uv_check_t*>(handle.uv));
    default:
      return reinterpret_cast<uv_idle_cb>(handle.on_phase)(reinterpret_cast<uv_idle_t*>(handle.uv));
  }
}

void run_phase(uv_handle_type type) {
  const std::vector<Handle*> handles = the_loop->phases;
  for (Handle* handle : handles) {
    if (handle->uv->type == type && handle->active && !handle->closing) {
      call_phase(*handle);
    }
  }
}

bool is_ready(const Handle& handle) {
  if (handle.closing) {
    return false;
  }
  switch (handle.uv->type) {
    case UV_ASYNC:
      return handle.sent;
    case UV_POLL:
      return handle.active && (handle.listening != nullptr ? !handle.listening->backlog.empty()
                                                           : loop_hooks.readable(handle.fd));
    case UV_TCP:
      return handle.connect_done || (handle.reading && handle.socket->readable()) ||
             (handle.write != nullptr && handle.socket->writable());
    default:
      return false;
  }
}

void go_on_writing(Handle& handle) {
  const long sent = handle.socket->write(handle.left);
  if (sent == -EAGAIN) {
    return;
  }
  if (sent < 0) {
    return end_write(handle, static_cast<int>(sent));
  }
  handle.left.remove_prefix(static_cast<size_t>(sent));
  handle.went_on += static_cast<size_t>(sent);
  reinterpret_cast<uv_stream_t*>(handle.uv)->write_queue_size = handle.left.size();
  if (handle.left.empty()) {
    end_write(handle, 0);
  }
}

void read_once(Handle& handle) {
  auto* stream = reinterpret_cast<uv_stream_t*>(handle.uv);
  uv_buf_t buffer{};
  handle.on_alloc(handle.uv, 64 << 10, &buffer);
  const long got = handle.socket->read(buffer.base, buffer.len);
  if (got == -EAGAIN) {
    return handle.on_read(stream, 0, &buffer);
  }
  if (got > 0) {
    return handle.on_read(stream, got, &buffer);
  }
  handle.reading = false;  // as libuv does, at the end and at an error
  handle.on_read(stream, got == 0 ? static_cast<ssize_t>(UV_EOF) : got, &buffer);
}

void serve(Handle& handle) {
  switch (handle.uv->type) {
    case UV_ASYNC:
      handle.sent = false;
      return handle.on_async(reinterpret_cast<uv_async_t*>(handle.uv));
    case UV_POLL:
      return handle.on_poll(reinterpret_cast<uv_poll_t*>(handle.uv), 0, UV_READABLE);
    default:
      break;
  }
  if (std::exchange(handle.connect_done, false)) {
    uv_connect_t* connect = std::exchange(handle.connect, nullptr);
    return handle.on_connect(connect, handle.connect_error);
  }
  if (handle.reading && handle.socket->readable()) {
    read_once(handle);
  }
  if (!handle.closing && handle.write != nullptr && handle.socket->writable()) {
    go_on_writing(handle);
  }
}

std::vector<Handle*> ready_handles() {
  std::vector<Handle*> ready;
  for (Handle* handle : the_loop->polled) {
    if (is_ready(*handle)) {
      ready.push_back(handle);
    }
  }
  return ready;
}

uint64_t next_timer_ms() {
  uint64_t next = UINT64_MAX;
  for (const Handle* handle : the_loop->timers) {
    if (handle->active) {
      next = std::min(next, handle->due_ms);
    }
  }
  return next;
}

bool may_sleep(uv_run_mode mode) {
  return mode == UV_RUN_DEFAULT && !the_loop->stop && the_loop->closing.empty() &&
         std::ranges::none_of(the_loop->phases, [](Handle* handle) {
           return handle->uv->type == UV_IDLE && handle->active;
         });
}

// The kernel has its turn: everything that has happened by now, and when the loop sleeps all up to
// the first thing that wakes it.
std::vector<Handle*> wait(bool sleep) {
  const uint64_t timer_ms = next_timer_ms();
  for (;;) {
    while (world().next() <= world().now()) {
      world().step();
    }
    std::vector<Handle*> ready = ready_handles();
    if (!ready.empty() || !sleep || timer_ms <= world().now() / kMs) {
      return ready;
    }
    const uint64_t wake_up = timer_ms == UINT64_MAX ? UINT64_MAX : timer_ms * kMs;
    if (world().next() == UINT64_MAX && wake_up == UINT64_MAX) {
      violated("the loop sleeps, and nothing will wake it");
    }
    if (world().next() <= wake_up) {
      world().step();
    } else {
      world().move_to(wake_up);
    }
  }
}

void poll(bool sleep) {
  std::vector<Handle*> ready = wait(sleep);
  world().pass(kTurn);
  update_time();
  for (size_t i = ready.size(); i > 1; --i) {
    std::swap(ready[i - 1], ready[world().random.below(i)]);
  }
  for (Handle* handle : ready) {
    loop_hooks.before_callback();
    if (is_ready(*handle)) {
      serve(*handle);
    }
  }
}

void run_closing() {
  for (Handle* handle : std::exchange(the_loop->closing, {})) {
    if (handle->connect != nullptr) {
      handle->on_connect(std::exchange(handle->connect, nullptr), UV_ECANCELED);
    }
    if (handle->write != nullptr) {
      end_write(*handle, UV_ECANCELED);
    }
    uv_handle_t* uv = handle->uv;
    std::erase(the_loop->list_of(*handle), handle);
    delete handle;
    if (uv->close_cb != nullptr) {
      uv->close_cb(uv);
    }
  }
}

}  // namespace
}  // namespace zerogate::simulation

using namespace zerogate::simulation;  // NOLINT: the functions below are libuv's

extern "C" {

uint64_t uv_hrtime(void) { return world().now(); }
uint64_t uv_now(const uv_loop_t*) { return the_loop->time_ms; }

int uv_loop_init(uv_loop_t* loop) {
  the_loop = new Loop;
  the_loop->uv = loop;
  update_time();
  return 0;
}
int uv_loop_close(uv_loop_t*) {
  if (!the_loop->empty()) {
    return UV_EBUSY;
  }
  delete std::exchange(the_loop, nullptr);
  return 0;
}
void uv_stop(uv_loop_t*) { the_loop->stop = true; }

int uv_run(uv_loop_t*, uv_run_mode mode) {
  if (!loop_is_alive()) {
    update_time();
  }
  while (loop_is_alive() && !the_loop->stop) {
    update_time();
    run_timers();
    run_phase(UV_IDLE);
    run_phase(UV_PREPARE);
    poll(may_sleep(mode));
    run_phase(UV_CHECK);
    run_closing();
    loop_hooks.after_turn();
    if (mode != UV_RUN_DEFAULT) {
      break;
    }
  }
  the_loop->stop = false;
  return loop_is_alive() ? 1 : 0;
}

}  // extern "C"
