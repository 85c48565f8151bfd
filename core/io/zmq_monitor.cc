#include "core/io/zmq_monitor.h"

#include <fmt/format.h>

#include <cstring>
#include <utility>

namespace zerogate {

namespace {

constexpr int kEvents = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_ACCEPT_FAILED | ZMQ_EVENT_DISCONNECTED |
                        ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                        ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
constexpr int kEventsPerTurn = 1'000;

ZmqSocket open_events(void* context, void* monitored) {
  const std::string endpoint = fmt::format("inproc://monitor-{}", fmt::ptr(monitored));
  zmq_socket_monitor(monitored, endpoint.c_str(), kEvents);
  ZmqSocket events(zmq_socket(context, ZMQ_PAIR));
  set_option(events, ZMQ_LINGER, 0);
  // libzmq's I/O thread sends events with a blocking call: a queue that can fill up would stop it.
  // What is in it is bounded by the connections that come and go between two turns of the loop.
  set_option(events, ZMQ_RCVHWM, 0);
  zmq_connect(events.get(), endpoint.c_str());
  return events;
}

}  // namespace

ZmqMonitor::ZmqMonitor(uv_loop_t* loop, void* context, void* socket, ListenerMetrics& metrics,
                       std::function<void()> on_change)
    : monitored_(socket),
      metrics_(metrics),
      on_change_(std::move(on_change)),
      events_(open_events(context, socket)),
      poll_(loop, events_.get(), *this) {}

ZmqMonitor::~ZmqMonitor() { zmq_socket_monitor(monitored_, nullptr, 0); }

// An event is two frames: number and value (16 and 32 bits, packed), then the endpoint.
bool ZmqMonitor::receive() {
  for (int budget = kEventsPerTurn; budget > 0; --budget) {
    ZmqMessage event, endpoint;
    if (zmq_msg_recv(event.get(), events_.get(), ZMQ_DONTWAIT) < 0) {
      on_change_();
      return true;
    }
    if (event.more()) {
      zmq_msg_recv(endpoint.get(), events_.get(), ZMQ_DONTWAIT);
    }
    uint16_t number = 0;
    if (event.view().size() >= sizeof number) {
      std::memcpy(&number, event.view().data(), sizeof number);
    }
    on_event(number);
  }
  on_change_();
  return false;
}

void ZmqMonitor::on_event(uint16_t event) {
  switch (event) {
    case ZMQ_EVENT_ACCEPTED:
      metrics_.accepted.add();
      metrics_.connections.add();
      break;
    case ZMQ_EVENT_DISCONNECTED:  // also follows a failed handshake
      if (metrics_.connections.value() > 0) {
        metrics_.connections.sub();
      }
      break;
    case ZMQ_EVENT_ACCEPT_FAILED:
      metrics_.count(Rejected::descriptors);
      break;
    default:
      metrics_.count(Malformed::bad_handshake);
      break;
  }
}

}  // namespace zerogate
