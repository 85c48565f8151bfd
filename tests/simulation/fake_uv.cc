// libuv's functions for the simulation, over a simulated kernel and a clock that stands still
// between events; the loop is fake_uv_loop.cc's.
//
// What is not here is not called: `tests/simulation/run` looks for functions of libuv that the
// program still imports.
#include <uv.h>

#include <algorithm>
#include <string>
#include <utility>

#include "tests/simulation/descriptors.h"
#include "tests/simulation/fake_uv_loop.h"
#include "tests/simulation/network.h"
#include "tests/simulation/world.h"

namespace zerogate::simulation {
namespace {

template <class UvHandle>
Handle& make(uv_loop_t* loop, UvHandle* uv, uv_handle_type type) {
  auto* handle = new Handle;
  handle->uv = reinterpret_cast<uv_handle_t*>(uv);
  handle->number = ++the_loop->made;
  uv->loop = loop;
  uv->type = type;
  uv->u.reserved[0] = handle;
  the_loop->list_of(*handle).push_back(handle);
  return *handle;
}

bool is_stream(const Handle& handle) { return handle.uv->type == UV_TCP; }

template <class UvHandle, class Callback>
int start_phase(UvHandle* uv, Callback callback) {
  Handle& handle = of(uv);
  handle.active = true;
  handle.on_phase = reinterpret_cast<void (*)(uv_handle_t*)>(callback);
  return 0;
}

std::string text_of(const sockaddr* address) {
  char text[INET6_ADDRSTRLEN] = {};
  const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
  uv_ip4_name(v4, text, sizeof text);
  return std::string(text) + ":" + std::to_string(ntohs(v4->sin_port));
}

int name_of(const std::string& address, sockaddr* name, int* size) {
  const size_t colon = address.rfind(':');
  auto* v4 = reinterpret_cast<sockaddr_in*>(name);
  *size = sizeof *v4;
  return uv_ip4_addr(address.substr(0, colon).c_str(), std::stoi(address.substr(colon + 1)), v4);
}

}  // namespace
}  // namespace zerogate::simulation

using namespace zerogate::simulation;  // NOLINT: the functions below are libuv's

