#include "core/io/zmq_poll.h"

#include <zmq.h>

namespace zerogate {

ZmqPoll::ZmqPoll(uv_loop_t* loop, void* socket, ZmqReader& reader)
    : socket_(socket), reader_(reader), again_(make_uv<uv_idle_t>(loop, uv_idle_init, this)) {
  int fd = -1;
  size_t size = sizeof fd;
  zmq_getsockopt(socket, ZMQ_FD, &fd, &size);
  const auto init = [fd](uv_loop_t* l, uv_poll_t* handle) { uv_poll_init(l, handle, fd); };
  poll_ = make_uv<uv_poll_t>(loop, init, this);
  uv_poll_start(poll_.get(), UV_READABLE,
                [](uv_poll_t* handle, int, int) { static_cast<ZmqPoll*>(handle->data)->read(); });
  recheck();  // what came before this descriptor was watched
}

void ZmqPoll::read() {
  if (reader_.receive()) {
    uv_idle_stop(again_.get());
  } else {
    uv_idle_start(again_.get(), [](uv_idle_t* h) { static_cast<ZmqPoll*>(h->data)->read(); });
  }
}

void ZmqPoll::recheck() {
  int events = 0;
  size_t size = sizeof events;
  zmq_getsockopt(socket_, ZMQ_EVENTS, &events, &size);
  if ((events & ZMQ_POLLIN) != 0) {
    uv_idle_start(again_.get(), [](uv_idle_t* h) { static_cast<ZmqPoll*>(h->data)->read(); });
  }
}

}  // namespace zerogate
