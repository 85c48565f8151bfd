#include "core/io/zmq_monitor.h"

#include <fmt/format.h>

#include <cstdint>
#include <cstring>
#include <utility>

namespace zerogate {

namespace {

constexpr int kEventsPerTurn = 1'000;

}  // namespace

std::unique_ptr<ZmqMonitor> ZmqMonitor::make(uv_loop_t* loop, void* context, void* socket,
                                             int events, Hooks hooks) {
  std::unique_ptr<ZmqMonitor> monitor(new ZmqMonitor(socket, std::move(hooks)));
  return monitor->start(loop, context, events) ? std::move(monitor) : nullptr;
}

bool ZmqMonitor::start(uv_loop_t* loop, void* context, int events) {
  const std::string endpoint = fmt::format("inproc://monitor-{}", fmt::ptr(monitored_));
  if (zmq_socket_monitor(monitored_, endpoint.c_str(), events) != 0) {
    return false;
  }
  events_.reset(zmq_socket(context, ZMQ_PAIR));
  if (events_ == nullptr) {
    return false;
  }
  set_option(events_, ZMQ_LINGER, 0);
  // libzmq's I/O thread sends events with a blocking call: a queue that can fill up would stop it.
  // What is in it is bounded by the connections that come and go between two turns of the loop.
  set_option(events_, ZMQ_RCVHWM, 0);
  if (zmq_connect(events_.get(), endpoint.c_str()) != 0) {
    return false;
  }
  poll_ = ZmqPoll::make(loop, events_.get(), *this);
  return poll_ != nullptr;
}

ZmqMonitor::~ZmqMonitor() { zmq_socket_monitor(monitored_, nullptr, 0); }

// An event is two frames: number and value (16 and 32 bits, packed), then the endpoint.
bool ZmqMonitor::receive() {
  int budget = kEventsPerTurn;
  for (; budget > 0; --budget) {
    ZmqMessage event, endpoint;
    if (zmq_msg_recv(event.get(), events_.get(), ZMQ_DONTWAIT) < 0) {
      break;
    }
    if (event.more()) {
      zmq_msg_recv(endpoint.get(), events_.get(), ZMQ_DONTWAIT);
    }
    on_message(event.view());
  }
  if (budget < kEventsPerTurn) {
    hooks_.on_batch();
  }
  return budget > 0;
}

void ZmqMonitor::catch_up() {
  while (!receive()) {
  }
}

void ZmqMonitor::on_message(ByteView event) {
  uint16_t number = 0;
  int32_t value = 0;
  if (event.size() < sizeof number + sizeof value) {
    return;
  }
  std::memcpy(&number, event.data(), sizeof number);
  std::memcpy(&value, event.data() + sizeof number, sizeof value);
  hooks_.on_event(number, value);
}

}  // namespace zerogate
