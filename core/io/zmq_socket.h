// Owns libzmq's contexts, sockets and messages.
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

  /// Takes the next frame in place of the last one. False when there is none, or at any error.
  /// Reusing one message saves libzmq's calls that make and close one per frame.
  bool receive(void* socket) {
    size_ = zmq_msg_recv(&message_, socket, ZMQ_DONTWAIT);
    return size_ >= 0;
  }
  /// The bytes of the frame that receive() took.
  ByteView received() {
    return {static_cast<const char*>(zmq_msg_data(&message_)), static_cast<size_t>(size_)};
  }
  /// Frees the bytes; a few bytes may stay until the next receive().
  void release() {
    if (size_ <= kKeptBytes) {
      return;
    }
    zmq_msg_close(&message_);
    zmq_msg_init(&message_);
    size_ = 0;
  }

 private:
  static constexpr int kKeptBytes = 4 << 10;
  zmq_msg_t message_;
  int size_ = 0;
};

/// Sends a message, or frees its bytes: what libzmq does not take it leaves to the sender.
inline bool send_or_free(void* socket, zmq_msg_t& message) {
  const bool taken = zmq_msg_send(&message, socket, ZMQ_DONTWAIT) >= 0;
  if (!taken) {
    zmq_msg_close(&message);
  }
  return taken;
}

template <class T>
void set_option(const ZmqSocket& socket, int option, T value) {
  zmq_setsockopt(socket.get(), option, &value, sizeof value);
}

/// The same of its connections from now on: see core/io/socket_memory.h.
inline void limit_socket_memory(const ZmqSocket& socket, size_t bytes) {
  if (bytes != 0) {
    const auto half = static_cast<int>(bytes / 2);
    set_option(socket, ZMQ_RCVBUF, half);
    set_option(socket, ZMQ_SNDBUF, half);
  }
}

}  // namespace zerogate
