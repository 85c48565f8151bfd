// libzmq's functions for the simulation: ROUTER, DEALER and the PAIR of a socket's events, message
// by message. Its descriptor is as hard to live with as the real one: it tells of a message only to
// a reader that has found nothing, and any call may take its signal away.
//
// What is not here is not called: `tests/simulation/run` looks for functions of libzmq that the
// program still imports.
#include <zmq.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "tests/simulation/descriptors.h"
#include "tests/simulation/fake_zmq_state.h"
#include "tests/simulation/world.h"

namespace zerogate::simulation {
namespace {

int last_error = 0;

int fail(int error) {
  last_error = error;
  return -1;
}

ZmqSocketState& of(void* socket) { return *static_cast<ZmqSocketState*>(socket); }

/// A message of libzmq's holds one pointer of ours.
ZmqFrame*& frame_of(zmq_msg_t* message) { return *reinterpret_cast<ZmqFrame**>(message); }

void put_into(zmq_msg_t* message, ZmqFramePtr frame) {
  delete frame_of(message);
  frame_of(message) = frame.release();
}

bool take_next(ZmqSocketState& socket);

ZmqMessageFrames event_message(int event, int value) {
  const auto number = static_cast<uint16_t>(event);
  std::string bytes(reinterpret_cast<const char*>(&number), sizeof number);
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  ZmqMessageFrames message;
  message.push_back(std::make_unique<ZmqFrame>(std::move(bytes)));
  message.push_back(std::make_unique<ZmqFrame>("tcp://peer"));
  return message;
}

// Reads on from the link behind the last one that had something. One that has nothing falls asleep,
// and its next message will be signaled.
bool take_active(ZmqSocketState& socket) {
  for (size_t left = socket.links.size(); left > 0; --left) {
    socket.turn = (socket.turn + 1) % socket.links.size();
    const ZmqLinkPtr link = socket.links[socket.turn];
    if (!link->active) {
      continue;
    }
    if (link->in.empty()) {
      link->active = false;
      continue;
    }
    ZmqMessageFrames message = std::move(link->in.front());
    link->in.pop_front();
    if (socket.type == ZMQ_ROUTER) {
      socket.reading.push_back(std::make_unique<ZmqFrame>(link->identity));
      for (const ZmqFramePtr& frame : message) {
        frame->from = link;
        zmq_bus().traffic.received += frame->length();
      }
    }
    for (ZmqFramePtr& frame : message) {
      socket.reading.push_back(std::move(frame));
    }
    for (size_t i = 0; i + 1 < socket.reading.size(); ++i) {
      socket.reading[i]->more = true;
    }
    return true;
  }
  return false;
}

bool take_next(ZmqSocketState& socket) {
  if (!socket.reading.empty() || take_active(socket)) {
    return true;
  }
  socket.process_commands();
  return take_active(socket);
}

int send_frame(ZmqSocketState& socket, ZmqFramePtr frame, bool more) {
  if (world().chance(2)) {
    socket.process_commands();  // as libzmq does, unless it has just done so
  }
  if (socket.writing.empty() && socket.addressee == nullptr) {
    const auto place = std::ranges::find_if(socket.links, [&](const ZmqLinkPtr& link) {
      return link->alive() && (socket.type != ZMQ_ROUTER ||
                               link->identity == std::string_view(frame->bytes(), frame->length()));
    });
    if (place == socket.links.end()) {
      return fail(socket.type == ZMQ_ROUTER ? EHOSTUNREACH : EAGAIN);
    }
    if ((*place)->out.size() >= socket.send_limit) {
      return fail(EAGAIN);
    }
    socket.addressee = *place;
    if (socket.type == ZMQ_ROUTER) {
      return static_cast<int>(frame->length());
    }
  }
  const int size = static_cast<int>(frame->length());
  socket.writing.push_back(std::move(frame));
  if (!more) {
    const ZmqLinkPtr link = std::exchange(socket.addressee, nullptr);
    ZmqMessageFrames message = std::exchange(socket.writing, {});
    if (socket.type == ZMQ_REP) {
      zmq_bus().on_verdict(message);
    } else if (link->alive()) {
      for (const ZmqFramePtr& part : message) {
        zmq_bus().traffic.sent += socket.type == ZMQ_ROUTER ? part->length() : 0;
      }
      link->out.push_back(std::move(message));
      link->transmit();
    }
  }
  return size;
}

}  // namespace

void ZmqSocketState::process_commands() {
  signaled = false;
  for (const ZmqLinkPtr& link : links) {
    if (std::exchange(link->activated, false)) {
      link->active = true;
    }
  }
  // What has gone and was read is forgotten.
  std::erase_if(links, [](const ZmqLinkPtr& link) { return !link->alive() && link->in.empty(); });
}

bool ZmqSocketState::has_input() {
  process_commands();
  return std::ranges::any_of(links, [](const ZmqLinkPtr& link) {
    link->active = link->active && !link->in.empty();
    return link->active;
  });
}

void ZmqSocketState::tell(int event, int value) {
  if ((monitored & event) != 0 && listener != nullptr) {
    listener->links.front()->push(event_message(event, value));
  }
}

}  // namespace zerogate::simulation

