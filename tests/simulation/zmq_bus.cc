#include "tests/simulation/zmq_bus.h"

#include <zmq.h>

#include <algorithm>
#include <utility>

#include "core/listener/zmq_connections.h"
#include "tests/simulation/descriptors.h"
#include "tests/simulation/fake_zmq_state.h"
#include "tests/simulation/world.h"

namespace zerogate::simulation {
namespace {

ZmqBus* the_bus = nullptr;

ZmqMessageFrames message_of(std::vector<std::string> frames) {
  ZmqMessageFrames message;
  for (std::string& frame : frames) {
    message.push_back(std::make_unique<ZmqFrame>(std::move(frame)));
  }
  return message;
}

}  // namespace

ZmqBus& zmq_bus() { return *the_bus; }
void set_zmq_bus(ZmqBus* bus) { the_bus = bus; }

ZmqBus::~ZmqBus() {
  if (!sockets.empty()) {
    violated("the worker has ended, and not all of its ZeroMQ sockets are closed");
  }
}

bool ZmqBus::readable(int fd) const {
  const ZmqSocketState* socket = by_fd[static_cast<size_t>(fd - kFirstFd)];
  return socket != nullptr && socket->signaled;
}

void ZmqLink::send(std::string body) {
  std::vector<std::string> frames;
  frames.push_back(std::move(body));
  send(std::move(frames));
}

void ZmqLink::send(std::vector<std::string> frames) {
  last_arrival_ = std::max(last_arrival_, world().now() + network().latency());
  world().at(last_arrival_, [self = shared_from_this(), frames = std::move(frames)]() mutable {
    if (self->alive_ && !self->vanished_) {
      self->push(message_of(std::move(frames)));
    }
  });
}

// libzmq signals only a reader that has found nothing: see ZMQ_FD in its manual.
void ZmqLink::push(ZmqMessageFrames message) {
  arrived += socket != nullptr ? 1 : 0;
  for (const ZmqFramePtr& frame : message) {
    frame->fd = fd;
    received += zmq_wire_bytes(frame->length(), true);
  }
  in.push_back(std::move(message));
  if (!active && socket != nullptr) {
    activated = true;
    socket->signaled = true;
  }
}

void ZmqLink::transmit() {
  if (std::exchange(transmitting_, true)) {
    return;
  }
  world().in(network().latency(), [self = shared_from_this()] {
    self->transmitting_ = false;
    if (!self->alive_ || self->vanished_ || self->paused_) {
      return;
    }
    while (self->alive_ && !self->paused_ && !self->out.empty()) {
      const ZmqMessageFrames message = std::move(self->out.front());
      self->out.pop_front();
      const std::string body(message.back()->bytes(), message.back()->length());
      self->written += zmq_wire_bytes(body.size(), true);
      const auto hook = self->hooks.message;
      hook(body);
    }
  });
}

void ZmqLink::set_paused(bool paused) {
  paused_ = paused;
  if (!paused && !out.empty()) {
    transmit();
  }
}

void ZmqLink::send_beginning(size_t bytes) {
  world().in(network().latency(), [self = shared_from_this(), bytes] {
    self->received += self->alive_ && !self->vanished_ ? bytes : 0;
  });
}

void ZmqLink::shut_down() {
  world().in(network().latency(), [self = shared_from_this()] { self->end(true); });
}

void ZmqLink::close() {
  hooks = {};
  if (!vanished_) {
    world().in(network().latency(), [self = shared_from_this()] { self->end(false); });
  }
}

void ZmqLink::vanish() {
  vanished_ = true;
  world().in(watch_after, [self = shared_from_this()] {
    self->vanished_ = false;
    self->end(false);
  });
}

void ZmqLink::end(bool tell_model) {
  if (!std::exchange(alive_, false)) {
    return;
  }
  out.clear();
  if (socket != nullptr) {
    if (std::exchange(shaking, false)) {
      socket->tell(ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, failure);
    }
    socket->tell(ZMQ_EVENT_DISCONNECTED, fd);
  }
  if (fd >= 0) {
    descriptors().close(std::exchange(fd, -1));
  }
  if (tell_model) {
    const auto gone = std::exchange(hooks, {}).gone;
    gone();
  }
}

void ZmqBus::dial(const ZmqLinkPtr& link, const std::string& to) {
  world().in(2 * network().latency(), [this, link, to] {
    if (!link->alive_ || network().vanished(to)) {
      return;
    }
    const auto server = servers_.find(to);
    if (server == servers_.end()) {
      link->alive_ = false;
      if (link->socket != nullptr) {
        link->socket->tell(ZMQ_EVENT_CLOSED, 0);
      }
      return;
    }
    link->paused_ = false;
    server->second(link);
    if (!link->out.empty()) {
      link->transmit();
    }
  });
}

}  // namespace zerogate::simulation
