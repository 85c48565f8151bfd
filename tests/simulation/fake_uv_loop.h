// The inside of the simulation's libuv: its handles and its loop.
#pragma once

#include <uv.h>

#include <memory>
#include <string_view>
#include <vector>

#include "tests/simulation/network.h"

namespace zerogate::simulation {

/// What the simulation keeps for one of libuv's handles. Freed by the loop when it has closed.
struct Handle {
  uv_handle_t* uv = nullptr;
  bool active = false;
  bool ref = true;
  bool closing = false;
  uint64_t number = 0;

  // Timers.
  uint64_t due_ms = 0;
  uv_timer_cb on_timer = nullptr;
  // Prepare, check and idle.
  void (*on_phase)(uv_handle_t*) = nullptr;
  // Async.
  bool sent = false;
  uv_async_cb on_async = nullptr;
  // Poll.
  int fd = -1;
  std::shared_ptr<Listening> listening;  ///< null: the descriptor is none of the network's
  uv_poll_cb on_poll = nullptr;
  // Streams; also fd.
  SocketPtr socket;
  bool reading = false;
  uv_alloc_cb on_alloc = nullptr;
  uv_read_cb on_read = nullptr;
  uv_connect_t* connect = nullptr;
  uv_connect_cb on_connect = nullptr;
  bool connect_done = false;
  int connect_error = 0;
  uv_write_t* write = nullptr;
  uv_write_cb on_write = nullptr;
  std::string_view left;  ///< of the write; its owner keeps the bytes
  size_t went_on = 0;     ///< of the write, bytes that have left since it waits
};

/// There is one at a time.
struct Loop {
  uv_loop_t* uv = nullptr;
  uint64_t time_ms = 0;
  bool stop = false;
  uint64_t made = 0;
  std::vector<Handle*> timers;
  std::vector<Handle*> phases;  ///< prepare, check and idle
  std::vector<Handle*> polled;  ///< all others
  std::vector<Handle*> closing;

  std::vector<Handle*>& list_of(const Handle& handle);
  bool empty() const { return timers.empty() && phases.empty() && polled.empty(); }
};

extern Loop* the_loop;

/// Of an initialised handle of libuv's.
Handle& of(const void* uv);

/// A write has ended: forgets it and calls back.
void end_write(Handle& handle, int status);

}  // namespace zerogate::simulation
