// Ownership of libzmq's contexts, sockets and messages.
#pragma once

#include <zmq.h>

#include <memory>

#include "core/base/bytes.h"

namespace zerogate {

struct ZmqContextCloser {
  void operator()(void* context) const { zmq_ctx_term(context); }  // waits for LINGER
};
struct ZmqSocketCloser {
  void operator()(void* socket) const { zmq_close(socket); }
};
/// A context outlives its sockets.
using ZmqContext = std::unique_ptr<void, ZmqContextCloser>;
using ZmqSocket = std::unique_ptr<void, ZmqSocketCloser>;

class ZmqMessage {
 public:
  ZmqMessage() { zmq_msg_init(&message_); }
  ~ZmqMessage() { zmq_msg_close(&message_); }
  ZmqMessage(const ZmqMessage&) = delete;
  ZmqMessage& operator=(const ZmqMessage&) = delete;

  zmq_msg_t* get() { return &message_; }
  bool more() { return zmq_msg_more(&message_) != 0; }
  ByteView view() {
    return {static_cast<const char*>(zmq_msg_data(&message_)), zmq_msg_size(&message_)};
  }

 private:
  zmq_msg_t message_;
};

template <class T>
void set_option(const ZmqSocket& socket, int option, T value) {
  zmq_setsockopt(socket.get(), option, &value, sizeof value);
}

}  // namespace zerogate
