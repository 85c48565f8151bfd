#include "tests/simulation/zmq_bus.h"

#include <zmq.h>

#include <algorithm>
#include <utility>

#include "tests/simulation/descriptors.h"
#include "tests/simulation/fake_zmq_state.h"
#include "tests/simulation/world.h"

namespace zerogate::simulation {
namespace {

ZmqBus* the_bus = nullptr;
constexpr uint64_t kAgain = 100 * kMs;  ///< a client's libzmq tries again (ZMQ_RECONNECT_IVL)
constexpr int kTries = 20;

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
    socket->tell(ZMQ_EVENT_DISCONNECTED, 0);
  }
  if (tell_model) {
    const auto gone = std::exchange(hooks, {}).gone;
    gone();
  }
}

void ZmqBus::connect(const std::string& from, const std::string& to, const Accept& done) {
  const auto attempt = std::make_shared<std::function<void(int)>>();
  *attempt = [this, from, to, done, weak = std::weak_ptr(attempt)](int left) {
    const auto router = routers.find(to);
    const auto* port =
        router == routers.end() ? nullptr : descriptors().find(router->second->use_fd);
    if (port == nullptr || port->listening->holds_newcomers) {
      if (left > 0) {
        world().in(kAgain, [again = weak.lock(), left] { (*again)(left - 1); });
      } else {
        done(nullptr);
      }
      return;
    }
    const auto link = std::make_shared<ZmqLink>();
    link->socket = router->second;
    link->address = from;
    const uint32_t number = ++next_identity;
    link->identity.assign(1, '\0').append(reinterpret_cast<const char*>(&number), sizeof number);
    router->second->links.push_back(link);
    router->second->tell(ZMQ_EVENT_ACCEPTED, 1);
    done(link);
  };
  world().in(network().latency(), [attempt] { (*attempt)(kTries); });
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
