// Stops new connections to a listening TCP socket that stays open.
#pragma once

namespace zerogate {

/// libzmq has no limit for connections, cannot pause its listener, and spins when descriptors run
/// out (4.3.4, EMFILE). So the kernel holds new connections back: a socket filter drops every
/// packet of the *listening* socket. Accepted connections are not touched, and clients repeat their
/// SYNs until the gate opens again. A StreamListener, which can pause by itself, closes it for good
/// when the plain ZeroMQ port takes its leave. It works for TCP only: Unix sockets have no such
/// filter, and the file's permissions say who may connect. Any thread.
class AcceptGate {
 public:
  /// `listening_fd` is not owned and outlives the gate; any duplicate of the socket will do.
  explicit AcceptGate(int listening_fd) : fd_(listening_fd) {}

  bool closed() const { return closed_; }
  void close();
  void open();

 private:
  int fd_;
  bool closed_ = false;
};

}  // namespace zerogate
