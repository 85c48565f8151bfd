#include "core/io/zmq_end_watch.h"

#include <fmt/format.h>

#include <utility>

namespace zerogate {
namespace {

constexpr int kEvents = ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_CLOSED | ZMQ_EVENT_DISCONNECTED |
                        ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                        ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;

ZmqSocket open_events(void* context, void* watched) {
  const std::string endpoint = fmt::format("inproc://end-{}", fmt::ptr(watched));
  zmq_socket_monitor(watched, endpoint.c_str(), kEvents);
  ZmqSocket events(zmq_socket(context, ZMQ_PAIR));
  set_option(events, ZMQ_LINGER, 0);
  zmq_connect(events.get(), endpoint.c_str());
  return events;
}

}  // namespace

ZmqEndWatch::ZmqEndWatch(uv_loop_t* loop, void* context, void* socket, std::function<void()> on_end)
    : watched_(socket),
      on_end_(std::move(on_end)),
      events_(open_events(context, socket)),
      poll_(loop, events_.get(), *this) {}

ZmqEndWatch::~ZmqEndWatch() { zmq_socket_monitor(watched_, nullptr, 0); }

bool ZmqEndWatch::receive() {
  bool ended = false;
  ZmqMessage event;
  while (zmq_msg_recv(event.get(), events_.get(), ZMQ_DONTWAIT) >= 0) {
    ended = true;
  }
  if (ended) {
    on_end_();
  }
  return true;
}

}  // namespace zerogate
