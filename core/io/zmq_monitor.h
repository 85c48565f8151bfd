// Counts the connections of a ZeroMQ socket, which libzmq tells of by events only.
#pragma once

#include <uv.h>

#include <cstdint>
#include <functional>

#include "core/io/zmq_poll.h"
#include "core/io/zmq_socket.h"
#include "core/metrics/worker_metrics.h"

namespace zerogate {

/// Keeps the connection metrics of one bound socket. Loop thread only; destroy it before the
/// socket. `on_change` runs after each batch of events.
class ZmqMonitor final : private ZmqReader {
 public:
  ZmqMonitor(uv_loop_t* loop, void* context, void* socket, ListenerMetrics& metrics,
             std::function<void()> on_change);
  ~ZmqMonitor();

 private:
  bool receive() override;
  void on_event(uint16_t event);

  void* const monitored_;
  ListenerMetrics& metrics_;
  std::function<void()> on_change_;
  ZmqSocket events_;
  ZmqPoll poll_;
};

}  // namespace zerogate
