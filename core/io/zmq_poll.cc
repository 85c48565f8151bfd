#include "core/io/zmq_poll.h"

#include <zmq.h>

#include <utility>

namespace zerogate {

std::unique_ptr<ZmqPoll> ZmqPoll::make(uv_loop_t* loop, void* socket, ZmqReader& reader) {
  std::unique_ptr<ZmqPoll> poll(new ZmqPoll(loop, socket, reader));
  return poll->start(loop) ? std::move(poll) : nullptr;
}

bool ZmqPoll::start(uv_loop_t* loop) {
  int fd = -1;
  size_t size = sizeof fd;
  if (zmq_getsockopt(socket_, ZMQ_FD, &fd, &size) != 0) {
    return false;
  }
  auto handle = std::make_unique<uv_poll_t>();
  if (uv_poll_init(loop, handle.get(), fd) != 0) {
    return false;  // libuv knows nothing of the handle then
  }
  handle->data = this;
  poll_.reset(handle.release());
  const int error = uv_poll_start(poll_.get(), UV_READABLE, [](uv_poll_t* poll, int, int) {
    auto* self = static_cast<ZmqPoll*>(poll->data);
    self->spent_ = !self->read();
  });
  if (error != 0) {
    return false;
  }
  recheck();  // what came before this descriptor was watched
  return true;
}

bool ZmqPoll::read() {
  const bool empty = reader_.receive();
  if (empty) {
    uv_idle_stop(again_.get());
  } else {
    read_again();
  }
  return empty;
}

// libuv runs idle callbacks before the next poll, so in the turn of the last one.
void ZmqPoll::read_again() {
  uv_idle_start(again_.get(), [](uv_idle_t* idle) {
    auto* self = static_cast<ZmqPoll*>(idle->data);
    if (!std::exchange(self->spent_, false)) {
      self->read();
    }
  });
}

void ZmqPoll::recheck() {
  if (has_input()) {
    read_again();
  }
}

bool ZmqPoll::has_input() const {
  int events = 0;
  size_t size = sizeof events;
  zmq_getsockopt(socket_, ZMQ_EVENTS, &events, &size);
  return (events & ZMQ_POLLIN) != 0;
}

}  // namespace zerogate
