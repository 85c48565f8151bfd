// Owns libuv handles: the rule "close, then free in the callback" is written here once.
#pragma once

#include <uv.h>

#include <memory>

namespace zerogate {

/// A TCP or Unix stream handle.
union UvStream {
  uv_handle_t handle;
  uv_stream_t stream;
  uv_tcp_t tcp;
  uv_pipe_t pipe;
};

/// Closes a handle and frees its memory in the close callback, as libuv demands. The loop must run
/// at least once after the last handle is destroyed; EventLoop::close() does. Loop thread only.
template <class Handle>
struct UvCloser {
  void operator()(Handle* handle) const {
    uv_close(reinterpret_cast<uv_handle_t*>(handle),
             [](uv_handle_t* closed) { delete reinterpret_cast<Handle*>(closed); });
  }
};

/// Owns one initialised libuv handle. Once it is destroyed no callback of the handle runs again.
/// Not for streams with writes under way: their callbacks still come (see TcpStream).
template <class Handle>
using UvPtr = std::unique_ptr<Handle, UvCloser<Handle>>;

/// Allocates a handle, initialises it with `init(loop, handle)` and sets its `data`.
/// Only for initialisers that cannot fail: timer, prepare, check and idle; async and signal, where
/// there are few of them and all are made at start-up.
template <class Handle, class Init>
UvPtr<Handle> make_uv(uv_loop_t* loop, Init init, void* data) {
  auto* handle = new Handle;
  init(loop, handle);
  handle->data = data;
  return UvPtr<Handle>(handle);
}

}  // namespace zerogate