extern "C" {

void uv_close(uv_handle_t* uv, uv_close_cb callback) {
  Handle& handle = of(uv);
  if (handle.closing) {
    violated("a handle was closed twice");
  }
  handle.closing = true;
  handle.active = handle.reading = handle.connect_done = false;
  uv->close_cb = callback;
  if (is_stream(handle) && handle.fd >= 0) {
    descriptors().close(handle.fd);
  }
  the_loop->closing.push_back(&handle);
}
void uv_ref(uv_handle_t* uv) { of(uv).ref = true; }
void uv_unref(uv_handle_t* uv) { of(uv).ref = false; }
int uv_fileno(const uv_handle_t* uv, uv_os_fd_t* fd) {
  const Handle& handle = of(uv);
  if (handle.fd < 0 || handle.closing) {
    return UV_EBADF;
  }
  *fd = handle.fd;
  return 0;
}

int uv_timer_init(uv_loop_t* loop, uv_timer_t* timer) {
  make(loop, timer, UV_TIMER);
  return 0;
}
int uv_timer_start(uv_timer_t* timer, uv_timer_cb callback, uint64_t timeout, uint64_t) {
  Handle& handle = of(timer);
  handle.on_timer = callback;
  handle.due_ms = the_loop->time_ms + timeout;
  handle.active = true;
  return 0;
}
int uv_timer_stop(uv_timer_t* timer) {
  of(timer).active = false;
  return 0;
}

int uv_prepare_init(uv_loop_t* loop, uv_prepare_t* prepare) {
  make(loop, prepare, UV_PREPARE).ref = true;
  return 0;
}
int uv_prepare_start(uv_prepare_t* prepare, uv_prepare_cb callback) {
  return start_phase(prepare, callback);
}
int uv_check_init(uv_loop_t* loop, uv_check_t* check) {
  make(loop, check, UV_CHECK);
  return 0;
}
int uv_check_start(uv_check_t* check, uv_check_cb callback) { return start_phase(check, callback); }
int uv_check_stop(uv_check_t* check) {
  of(check).active = false;
  return 0;
}
int uv_idle_init(uv_loop_t* loop, uv_idle_t* idle) {
  make(loop, idle, UV_IDLE);
  return 0;
}
int uv_idle_start(uv_idle_t* idle, uv_idle_cb callback) { return start_phase(idle, callback); }
int uv_idle_stop(uv_idle_t* idle) {
  of(idle).active = false;
  return 0;
}

int uv_async_init(uv_loop_t* loop, uv_async_t* async, uv_async_cb callback) {
  Handle& handle = make(loop, async, UV_ASYNC);
  handle.on_async = callback;
  handle.active = true;
  return 0;
}
int uv_async_send(uv_async_t* async) {
  of(async).sent = true;
  return 0;
}

int uv_poll_init(uv_loop_t* loop, uv_poll_t* poll, int fd) {
  Handle& handle = make(loop, poll, UV_POLL);
  handle.fd = fd;
  if (const Descriptors::Entry* entry = descriptors().find(fd)) {
    handle.listening = entry->listening;
  }
  return 0;
}
int uv_poll_start(uv_poll_t* poll, int, uv_poll_cb callback) {
  Handle& handle = of(poll);
  handle.on_poll = callback;
  handle.active = true;
  return 0;
}
int uv_poll_stop(uv_poll_t* poll) {
  of(poll).active = false;
  return 0;
}

int uv_tcp_init(uv_loop_t* loop, uv_tcp_t* tcp) {
  make(loop, tcp, UV_TCP);
  tcp->write_queue_size = 0;
  return 0;
}
int uv_tcp_open(uv_tcp_t* tcp, uv_os_sock_t fd) {
  Handle& handle = of(tcp);
  const Descriptors::Entry* entry = descriptors().find(fd);
  handle.fd = fd;
  handle.socket = entry->socket;
  return 0;
}
int uv_tcp_nodelay(uv_tcp_t*, int) { return 0; }
int uv_tcp_getsockname(const uv_tcp_t* tcp, sockaddr* name, int* size) {
  const Handle& handle = of(tcp);
  return handle.socket == nullptr ? UV_ENOTCONN : name_of(handle.socket->own_address, name, size);
}
int uv_tcp_getpeername(const uv_tcp_t* tcp, sockaddr* name, int* size) {
  const Handle& handle = of(tcp);
  return handle.socket == nullptr || handle.socket->broken()
             ? UV_ENOTCONN
             : name_of(handle.socket->peer_address, name, size);
}
int uv_tcp_connect(uv_connect_t* connect, uv_tcp_t* tcp, const sockaddr* address,
                   uv_connect_cb callback) {
  Handle& handle = of(tcp);
  const int fd = descriptors().open({.socket = nullptr, .listening = nullptr, .address = {}});
  if (fd < 0) {
    return fd;
  }
  handle.fd = fd;
  handle.connect = connect;
  handle.on_connect = callback;
  connect->handle = reinterpret_cast<uv_stream_t*>(tcp);
  const std::string own = "10.9.0.1:" + std::to_string(20'000 + handle.number % 40'000);
  network().connect(own, text_of(address), [number = handle.number](SocketPtr socket, int error) {
    const auto found = std::ranges::find_if(
        the_loop->polled, [&](Handle* h) { return h->number == number && !h->closing; });
    if (found == the_loop->polled.end()) {
      if (socket != nullptr) {
        socket->close();
      }
      return;
    }
    (*found)->connect_done = true;
    (*found)->connect_error = error;
    (*found)->socket = socket;
    descriptors().find((*found)->fd)->socket = socket;
  });
  return 0;
}

int uv_read_start(uv_stream_t* stream, uv_alloc_cb alloc, uv_read_cb read) {
  Handle& handle = of(stream);
  if (handle.closing || handle.socket == nullptr) {
    return UV_ENOTCONN;
  }
  handle.reading = true;
  handle.on_alloc = alloc;
  handle.on_read = read;
  return 0;
}
int uv_read_stop(uv_stream_t* stream) {
  of(stream).reading = false;
  return 0;
}
int uv_write(uv_write_t* write, uv_stream_t* stream, const uv_buf_t buffers[], unsigned,
             uv_write_cb callback) {
  Handle& handle = of(stream);
  if (handle.write != nullptr) {
    violated("two writes wait in one stream");
  }
  write->handle = stream;
  handle.write = write;
  handle.on_write = callback;
  handle.left = {buffers[0].base, buffers[0].len};
  stream->write_queue_size = handle.left.size();
  return 0;
}
size_t uv_stream_get_write_queue_size(const uv_stream_t* stream) {
  return stream->write_queue_size;
}

int uv_pipe_init(uv_loop_t*, uv_pipe_t*, int) { return UV_ENOTSUP; }
int uv_pipe_open(uv_pipe_t*, uv_file) { return UV_ENOTSUP; }
void uv_pipe_connect(uv_connect_t*, uv_pipe_t*, const char*, uv_connect_cb) {}

}  // extern "C"