using namespace zerogate::simulation;  // NOLINT: the functions below are libzmq's

extern "C" {

int zmq_errno(void) { return last_error; }

void* zmq_ctx_new(void) { return new int(0); }
int zmq_ctx_term(void* context) {
  zmq_bus().linger();
  delete static_cast<int*>(context);
  return 0;
}
int zmq_ctx_set(void*, int, int) { return 0; }
int zmq_ctx_get(void*, int) { return 65'535; }

void* zmq_socket(void*, int type) {
  auto* socket = new ZmqSocketState;
  socket->type = type;
  socket->fd = ZmqBus::kFirstFd + static_cast<int>(zmq_bus().by_fd.size());
  zmq_bus().by_fd.push_back(socket);
  zmq_bus().sockets.push_back(socket);
  return socket;
}

int zmq_close(void* raw) {
  ZmqSocketState& socket = of(raw);
  for (const ZmqLinkPtr& link : socket.links) {
    link->socket = nullptr;
    if (link->alive() && socket.linger != 0) {
      link->transmit();
      world().in(static_cast<uint64_t>(socket.linger) * kMs, [link] { link->end(true); });
      zmq_bus().lingering.push_back(link);
      zmq_bus().lingers_until = world().now() + static_cast<uint64_t>(socket.linger) * kMs;
    } else {
      world().in(network().latency(), [link] { link->end(true); });
    }
  }
  for (ZmqSocketState* other : zmq_bus().sockets) {
    other->listener = other->listener == &socket ? nullptr : other->listener;
  }
  std::erase_if(zmq_bus().routers, [&](const auto& entry) { return entry.second == &socket; });
  std::erase(zmq_bus().sockets, &socket);
  if (zmq_bus().zap == &socket) {
    zmq_bus().zap = nullptr;
  }
  zmq_bus().by_fd[static_cast<size_t>(socket.fd - ZmqBus::kFirstFd)] = nullptr;
  if (socket.use_fd >= 0) {
    descriptors().close(socket.use_fd);
  }
  delete &socket;
  return 0;
}

int zmq_setsockopt(void* raw, int option, const void* value, size_t size) {
  ZmqSocketState& socket = of(raw);
  int number = 0;
  std::memcpy(&number, value, std::min(size, sizeof number));
  if (option == ZMQ_USE_FD) {
    socket.use_fd = number;
  } else if (option == ZMQ_LINGER) {
    socket.linger = number;
  } else if (option == ZMQ_SNDHWM) {
    socket.send_limit = number == 0 ? SIZE_MAX : static_cast<size_t>(number);
  }
  return 0;
}

int zmq_getsockopt(void* raw, int option, void* value, size_t*) {
  ZmqSocketState& socket = of(raw);
  int number = socket.fd;
  if (option == ZMQ_EVENTS) {
    number = ZMQ_POLLOUT | (socket.reading.empty() && !socket.has_input() ? 0 : ZMQ_POLLIN);
  }
  std::memcpy(value, &number, sizeof number);
  return 0;
}

int zmq_bind(void* raw, const char* endpoint) {
  if (std::string_view(endpoint) == "inproc://zeromq.zap.01") {
    zmq_bus().zap = &of(raw);
    const auto link = std::make_shared<ZmqLink>();
    link->socket = &of(raw);
    of(raw).links.push_back(link);
    return 0;
  }
  zmq_bus().routers[std::string(endpoint).substr(std::strlen("tcp://"))] = &of(raw);
  return 0;
}

int zmq_connect(void* raw, const char* endpoint) {
  ZmqSocketState& socket = of(raw);
  const std::string to = endpoint;
  const auto link = std::make_shared<ZmqLink>();
  link->socket = &socket;
  socket.links.push_back(link);
  if (to.starts_with("tcp://")) {
    link->set_paused(true);  // until it is connected
    link->watch_after = 8 * kSecond;
    zmq_bus().dial(link, to.substr(std::strlen("tcp://")));
    return 0;
  }
  for (ZmqSocketState* monitored : zmq_bus().sockets) {
    if (monitored->monitor == to) {
      monitored->listener = &socket;
    }
  }
  return 0;
}

int zmq_socket_monitor(void* raw, const char* endpoint, int events) {
  ZmqSocketState& socket = of(raw);
  socket.monitor = endpoint != nullptr ? endpoint : "";
  socket.monitored = endpoint != nullptr ? events : 0;
  return 0;
}

int zmq_msg_init(zmq_msg_t* message) {
  frame_of(message) = nullptr;
  return 0;
}
int zmq_msg_init_size(zmq_msg_t* message, size_t size) {
  frame_of(message) = new ZmqFrame(std::string(size, '\0'));
  return 0;
}
int zmq_msg_init_data(zmq_msg_t* message, void* data, size_t size, zmq_free_fn* release,
                      void* hint) {
  auto* frame = new ZmqFrame;
  frame->data = data;
  frame->size = size;
  frame->release = release;
  frame->hint = hint;
  frame_of(message) = frame;
  return 0;
}
int zmq_msg_close(zmq_msg_t* message) {
  delete std::exchange(frame_of(message), nullptr);
  return 0;
}
void* zmq_msg_data(zmq_msg_t* message) {
  static char nothing = 0;
  return frame_of(message) != nullptr ? frame_of(message)->bytes() : &nothing;
}
size_t zmq_msg_size(const zmq_msg_t* message) {
  ZmqFrame* frame = frame_of(const_cast<zmq_msg_t*>(message));
  return frame != nullptr ? frame->length() : 0;
}
int zmq_msg_more(const zmq_msg_t* message) {
  const ZmqFrame* frame = frame_of(const_cast<zmq_msg_t*>(message));
  return frame != nullptr && frame->more ? 1 : 0;
}
int zmq_msg_get(const zmq_msg_t* message, int) {  // ZMQ_SRCFD
  return frame_of(const_cast<zmq_msg_t*>(message))->fd;
}
const char* zmq_msg_gets(const zmq_msg_t* message, const char* name) {
  const auto& link = frame_of(const_cast<zmq_msg_t*>(message))->from;
  if (link == nullptr) {
    return nullptr;  // an identity's, as in libzmq 4.3.4: see ZmqListener::frame_
  }
  return std::string_view(name) == "User-Id" ? link->user.c_str() : link->address.c_str();
}

int zmq_msg_recv(zmq_msg_t* message, void* raw, int) {
  ZmqSocketState& socket = of(raw);
  if (!take_next(socket)) {
    return fail(EAGAIN);
  }
  put_into(message, std::move(socket.reading.front()));
  socket.reading.pop_front();
  return static_cast<int>(zmq_msg_size(message));
}

int zmq_msg_send(zmq_msg_t* message, void* raw, int flags) {
  ZmqFramePtr frame(std::exchange(frame_of(message), nullptr));
  const int sent = send_frame(of(raw), std::move(frame), (flags & ZMQ_SNDMORE) != 0);
  return sent;
}

int zmq_send(void* raw, const void* data, size_t size, int flags) {
  auto frame = std::make_unique<ZmqFrame>(std::string(static_cast<const char*>(data), size));
  return send_frame(of(raw), std::move(frame), (flags & ZMQ_SNDMORE) != 0);
}

}  // extern "C"
