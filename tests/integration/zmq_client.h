// A ZeroMQ client for tests: a DEALER that never blocks.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/address.h"
#include "core/io/zmq_socket.h"

namespace zerogate::testing {

class ZmqClient {
 public:
  /// With a `queue` of 1 and small buffers it takes nearly nothing that the test does not read.
  struct Options {
    int queue = 0;                ///< messages each way; 0: no limit
    int receive_buffer = 0;       ///< bytes; 0: the system's default
    bool only_connected = false;  ///< send() fails while there is no connection
    std::string identity = {};    ///< that it claims
  };

  ZmqClient(void* context, const Address& address) : ZmqClient(context, address, Options{}) {}
  ZmqClient(void* context, const Address& address, const Options& options)
      : socket_(zmq_socket(context, ZMQ_DEALER)) {
    set_option(socket_, ZMQ_LINGER, 0);
    set_option(socket_, ZMQ_IPV6, 1);
    set_option(socket_, ZMQ_SNDHWM, 0);
    set_option(socket_, ZMQ_RCVHWM, options.queue);
    if (options.receive_buffer != 0) {
      set_option(socket_, ZMQ_RCVBUF, options.receive_buffer);
    }
    if (!options.identity.empty()) {
      zmq_setsockopt(socket_.get(), ZMQ_ROUTING_ID, options.identity.data(),
                     options.identity.size());
    }
    set_option(socket_, ZMQ_IMMEDIATE, options.only_connected ? 1 : 0);
    const std::string endpoint =
        address.is_path() ? "ipc://" + address.path : "tcp://" + address.display();
    zmq_connect(socket_.get(), endpoint.c_str());
  }

  bool send(ByteView body, int flags = 0) {
    return zmq_send(socket_.get(), body.data(), body.size(), ZMQ_DONTWAIT | flags) >= 0;
  }
  /// With `only_connected`: whether there is a connection now.
  bool connected() const {
    int events = 0;
    size_t size = sizeof events;
    zmq_getsockopt(socket_.get(), ZMQ_EVENTS, &events, &size);
    return (events & ZMQ_POLLOUT) != 0;
  }
  /// The next message that is for anybody: as zeroapi's clients, it takes no notice of the frames
  /// that keep a silent connection alive.
  std::optional<std::string> receive() {
    for (;;) {
      ZmqMessage message;
      if (zmq_msg_recv(message.get(), socket_.get(), ZMQ_DONTWAIT) < 0) {
        return std::nullopt;
      }
      if (message.view() != std::string(16, '\0')) {
        return std::string(message.view());
      }
      ++keep_alives;
    }
  }
  void close() { socket_.reset(); }

  uint64_t keep_alives = 0;  ///< frames of which receive() took no notice

 private:
  ZmqSocket socket_;
};

}  // namespace zerogate::testing
